#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// The whole text of a file of at most `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = 16U << 20U);

/// What a written file has to survive.
enum class Survives { power_cut, process };

/// Replaces the file in one step: temporary file in the same folder, then rename; both synced where
/// it has to survive a power cut. An existing file's owner, group and mode are kept; a new one gets
/// 0644.
Result<void> replace_file(const std::string& path, std::string_view text,
                          Survives survives = Survives::power_cut);

/// Makes a file that was replaced without being synced survive a power cut too.
Result<void> sync_file(const std::string& path);

/// The file is gone afterwards, whether it was there or not.
Result<void> remove_file(const std::string& path);

/// Last modification, or nothing where there is no such file.
std::optional<Time> modified_at(const std::string& path);

}  // namespace anycast
