#include "adapters/bird/twin.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "adapters/system/file.hpp"

namespace anycast::bird {
namespace {

/// An empty file that nobody else can read, then with the owner, group and mode of `model` as far
/// as we may give them; what BIRD then cannot read shows in its answer.
Result<void> make_like(const std::string& path, const std::string& model) {
  struct stat info {};
  if (::stat(model.c_str(), &info) != 0) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot read '{}': {}", model, std::strerror(errno)));
  }
  ::unlink(path.c_str());
  const Fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot write '{}': {}", path, std::strerror(errno)));
  }
  const bool given = ::fchown(fd.get(), info.st_uid, info.st_gid) == 0 ||
                     ::fchown(fd.get(), static_cast<uid_t>(-1), info.st_gid) == 0;
  // Without the group its bits would be for another one.
  if (::fchmod(fd.get(), info.st_mode & (given ? 0666U : 0606U)) != 0) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot set the mode of '{}': {}", path, std::strerror(errno)));
  }
  return {};
}

}  // namespace

Twin::Twin(std::string main_file, const std::string& fragment)
    : main_file_{std::move(main_file)}, fragment_{fragment} {
  const auto folder = std::filesystem::path{fragment}.parent_path();
  candidate_ = (folder / ".anycastd.check.frag").string();
  config_ = (folder / ".anycastd.check.conf").string();
}

Twin::Twin(Twin&& other) noexcept
    : main_file_{std::move(other.main_file_)},
      fragment_{std::move(other.fragment_)},
      candidate_{std::exchange(other.candidate_, {})},
      config_{std::exchange(other.config_, {})} {}

Twin::~Twin() {
  if (!candidate_.empty()) ::unlink(candidate_.c_str());
  if (!config_.empty()) ::unlink(config_.c_str());
}

Result<Twin> Twin::make(const OperatorConfig& config, const std::string& main_file,
                        const std::string& fragment, std::string_view text) {
  Twin twin{main_file, fragment};
  if (auto ok = replace_file(twin.candidate_, text, Survives::process); !ok)
    return tl::unexpected(ok.error());
  if (auto ok = make_like(twin.config_, main_file); !ok) return tl::unexpected(ok.error());
  // An existing file keeps its owner, group and mode.
  auto ok = replace_file(twin.config_, twin_of(config, main_file, fragment, twin.candidate_),
                         Survives::process);
  if (!ok) return tl::unexpected(ok.error());
  return twin;
}

Error Twin::named(Error error) const {
  if (error.place.file == candidate_) error.place.file = fragment_;
  if (error.place.file == config_) error.place.file = main_file_;
  return error;
}

}  // namespace anycast::bird
