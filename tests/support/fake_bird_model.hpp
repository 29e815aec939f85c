#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "controller/render/bird_text.hpp"

namespace anycast::test {

/// What a BIRD knows and does, without its socket. Answers are in the form of the wire.
class FakeBirdModel {
 public:
  explicit FakeBirdModel(std::string operator_config);

  struct Client {
    bool restricted = false;
    bool waits_for_undo = false;
  };
  std::string answer(const std::string& command, Client& client);
  /// Goes back if the time is over; true if it did.
  bool expire();

 private:
  struct Running {
    std::optional<render::FragmentText> ours;
  };
  using Clock = std::chrono::steady_clock;

  std::string load(const std::string& file, std::optional<Running>& out) const;
  std::string configure(std::optional<int> timeout, Client& client);
  std::string check(const std::string& command) const;
  std::string undo();
  std::string protocol(const std::string& name) const;
  std::string received(const std::string& name) const;
  std::string status() const;
  std::string disable(const std::string& name);
  /// Our static protocol for it runs and has it.
  bool originates(const Prefix& prefix) const;
  std::vector<Export> exports(const std::string& protocol) const;
  std::string routes(const std::vector<Export>& exports, const std::string& own_as) const;
  void run(Running next);

  std::string operator_config_;
  Running running_ = {};
  std::optional<Running> old_ = {};
  std::optional<Clock::time_point> undo_at_ = {};
  std::set<std::string> disabled_ = {};
  std::map<std::string, int> updates_ = {};
  std::string booted_;
  std::string reconfigured_;
};

}  // namespace anycast::test
