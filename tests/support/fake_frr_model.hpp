#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/model/router.hpp"

namespace anycast::test {

/// What the fake bgpd has in mind: its configuration, and what each neighbour was sent.
class FakeFrrModel {
 public:
  struct Reply {
    std::string text = {};
    int status = 0;
  };
  /// Where a session stands in the tree of commands.
  struct Client {
    enum class Node { view, enable, config, map, bgp, family4, family6 };
    Node node = Node::view;
    std::string map = {};
    int sequence = 0;
  };

  /// Loads the operator's file.
  explicit FakeFrrModel(const std::string& operator_text);
  Reply answer(const std::string& command, Client& client);

  const std::vector<Export>& heard(const std::string& table) const;
  int updates(const std::string& table) const;

 private:
  struct Entry {
    bool permit = false;
    std::vector<std::string> lines = {};
  };
  struct Neighbor {
    std::string map = {};
    std::vector<Export> sent = {};
    int updates = 0;
  };

  Reply show(const std::string& command) const;
  Reply show_neighbor(const std::string& address) const;
  Reply show_advertised(const std::string& address) const;
  Reply configure(const std::vector<std::string>& words, Client& client);
  bool top(const std::vector<std::string>& words, bool no, Client& client);
  bool map_line(std::vector<std::string> words, bool no, const Client& client);
  bool bgp_line(const std::vector<std::string>& words, bool no, Client& client);
  std::string running() const;
  std::vector<Export> routes_for(const std::string& address) const;
  void send(const std::string& address, bool always);

  std::map<std::string, std::map<std::string, std::string>> lists_ = {};  ///< by head and number
  std::map<std::string, std::map<int, Entry>> maps_ = {};
  /// What follows a network on its line, by prefix and "is IPv4".
  std::map<bool, std::map<std::string, std::string>> networks_ = {};
  std::map<std::string, Neighbor> neighbors_ = {};  ///< by address
  std::vector<std::string> other_ = {};             ///< lines of `router bgp` kept as they are
};

}  // namespace anycast::test
