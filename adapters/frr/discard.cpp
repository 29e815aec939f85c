#include "adapters/frr/discard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "controller/base/text.hpp"
#include "controller/model/blackhole.hpp"

namespace anycast::frr {
namespace {

constexpr int kRoutesInTimeouts = 2;
// The worst that a route can have and still be used: any other route for the host is better.
constexpr auto kKind = "blackhole 254";

bool is_host(const Settings& settings, const std::string& network) {
  const auto parsed = Prefix::parse(network);
  return parsed && std::ranges::any_of(settings.prefixes, [&](const Prefix& prefix) {
           return is_host_of(*parsed, prefix);
         });
}

std::string route_to(const std::string& host) {
  const bool v4 = host.find(':') == std::string::npos;
  return fmt::format("{} route {} {}", v4 ? "ip" : "ipv6", host, kKind);
}

std::set<std::string> discarded(const Settings& settings, const std::string& running) {
  std::set<std::string> out;
  for (const auto& line : split(running, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() < 3 || line != route_to(words[2])) continue;
    if (is_host(settings, words[2])) out.insert(words[2]);
  }
  return out;
}

/// Who keeps static routes; a file may be left of one that does not run any more.
Result<Vty> keeper(const Settings& settings) {
  const auto folder = std::filesystem::path{settings.socket}.parent_path();
  const auto open = [&](const char* name) {
    return Vty::connect((folder / name).string(), settings.timeout,
                        settings.timeout * kRoutesInTimeouts);
  };
  auto vty = open("mgmtd.vty");
  return vty ? std::move(vty) : open("staticd.vty");
}

}  // namespace

std::set<std::string> hosts_in(const Settings& settings, const Objects& objects) {
  std::set<std::string> out;
  for (const auto& [network, rest] : objects.networks) {
    if (is_host(settings, network)) out.insert(network);
  }
  return out;
}

Result<void> discard(const Settings& settings, const std::set<std::string>& hosts) {
  auto vty = keeper(settings);
  if (!vty) return {};
  const auto running = vty->told("show running-config");
  if (!running) return tl::unexpected(running.error());
  const auto there = discarded(settings, *running);
  std::vector<std::string> commands;
  for (const auto& host : hosts) {
    if (!there.contains(host)) commands.push_back(route_to(host));
  }
  for (const auto& host : there) {
    if (!hosts.contains(host)) commands.push_back("no " + route_to(host));
  }
  if (commands.empty()) return {};
  return vty->configure(commands);
}

}  // namespace anycast::frr
