#include "tests/support/fake_bird_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

#include "controller/base/text.hpp"

namespace anycast::test {
namespace {

const std::map<std::string, std::string>& sessions() {
  static const std::map<std::string, std::string> by_table{
      {"t_cmi", "cmi"}, {"t_ntt", "ntt-hk"}, {"t_ntt6", "ntt6"}};
  return by_table;
}

std::string local_now() {
  const auto now = std::chrono::system_clock::now();
  const auto stamp = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::localtime_r(&stamp, &parts);
  const auto fraction =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     fraction);
}

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream file{path};
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What stands between the two, if that is how the text begins and ends.
std::optional<std::string> between(std::string_view text, std::string_view begin,
                                   std::string_view end) {
  if (text.size() < begin.size() + end.size() || !text.starts_with(begin) || !text.ends_with(end)) {
    return std::nullopt;
  }
  text.remove_prefix(begin.size());
  text.remove_suffix(end.size());
  return std::string{text};
}

}  // namespace

std::string operator_text(const std::string& include) {
  return fmt::format(R"(# the operator's own file
router id 192.0.2.1;
include "{}";
protocol device {{ }}
template bgp upstream {{
  connect delay time 1;
  error wait time 1, 2;
}}
protocol bgp cmi from upstream {{
  local 192.0.2.1 as 64500;
  neighbor 192.0.2.2 as 64501;
  ipv4 {{ import none; export filter anycastd_cmi; }};
}}
protocol bgp 'ntt-hk' from upstream {{
  local 192.0.2.5 as 64500;
  neighbor 192.0.2.6 as 64502;
  ipv4 {{ import none; export filter 'anycastd_ntt-hk'; }};
}}
protocol bgp ntt6 from upstream {{
  local 2001:db8::1 as 64500;
  neighbor 2001:db8::2 as 64502;
  ipv6 {{ import none; export filter anycastd_ntt6; }};
}}
)",
                     include);
}

FakeBirdModel::FakeBirdModel(std::string operator_config)
    : operator_config_{std::move(operator_config)}, booted_{local_now()}, reconfigured_{booted_} {
  std::optional<Running> first;
  load(operator_config_, first);
  if (first) run(*first);
}

/// The error reply, or nothing and `out` set. A line of the operator that begins with "oops" does
/// not parse.
std::string FakeBirdModel::load(const std::string& file, std::optional<Running>& out) const {
  const auto text = content_of(file);
  if (!text) return fmt::format("8002 {}: No such file or directory\n", file);
  Running next;
  int line = 0;
  for (const auto& row : split(*text, '\n')) {
    ++line;
    if (row.starts_with("oops")) {
      return fmt::format("8002 {}:{}:1 syntax error, unexpected CF_SYM_UNDEFINED\n", file, line);
    }
    const auto include = between(trim(row), "include \"", "\";");
    if (!include) continue;
    auto path = *include;
    if (path.ends_with("/*.conf")) path.replace(path.size() - 6, 6, "bird.conf");
    const auto inner = content_of(path);
    if (!inner) {
      return fmt::format("8002 {}:{}:1 Unable to open included file {}\n", file, line, path);
    }
    const auto ours = render::parse_bird(*inner);
    if (!ours) {
      return fmt::format("8002 {}:{}:{} syntax error\n", path, ours.error().place.line,
                         ours.error().place.column);
    }
    next.ours = *ours;
  }
  for (const auto& [table, protocol] : sessions()) {
    const bool used = text->find("anycastd_" + protocol) != std::string::npos;
    if (used && (!next.ours || !next.ours->filters.contains("anycastd_" + protocol))) {
      return fmt::format("8002 {}:{}:1 No such filter anycastd_{}\n", file, line, protocol);
    }
  }
  out = std::move(next);
  return {};
}

void FakeBirdModel::run(Running next) {
  std::map<std::string, std::vector<Export>> before;
  for (const auto& [table, protocol] : sessions()) before[table] = exports(protocol);
  running_ = std::move(next);
  disabled_.clear();
  for (const auto& [table, protocol] : sessions()) {
    if (exports(protocol) != before[table]) ++updates_[table];
  }
  reconfigured_ = local_now();
}

std::string FakeBirdModel::configure(std::optional<int> timeout, Client& client) {
  const auto begin = fmt::format("0002-Reading configuration from {}\n", operator_config_);
  std::optional<Running> next;
  const auto error = load(operator_config_, next);
  if (!error.empty()) return begin + error;
  undo_at_.reset();
  old_ = running_;
  run(*next);
  if (!timeout) return begin + "0003 Reconfigured\n";
  undo_at_ = Clock::now() + std::chrono::seconds{*timeout};
  client.waits_for_undo = true;
  return begin + fmt::format("0022-Undo scheduled in {} s\n0003 Reconfigured\n", *timeout);
}

std::string FakeBirdModel::check(const std::string& command) const {
  const auto file = between(command, "configure check \"", "\"").value_or(operator_config_);
  std::optional<Running> unused;
  const auto error = load(file, unused);
  return fmt::format("0002-Reading configuration from {}\n{}", file,
                     error.empty() ? "0020 Configuration OK\n" : error);
}

std::string FakeBirdModel::undo() {
  undo_at_.reset();
  if (!old_) return "0021-Undo requested\n0019 Nothing to do\n";
  run(*std::exchange(old_, {}));
  return "0021-Undo requested\n0003 Reconfigured\n";
}

bool FakeBirdModel::expire() {
  if (!undo_at_ || Clock::now() < *undo_at_) return false;
  undo();
  return true;
}

bool FakeBirdModel::originates(const Prefix& prefix) const {
  const bool v4 = prefix.address.family == Address::Family::v4;
  return running_.ours && std::ranges::count(running_.ours->routes, prefix) > 0 &&
         !disabled_.contains(v4 ? "anycastd4" : "anycastd6");
}

