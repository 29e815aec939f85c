#pragma once

#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace anycast::test {

void write_file(const std::string& file, const std::string& text);
/// The test cannot be: a failure in CI, and a warning elsewhere.
void skip(const std::string& why);

/// A real stayrtr that serves ROAs from a file, in a network namespace of its own with "lo" up.
class Validator {
 public:
  static constexpr int kPort = 8282;

  explicit Validator(std::string folder);
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;
  ~Validator();

  /// Why this machine cannot have one, or empty.
  const std::string& why() const { return why_; }
  pid_t space() const { return space_; }
  /// "203.0.113.0/24-24 AS64500"; it runs from the first call on.
  void serves(const std::vector<std::string>& roas);
  void kill();

 private:
  std::string folder_;
  std::string why_ = {};
  pid_t space_ = 0;
  pid_t stayrtr_ = 0;
};

}  // namespace anycast::test
