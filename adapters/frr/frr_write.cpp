#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

#include "adapters/frr/discard.hpp"
#include "adapters/frr/frr.hpp"
#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/render/frr_text.hpp"

namespace anycast::frr {
namespace {

constexpr auto kPollEvery = milliseconds{10};
// bgpd gathers what it sends for 50 ms, and a cleared neighbour waits for another 50 ms.
constexpr int kHeardInTimeouts = 2;
constexpr auto kSpeaksWithin = milliseconds{250};
// Daemons that keep route-maps and prefix-lists of their own (vtysh/vtysh.h, VTYSH_RMAP).
constexpr std::array<std::string_view, 10> kOthers{"zebra",  "mgmtd", "ospfd",  "ospf6d", "ripd",
                                                   "ripngd", "isisd", "eigrpd", "babeld", "pimd"};

bool has_family(const Objects& objects, const Address& address) {
  return std::ranges::any_of(objects.networks, [&](const auto& network) {
    const auto prefix = Prefix::parse(network.first);
    return prefix && prefix->address.family == address.family;
  });
}

}  // namespace

/// What a change from one to the other would break or cannot do.
Result<void> FrrSpeaker::free_of_ours(const Running& running, const Objects& to) const {
  for (const auto& [name, entries] : running.objects.maps) {
    if (to.maps.contains(name) || !running.attached.contains(name)) continue;
    return fail(Remedy::fix_value,
                fmt::format("bgpd uses the route-map '{}', which no session has any more; expected "
                            "it to be taken off its neighbor first",
                            name));
  }
  for (const auto& [prefix, rest] : to.networks) {
    const auto found = running.objects.networks.find(prefix);
    if (found == running.objects.networks.end() || found->second == rest) continue;
    return fail(Remedy::fix_text,
                fmt::format("bgpd has 'network {} {}', expected 'network {}' alone or none", prefix,
                            found->second, prefix));
  }
  return {};
}

/// The neighbours that are up, with what each has been sent and whether it has to be sent more.
Result<std::vector<FrrSpeaker::Target>> FrrSpeaker::targets(Vty& vty, const Objects& before,
                                                            const Exports* wanted) const {
  std::vector<Target> out;
  for (const auto& [upstream, session] : settings_.sessions) {
    const auto found = neighbor(vty, upstream);
    if (!found) return tl::unexpected(found.error());
    if (!found->up()) continue;
    Target target{
        .upstream = upstream, .updates_sent = found->updates_sent, .refreshes = found->refreshes};
    if (wanted != nullptr && wanted->contains(upstream)) {
      const auto exports = exports_of(vty, upstream, before);
      if (!exports) return tl::unexpected(exports.error());
      target.expects = *exports != wanted->at(upstream);
    }
    out.push_back(std::move(target));
  }
  return out;
}

/// `way` is "in" or "out".
Result<void> FrrSpeaker::clear(Vty& vty, const std::string& upstream, std::string_view way) const {
  const auto& neighbor = settings_.sessions.at(upstream).neighbor;
  const auto done = vty.told(fmt::format("clear bgp {} unicast {} soft {}", family_of(neighbor),
                                         to_string(neighbor), way));
  if (!done) return tl::unexpected(done.error());
  return {};
}

/// Until each of them that has to hear something was sent something. What bgpd shows as advertised
/// can run ahead of the wire; its counter of sent UPDATEs does not (bgpd/bgp_packet.c, bgp_write).
Result<void> FrrSpeaker::heard_of(Vty& vty, std::vector<Target> targets) const {
  const auto deadline = deadline_in(settings_.timeout * kHeardInTimeouts);
  std::erase_if(targets, [](const Target& target) { return !target.expects; });
  while (!targets.empty()) {
    const auto now = neighbor(vty, targets.back().upstream);
    if (!now) return tl::unexpected(now.error());
    if (!now->up() || now->updates_sent > targets.back().updates_sent) {
      targets.pop_back();
    } else if (std::chrono::steady_clock::now() > deadline) {
      Error error{.remedy = Remedy::look_at_peer,
                  .text = fmt::format("bgpd has sent no UPDATE to '{}' after the change",
                                      targets.back().upstream)};
      error.notes.emplace_back(
          "it announces a network only where it has a route for it (ip route ... blackhole), or "
          "with 'no bgp network import-check'");
      return tl::unexpected(std::move(error));
    } else {
      std::this_thread::sleep_for(kPollEvery);
    }
  }
  return {};
}

/// Gives bgpd the time to say all of it: the UPDATE that `heard_of` waits for may have been that of
/// one prefix alone. Who reads what is in force next sees whether it was enough.
void FrrSpeaker::await_exports(Vty& vty, const Objects& objects, const std::vector<Target>& targets,
                               const Exports& wanted) const {
  const auto deadline = deadline_in(settings_.timeout * kHeardInTimeouts);
  const auto waits = [&](const Target& target) {
    if (!target.expects) return false;
    const auto exports = exports_of(vty, target.upstream, objects);
    return exports && *exports != wanted.at(target.upstream);
  };
  for (const auto& target : targets) {
    while (waits(target) && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(kPollEvery);
  }
}

/// Gives bgpd the time to say what is not waited for: merged with a change that follows at once, it
/// would let a neighbour hear the same twice.
void FrrSpeaker::let_speak(Vty& vty, const Delta& delta, const std::vector<Target>& targets) const {
  const auto deadline = deadline_in(kSpeaksWithin);
  for (const auto& target : targets) {
    bool silent = delta.changed_maps.contains(settings_.sessions.at(target.upstream).map);
    while (silent && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kPollEvery);
      const auto now = neighbor(vty, target.upstream);
      silent = now && now->up() && now->updates_sent == target.updates_sent;
    }
  }
}

Result<void> FrrSpeaker::carry_out(Vty& vty, const Delta& delta, const Objects& from,
                                   std::vector<Target> targets) {
  auto filters = delta.filters;
  filters.insert(filters.end(), delta.removals.begin(), delta.removals.end());
  if (auto ok = vty.configure(filters); !ok) return ok;
  for (const auto& target : targets) {
    const auto& session = settings_.sessions.at(target.upstream);
    // What came in before is looked at anew; the neighbour sends it again and hears nothing.
    if (target.refreshes && delta.changed_maps.contains(session.import)) {
      if (auto ok = clear(vty, target.upstream, "in"); !ok) return ok;
    }
    // Without a clear a change of a route-map leaves after 5 s, or never (bgp route-map
    // delay-timer). Where nothing was originated before, there is nothing to send again.
    const bool touched = delta.changed_maps.contains(session.map);
    if (!touched || !has_family(from, session.neighbor)) continue;
    if (auto ok = clear(vty, target.upstream, "out"); !ok) return ok;
  }
  if (auto ok = vty.configure(delta.origins); !ok) return ok;
  if (auto ok = heard_of(vty, std::move(targets)); !ok) return ok;
  return vty.configure(delta.revision);
}

/// What bgpd began to originate while zebra was away stays unusable for good, and enters nobody's
/// table; entered again it is asked for again.
Result<void> FrrSpeaker::originate_again(Vty& vty, const Running& from, const Objects& to) const {
  Objects unusable;
  for (const auto& [prefix, rest] : from.objects.networks) {
    const auto parsed = Prefix::parse(prefix);
    if (!parsed || !to.networks.contains(prefix)) continue;
    const auto usable =
        vty.told(fmt::format("show bgp {} unicast {} json", family_of(parsed->address), prefix))
            .and_then(read_usable);
    if (usable && !*usable) unusable.networks[prefix] = rest;
  }
  if (unusable.networks.empty()) return {};
  if (auto ok = vty.configure(without_networks(unusable, from.instance)); !ok) return ok;
  return vty.configure(delta({}, unusable, from.instance).origins);
}

/// Makes bgpd run `to` and reads back that it does. `from.objects` has of the networks only ours.
Result<void> FrrSpeaker::bring(Vty& vty, const Running& from, const Objects& to,
                               const Exports* wanted) {
  const auto changes = delta(from.objects, to, from.instance);
  if (changes.empty()) return {};
  auto reached = targets(vty, from.objects, wanted);
  if (!reached) return tl::unexpected(reached.error());
  const auto hosts = hosts_in(settings_, to);
  auto routes = hosts_in(settings_, from.objects);
  routes.insert(hosts.begin(), hosts.end());
  if (!routes.empty()) {
    if (auto ok = discard(settings_, routes); !ok) return ok;
  }
  if (auto ok = originate_again(vty, from, to); !ok) return ok;
  if (auto ok = carry_out(vty, changes, from.objects, *reached); !ok) return ok;
  if (wanted == nullptr) let_speak(vty, changes, *reached);
  const auto now = running(vty);
  if (!now) return tl::unexpected(now.error());
  auto ours = to.networks;
  ours.insert(from.objects.networks.begin(), from.objects.networks.end());
  if (only(now->objects, ours) != to) {
    return fail(Remedy::look_at_peer,
                "bgpd runs other objects of ours after the change than it was told");
  }
  if (wanted != nullptr) await_exports(vty, now->objects, *reached, *wanted);
  const auto done = routes.empty() ? Result<void>{} : discard(settings_, hosts);
  if (!done) heard_.push_back("hosts are still discarded here: " + done.error().text);
  return {};
}

void FrrSpeaker::clean_others() {
  const auto folder = std::filesystem::path{settings_.socket}.parent_path();
  for (const auto other : kOthers) {
    const auto socket = (folder / fmt::format("{}.vty", other)).string();
    if (!modified_at(socket)) continue;
    auto vty = Vty::connect(socket, settings_.timeout, settings_.timeout * kHeardInTimeouts);
    if (!vty) continue;  // the file of one that does not run any more
    const auto text = vty->told("show running-config");
    const auto held = text ? read_running(*text).objects : Objects{};
    if (held.empty()) continue;
    Objects nothing;
    nothing.networks = held.networks;
    const auto done = vty->configure(delta(held, nothing, {}).removals);
    if (!done) {
      heard_.push_back(
          fmt::format("objects of ours stay in {}, where a 'write memory' would find "
                      "them: {}",
                      other, done.error().text));
    }
  }
}

}  // namespace anycast::frr
