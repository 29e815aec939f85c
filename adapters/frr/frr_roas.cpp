#include <fmt/format.h>

#include "adapters/frr/frr.hpp"
#include "controller/base/text.hpp"

namespace anycast::frr {
namespace {

// All exchanges of one reading together; a prefix takes some dozens of a fraction of a millisecond.
constexpr int kRoasInTimeouts = 4;
// No registry gives out shorter ones (IANA).
constexpr int kShortest4 = 8;
constexpr int kShortest6 = 12;

/// The ROAs that bgpd has for exactly this prefix.
Result<std::vector<Roa>> roas_for(Vty& vty, const Prefix& prefix) {
  const auto command = fmt::format("show rpki prefix {} json", to_string(prefix));
  const auto reply = vty.ask(command);
  if (!reply) return tl::unexpected(reply.error());
  switch (reply->status) {
    case 0: return read_roas(reply->text);
    case 1: return fail(Remedy::look_at_peer, "bgpd has no whole set of ROAs from an RPKI cache");
    case 2:
      return fail(Remedy::fix_value,
                  "bgpd does not know 'show rpki', expected its module: bgpd -M rpki");
    default:
      return fail(Remedy::look_at_peer,
                  fmt::format("bgpd answers '{}' to '{}'", clip(printable(trim(reply->text)), 120),
                              command));
  }
}

/// bgpd tells of a ROA only where it reaches down to the prefix that is asked for, so those that
/// make ours invalid are found at the lengths above it.
Result<Origin> origin_of(Vty& vty, const Prefix& prefix, Asn asn) {
  const int shortest = prefix.address.family == Address::Family::v4 ? kShortest4 : kShortest6;
  std::vector<Roa> all;
  for (int length = prefix.length; length >= shortest; --length) {
    const auto roas = roas_for(vty, Prefix{prefix.address, length}.network());
    if (!roas) return tl::unexpected(roas.error());
    all.insert(all.end(), roas->begin(), roas->end());
    auto origin = judge_origin(prefix, asn, all);
    if (origin.state == OriginState::valid) return origin;
  }
  return judge_origin(prefix, asn, std::move(all));
}

}  // namespace

Result<OriginView> FrrSpeaker::origins() {
  auto vty = session(kRoasInTimeouts);
  if (!vty) return tl::unexpected(vty.error());
  OriginView view;
  for (const auto& [prefix, asn] : settings_.origins) {
    auto origin = origin_of(*vty, prefix, asn);
    if (!origin) return tl::unexpected(origin.error());
    view.prefixes.emplace(prefix, *std::move(origin));
  }
  return view;
}

}  // namespace anycast::frr
