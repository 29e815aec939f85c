#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/frr/objects.hpp"
#include "controller/base/error.hpp"
#include "controller/base/time.hpp"

namespace anycast::frr {

/// The way back of a change that nobody has confirmed: written before the change, removed when it
/// is confirmed or taken back, so that whoever comes after a kill can do either.
struct Probation {
  Time until;
  std::uint32_t revision = 0;            ///< of the change
  std::optional<std::string> file = {};  ///< text of the fragment's file before; none: no file
  Objects objects = {};                  ///< that ran before, networks of ours included
};

/// "<fragment>.probation".
std::string probation_file(const std::string& fragment);
Result<void> write_probation(const std::string& fragment, const Probation& probation);
/// Nothing where no change is on probation; an error where the file is not one of ours.
Result<std::optional<Probation>> read_probation(const std::string& fragment);
Result<void> remove_probation(const std::string& fragment);

}  // namespace anycast::frr
