#pragma once

#include <string>

#include "adapters/bird/client.hpp"
#include "adapters/bird/operator_config.hpp"

namespace anycast::bird {

/// Two hidden files beside the fragment: a candidate, and a copy of the operator's main file that
/// includes it instead. Both disappear with this object. The copy may hold secrets of the original
/// and gets its owner, group and mode.
class Twin {
 public:
  static Result<Twin> make(const OperatorConfig& config, const std::string& main_file,
                           const std::string& fragment, std::string_view text);
  Twin(Twin&& other) noexcept;
  Twin& operator=(Twin&&) = delete;
  ~Twin();

  const std::string& file() const { return config_; }
  /// The error with the twin's files named as what they stand for.
  Error named(Error error) const;

 private:
  Twin(std::string main_file, const std::string& fragment);

  std::string main_file_;
  std::string fragment_;
  std::string candidate_;
  std::string config_;
};

}  // namespace anycast::bird
