#include "adapters/system/journal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast {
namespace {

constexpr auto kJournalSocket = "/run/systemd/journal/socket";

// Made once with `systemd-id128 new`; the same ids stand in deploy/systemd/anycastd.catalog.
constexpr std::pair<std::string_view, std::string_view> kMessageIds[] = {
    {"step-withdraw", "02605c60323a48579147c14348dadabb"},
    {"step-prepend", "08f73c40b050455bac69d6be9cfac120"},
    {"step-announce", "0206765a121d4cc09bb1792f03472038"},
    {"step-drain", "0fe078a8ea9b4f09a8ffaf3f186d0317"},
    {"cell-state", "3371b3e6cf244bc5b4c9bbba6d355f3d"},
    {"guard-refused", "42a50af5d5114905ba25c72d2c9914ea"},
    {"blind", "714fd6eb612145418f398138d746e34d"},
    {"applied", "664e9078a6894bcb9d76bc97e2a85034"},
    {"rolled-back", "27d07c926a5f4391a55869624c643fd8"},
    {"router-drift", "b43ab23eec324ef9b9dd923136827995"},
    {"session", "0606852d1be04b1897f7de4027d6a99a"},
    {"operator", "009f1318c7d4410fae6764496f54edac"},
    {"config", "be6e89f6659e49edacd83f390effdf3d"},
    {"service", "315407a124c048fa8dd335315e29969b"},
    {"fleet", "07d262b90d1149cd88bf0e68fe49753c"},
    {"effect", "de5e5df0cc024e638d430983f296328d"},
};

// "step" to "prepend 2" or "prepended 2" is the catalogue's "step-prepend".
std::string catalogue_kind(const Event& event) {
  if (event.kind != "step") return event.kind;
  if (event.to.starts_with("withdr")) return "step-withdraw";
  for (const auto* const stance : {"announce", "prepend", "drain"})
    if (event.to.starts_with(stance)) return fmt::format("step-{}", stance);
  return event.kind;
}

const char* journal_stream() {
  const char* const value = std::getenv("JOURNAL_STREAM");
  return value == nullptr ? "" : value;
}

}  // namespace

std::string_view message_id(const Event& event) {
  const auto kind = catalogue_kind(event);
  const auto* const found = std::ranges::find(
      kMessageIds, std::string_view{kind}, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kMessageIds) ? std::string_view{} : found->second;
}

std::vector<std::string> journal_fields(const Event& event) {
  std::vector<std::string> fields = {"MESSAGE=" + printable(event.text),
                                     fmt::format("PRIORITY={}", event.priority)};
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) fields.push_back(fmt::format("{}={}", name, printable(value)));
  };
  add("MESSAGE_ID", message_id(event));
  add("ANYCASTD_EVENT", event.kind);
  add("ANYCASTD_DECISION", event.decision == 0 ? "" : std::to_string(event.decision));
  add("ANYCASTD_NODE", event.node);
  add("ANYCASTD_UPSTREAM", event.upstream);
  add("ANYCASTD_CARRIER", event.carrier);
  add("ANYCASTD_FROM", event.from);
  add("ANYCASTD_TO", event.to);
  add("ANYCASTD_CAUSE", event.cause);
  add("ANYCASTD_ACTOR", event.actor);
  return fields;
}

SystemJournal::Sink journal_sink(std::string_view journal_stream, int fd,
                                 const std::string& journal_socket) {
  struct stat stream = {};
  struct stat socket = {};
  const bool connected = ::fstat(fd, &stream) == 0 &&
                         journal_stream == fmt::format("{}:{}", stream.st_dev, stream.st_ino) &&
                         ::stat(journal_socket.c_str(), &socket) == 0 && S_ISSOCK(socket.st_mode);
  return connected ? SystemJournal::Sink::journal : SystemJournal::Sink::lines;
}

SystemJournal::SystemJournal(Sink sink, int fd)
    : sink_{sink}, fd_{fd}, prefixed_{::isatty(fd) == 0} {}

SystemJournal::SystemJournal()
    : SystemJournal{journal_sink(journal_stream(), STDERR_FILENO, kJournalSocket), STDERR_FILENO} {}

void SystemJournal::write(const Event& event) {
  if (sink_ == Sink::journal) {
    auto fields = journal_fields(event);
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (auto& field : fields) parts.push_back({.iov_base = field.data(), .iov_len = field.size()});
    if (::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0) return;
  }
  const auto line = prefixed_ ? fmt::format("<{}>{}\n", event.priority, printable(event.text))
                              : printable(event.text) + "\n";
  // One write per line, so that lines of several threads do not mix; where a log cannot be written
  // there is no place left to say so.
  [[maybe_unused]] const auto written = ::write(fd_, line.data(), line.size());
}

}  // namespace anycast
