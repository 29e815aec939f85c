#pragma once

#include "controller/ports/ports.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/folder.hpp"
#include "tests/support/validator.hpp"

// What every routing daemon says of ROAs.
namespace anycast::test {

inline const Prefix kOurs = *Prefix::parse("203.0.113.0/24");
inline const Prefix kOurs6 = *Prefix::parse("2001:db8:100::/48");

/// A routing daemon without a peer, which takes its ROAs from a real stayrtr.
class RoaDaemon {
 public:
  RoaDaemon() = default;
  RoaDaemon(const RoaDaemon&) = delete;
  RoaDaemon& operator=(const RoaDaemon&) = delete;
  virtual ~RoaDaemon() { end_process(daemon_); }

  virtual Result<OriginView> ask() = 0;
  bool says(const Origin& origin) {
    return eventually([&] {
      const auto view = ask();
      return view && view->prefixes.at(kOurs) == origin;
    });
  }
  bool refuses(const std::string& text) {
    return eventually([&] {
      const auto view = ask();
      return !view && view.error().text == text;
    });
  }

 protected:
  void start(const std::vector<std::string>& words) {
    daemon_ = spawn(inside(validator.space(), words));
  }
  Folder folder_;

 private:
  pid_t daemon_ = 0;

 public:
  Validator validator{folder_.name()};
};

/// Served, removed, changed and brought back; the validator serves valid ones at the end.
inline void follows_validator(RoaDaemon& daemon) {
  auto& validator = daemon.validator;
  validator.serves({"203.0.113.0/24-24 AS64500", "2001:db8::/32-48 AS64500"});
  REQUIRE(daemon.says({.state = OriginState::valid}));
  CHECK(daemon.ask()->prefixes.at(kOurs6) == Origin{.state = OriginState::valid});
  validator.serves({"198.51.100.0/24-24 AS64500"});
  CHECK(daemon.says({.state = OriginState::not_found}));
  // bgpd shows the second only at its own length: it ends above our prefix.
  validator.serves({"203.0.113.0/24-24 AS64511", "203.0.112.0/22-22 AS64500"});
  CHECK(daemon.says({.state = OriginState::invalid,
                     .roas = {*parse_roa("203.0.112.0/22-22 AS64500"),
                              *parse_roa("203.0.113.0/24-24 AS64511")}}));
  validator.serves({"203.0.113.0/24-24 AS64500"});
  CHECK(daemon.says({.state = OriginState::valid}));
}

}  // namespace anycast::test
