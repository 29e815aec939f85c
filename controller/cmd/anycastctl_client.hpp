#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "controller/cmd/anycastctl.hpp"

namespace anycast::cmd {

struct Answer {
  int status;
  Json body;
};

/// The daemon on this host.
class Daemon {
 public:
  explicit Daemon(const Options& options);
  /// Any answer of the daemon, errors too. Without one: the exit code, after saying why.
  tl::expected<Answer, int> ask(const std::string& method, const std::string& path,
                                const Json& body) const;
  /// A successful answer's body, or the exit code, after saying why.
  tl::expected<Json, int> get(const std::string& path,
                              const std::map<std::string, std::string>& query = {}) const;
  tl::expected<Json, int> post(const std::string& path, const Json& body) const;

 private:
  tl::expected<Json, int> good(const tl::expected<Answer, int>& answer) const;

  std::string socket_;
  Duration timeout_;
  bool quiet_;
};

/// Gives an order and waits for what a cycle makes of it: an OrderReply, or the exit code, after
/// saying why.
tl::expected<Json, int> carry_out(const Daemon& daemon, const Json& order);

/// Asks on a terminal whether to go on, unless the options said yes; kOk, or the exit code.
int agree(const std::string& what, const Options& options);

}  // namespace anycast::cmd
