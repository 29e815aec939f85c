#include "controller/render/keepalived.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"

namespace anycast::render {
namespace {

constexpr std::uint32_t kFirst = 150;
constexpr std::uint32_t kSecond = 100;
constexpr Duration kTenth = milliseconds{100};
constexpr Duration kAdvertMost = milliseconds{40900};  // 12 bits of centiseconds (RFC 5798, 5.2.7)

/// Each value stands for all of its kind.
Record sample() {
  return {{"node", Data{"hk-1"}},
          {"fifo", Data{"/run/fifo"}},
          {"user", Data{"anycastd"}},
          {"has_track", Data{true}},
          {"track_file", Data{"/run/track"}},
          {"instance", Data{"VI_1"}},
          {"link", Data{"eth0"}},
          {"id", Data{1U}},
          {"priority", Data{1U}},
          {"advert_seconds", Data{1U}},
          {"advert_tenths", Data{0U}},
          {"unicast", Data{true}},
          {"local", Data{"192.0.2.1"}},
          {"peers", Data{List{{{"address", Data{"192.0.2.2"}}}}}},
          {"address", Data{"192.0.2.3"}},
          {"length", Data{32U}}};
}

Result<void> check(const PairSite& site, const Address& address) {
  const auto wrong = [](std::string text) { return fail(Remedy::fix_value, std::move(text)); };
  if (site.id < 1 || site.id > 255)
    return wrong(fmt::format("'{}' is no virtual_router_id, expected 1 to 255", site.id));
  if (site.priority > 254)
    return wrong(fmt::format("'{}' is no priority, expected 1 to 254", site.priority));
  if (site.advert < kTenth || site.advert > kAdvertMost || site.advert % kTenth != Duration{0}) {
    return wrong(fmt::format(
        "'{}' cannot be between two adverts, expected 100ms to 40900ms in steps of 100ms",
        print_duration(site.advert)));
  }
  if (site.local.has_value() == site.peers.empty())
    return wrong("the own address and that of the other host go together: give both or none");
  const auto most = address.family == Address::Family::v4 ? 32U : 128U;
  if (site.length && (*site.length < 1 || *site.length > most))
    return wrong(fmt::format("'{}' is no prefix length for {}, expected 1 to {}", *site.length,
                             to_string(address), most));
  auto all = site.peers;
  if (site.local) all.push_back(*site.local);
  for (const auto& one : all) {
    if (one.family != address.family)
      return wrong(
          fmt::format("{} and {} are not of one family", to_string(one), to_string(address)));
  }
  return {};
}

/// By the names of the nodes that share the address.
std::uint32_t usual_priority(const Config& config, const Address& address) {
  for (const auto& [name, node] : config.nodes) {
    if (node.local.keepalived.address == address) return name == config.self ? kFirst : kSecond;
  }
  return kSecond;
}

}  // namespace

Result<Template> compile_keepalived(std::string name, std::string_view text) {
  return Template::compile(std::move(name), text, sample());
}

Result<std::string> keepalived(const Template& text, const Config& config, const PairSite& site) {
  const auto& own = config.me().local.keepalived;
  if (own.fifo.empty() || !own.address) {
    return fail(Remedy::fix_value, fmt::format("node '{}' has no local.keepalived", config.self));
  }
  if (auto ok = check(site, *own.address); !ok) return tl::unexpected(ok.error());
  List peers;
  for (const auto& peer : site.peers) peers.push_back({{"address", Data{to_string(peer)}}});
  const auto whole = own.address->family == Address::Family::v4 ? 32U : 128U;
  const auto tenths = static_cast<std::uint32_t>(site.advert / kTenth);
  const auto priority = site.priority > 0 ? site.priority : usual_priority(config, *own.address);
  return text.render({{"node", Data{config.self}},
                      {"fifo", Data{own.fifo}},
                      {"user", Data{site.user}},
                      {"has_track", Data{!own.track_file.empty()}},
                      {"track_file", Data{own.track_file}},
                      {"instance", Data{own.instance}},
                      {"link", Data{site.link}},
                      {"id", Data{site.id}},
                      {"priority", Data{priority}},
                      {"advert_seconds", Data{tenths / 10}},
                      {"advert_tenths", Data{tenths % 10}},
                      {"unicast", Data{site.local.has_value()}},
                      {"local", Data{site.local ? to_string(*site.local) : std::string{}}},
                      {"peers", Data{std::move(peers)}},
                      {"address", Data{to_string(*own.address)}},
                      {"length", Data{site.length.value_or(whole)}}});
}

}  // namespace anycast::render
