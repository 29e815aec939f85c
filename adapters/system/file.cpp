#include "adapters/system/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "adapters/system/fd.hpp"

namespace anycast {
namespace {

constexpr mode_t kNewFile = 0644;

tl::unexpected<Error> fail_file(const std::string& path, std::string_view doing) {
  return fail(Remedy::look_at_host,
              fmt::format("cannot {} '{}': {}", doing, path, std::strerror(errno)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// The name of a new file is the folder's to keep.
void sync_folder(const std::string& folder) {
  const Fd dir{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (dir) ::fsync(dir.get());
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return fail_file(path, "read");
  std::string text;
  std::array<char, 16384> buffer{};
  for (;;) {
    const auto n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_file(path, "read");
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > max_bytes) {
      return fail(Remedy::look_at_host,
                  fmt::format("'{}' is larger than {} bytes", path, max_bytes));
    }
  }
}

Result<void> replace_file(const std::string& path, std::string_view text, Survives survives) {
  const auto folder = std::filesystem::path{path}.parent_path().string();
  const auto name = std::filesystem::path{path}.filename().string();
  const auto temporary = fmt::format("{}/.{}.tmp", folder, name);
  struct stat before {};
  const bool existed = ::stat(path.c_str(), &before) == 0;

  Fd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd) return fail_file(temporary, "write");
  const auto give_up = [&](std::string_view doing) {
    const auto error = fail_file(temporary, doing);
    ::unlink(temporary.c_str());
    return error;
  };
  if (!write_all(fd.get(), text)) return give_up("write");
  if (::fchmod(fd.get(), existed ? before.st_mode & 07777U : kNewFile) != 0)
    return give_up("set the mode of");
  // Only root may give a file away; as another user the group is all that can be kept, and a
  // failure to keep it shows at once when the daemon reads the file.
  if (existed && ::fchown(fd.get(), before.st_uid, before.st_gid) != 0 &&
      ::fchown(fd.get(), -1U, before.st_gid) != 0) {
    return give_up("keep the owner of");
  }
  const bool sync = survives == Survives::power_cut;
  if (sync && ::fsync(fd.get()) != 0) return give_up("sync");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("rename");
  if (sync) sync_folder(folder);
  return {};
}

Result<void> sync_file(const std::string& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return fail_file(path, "sync");
  sync_folder(std::filesystem::path{path}.parent_path().string());
  return {};
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_file(path, "remove");
}

std::optional<Time> modified_at(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Time{seconds{info.st_mtim.tv_sec} +
              std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{info.st_mtim.tv_nsec})};
}

}  // namespace anycast