std::vector<Export> FakeBirdModel::exports(const std::string& protocol) const {
  if (!running_.ours) return {};
  const auto filter = running_.ours->filters.find("anycastd_" + protocol);
  if (filter == running_.ours->filters.end()) return {};
  std::vector<Export> out;
  for (const auto& route : filter->second) {
    if (originates(route.prefix)) out.push_back(route);
  }
  return out;
}

std::string FakeBirdModel::routes(const std::vector<Export>& exports,
                                  const std::string& own_as) const {
  std::string out;
  for (const auto& route : exports) {
    const bool v4 = route.prefix.address.family == Address::Family::v4;
    std::string path = own_as;
    for (const auto asn : route.as_path) path += fmt::format(" {}", asn);
    out +=
        fmt::format("1007-Table master{}:\n {:<20} blackhole [anycastd{} 12:00:00.000] * (200)\n",
                    v4 ? 4 : 6, to_string(route.prefix), v4 ? 4 : 6);
    out += "1008-\tType: static univ\n";
    out += fmt::format("1012-\tBGP.origin: IGP\n \tBGP.as_path: {}\n", trim(path));
    for (const auto& c : route.communities) {
      const bool large = std::ranges::count(c, ':') == 2;
      out += fmt::format(" \tBGP.{}community: ({})\n", large ? "large_" : "",
                         join(split(c, ':'), large ? ", " : ","));
    }
  }
  return out + "0000 \n";
}

std::string FakeBirdModel::protocol(const std::string& name) const {
  const bool known =
      std::ranges::count(sessions(), name, &std::pair<const std::string, std::string>::second) > 0;
  if (!known ||
      content_of(operator_config_).value_or("").find("anycastd_" + name) == std::string::npos) {
    return "8003 No protocols match\n";
  }
  return fmt::format(
      "2002-Name       Proto      Table      State  Since         Info\n"
      "1002-{:<10} BGP        ---        up     12:00:00.000  Established   \n"
      "1006-  BGP state:          Established\n     Neighbor address: 192.0.2.2\n"
      "   Channel {}\n     State:          UP\n     Output filter:  anycastd_{}\n"
      "     Routes:         0 imported, {} exported, 0 preferred\n \n0000 \n",
      name, name == "ntt6" ? "ipv6" : "ipv4", name, exports(name).size());
}

std::string FakeBirdModel::received(const std::string& name) const {
  const auto updates = updates_.find("t_" + name);
  return fmt::format(
      "2002-Name       Proto      Table      State  Since         Info\n"
      "1002-from_{:<5} BGP        ---        up     12:00:00.000  Established   \n"
      "1006-  Import updates: {}\n \n0000 \n",
      name, updates == updates_.end() ? 0 : updates->second);
}

std::string FakeBirdModel::status() const {
  return fmt::format(
      "1000-BIRD 2.0.12\n1011-Router ID is 192.0.2.1\n Hostname is hk1\n Current server time is "
      "{}\n Last reboot on {}\n Last reconfiguration on {}\n0013 Daemon is up and running\n",
      local_now(), booted_, reconfigured_);
}

std::string FakeBirdModel::disable(const std::string& name) {
  if (!running_.ours || (name != "anycastd4" && name != "anycastd6")) {
    return "8003 No protocols match\n";
  }
  const bool new_one = disabled_.insert(name).second;
  return new_one ? fmt::format("0009-{}: disabled\n0000 \n", name)
                 : fmt::format("0008-{}: already disabled\n0000 \n", name);
}

std::string FakeBirdModel::answer(const std::string& command, Client& client) {
  if (command == "restrict") {
    client.restricted = true;
    return "0016 Access restricted\n";
  }
  if (command == "show status") return status();
  if (command == "eval ANYCASTD_REVISION") {
    return running_.ours ? fmt::format("0023 {}\n", running_.ours->revision)
                         : "9001 syntax error, unexpected CF_SYM_UNDEFINED\n";
  }
  if (command == "configure status") {
    return fmt::format("0003-Daemon is up and running\n{}0000 \n",
                       undo_at_ ? "0022-Configuration unconfirmed, undo in 4.999 s\n" : "");
  }
  if (const auto name = between(command, "show protocols all \"from_", "\""))
    return received(*name);
  if (const auto name = between(command, "show protocols all \"", "\"")) return protocol(*name);
  if (const auto table = between(command, "show route table ", " all")) {
    return routes(exports(sessions().at(table->substr(0, table->find(' ')))), "64500");
  }
  if (between(command, "show route ", "' all")) {
    const auto quote = command.find('\'') + 1;
    const auto name = command.substr(quote, command.rfind('\'') - quote);
    const auto prefix =
        Prefix::parse(std::string_view{command}.substr(0, command.find(" export ")).substr(11));
    if (!prefix || !originates(*prefix)) return "8001 Network not found\n";
    auto list = exports(name);
    std::erase_if(list, [&](const Export& e) { return e.prefix != *prefix; });
    return routes(list, "");
  }
  if (client.restricted) return "8007 Access denied\n";
  if (command == "configure") return configure({}, client);
  if (const auto time = between(command, "configure timeout ", "")) {
    return configure(std::stoi(*time), client);
  }
  if (command.starts_with("configure check")) return check(command);
  if (command == "configure undo") return undo();
  if (command == "configure confirm") {
    const bool waiting = undo_at_.has_value();
    undo_at_.reset();
    return waiting ? "0018 Reconfiguration confirmed\n" : "0019 Nothing to do\n";
  }
  if (const auto name = between(command, "disable \"", "\"")) return disable(*name);
  return "9001 syntax error\n";
}

}  // namespace anycast::test
