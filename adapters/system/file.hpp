#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"

namespace anycast {

/// The whole text of a file of at most `max_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes = 16U << 20U);

/// Replaces the file in one step: temporary file in the same folder, fsync, rename, fsync of the
/// folder. An existing file's owner, group and mode are kept; a new one gets `mode`.
Result<void> replace_file(const std::string& path, std::string_view text, mode_t mode = 0644);

/// Last modification, or nothing where there is no such file.
std::optional<Time> modified_at(const std::string& path);

}  // namespace anycast
