#include "controller/model/community.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"
#include "controller/model/config.hpp"

namespace anycast {
namespace {

constexpr std::uint32_t kShort = 0xFFFF;
constexpr std::uint32_t kLong = 0xFFFFFFFF;

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t most) {
  const auto value = parse_number<std::uint32_t>(text);
  return value && *value <= most ? value : std::nullopt;
}

/// Whether every carrier of the upstream is asked for the same.
bool asked_of_all(const Upstream& upstream, const Stance& stance, const Ask& ask) {
  return std::ranges::all_of(upstream.carries, [&](const std::string& carrier) {
    const auto found = stance.asks.find(carrier);
    return found != stance.asks.end() && found->second == ask;
  });
}

const Community* entry(const Upstream& upstream, const std::string& carrier, const Ask& ask) {
  const auto found = std::ranges::find_if(upstream.communities, [&](const Community& c) {
    return c.carrier == carrier && ask_of(c) == ask;
  });
  return found == upstream.communities.end() ? nullptr : &*found;
}

}  // namespace

std::string to_string(Community::Does does) {
  switch (does) {
    case Community::Does::prepend_to: return "prepend_to";
    case Community::Does::local_pref: return "local_pref";
    case Community::Does::no_export_to: return "no_export_to";
    case Community::Does::blackhole: return "blackhole";
  }
  return "?";
}

std::optional<Ask> ask_of(const Community& community) {
  switch (community.does) {
    case Community::Does::prepend_to:
      return Ask{.verb = Verb::prepend_to, .count = community.count};
    case Community::Does::local_pref: return Ask{.verb = Verb::local_pref};
    case Community::Does::no_export_to: return Ask{.verb = Verb::no_export_to};
    case Community::Does::blackhole: return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> canonical_community(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() != 2 && parts.size() != 3) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& part : parts) {
    const auto value = number(part, parts.size() == 2 ? kShort : kLong);
    if (!value) return std::nullopt;
    out.push_back(std::to_string(*value));
  }
  return join(out, ":");
}

std::string reserved_community(std::string_view community) {
  const bool large = std::ranges::count(community, ':') == 2;
  const auto high = number(community.substr(0, community.find(':')), kLong).value_or(0);
  if (large && (high == 0 || high == kShort || high == kLong))
    return fmt::format("{} is no AS that could have defined it (RFC 8092 5)", high);
  if (large || high != kShort || community == "65535:666") return {};
  return "65535:0 to 65535:65535 are well-known communities (RFC 1997)";
}

const Community* find_community(const Upstream& upstream, const std::string& carrier,
                                const Ask& ask) {
  if (const auto* own = entry(upstream, carrier, ask)) return own;
  const bool only = upstream.carries.size() == 1 && upstream.carries.front() == carrier;
  return only ? entry(upstream, {}, ask) : nullptr;
}

std::vector<Ask> levers(const Upstream& upstream, const std::string& carrier) {
  const bool only = upstream.carries.size() == 1;
  std::vector<Ask> out;
  for (const auto& community : upstream.communities) {
    const auto ask = ask_of(community);
    if (!ask || ask->verb == Verb::no_export_to || !community.tested) continue;
    if (community.carrier == carrier || (community.carrier.empty() && only)) out.push_back(*ask);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<std::vector<std::string>> communities_for(const Upstream& upstream, const Stance& stance) {
  std::vector<std::string> out;
  for (const auto& [carrier, ask] : stance.asks) {
    const auto* found = find_community(upstream, carrier, ask);
    if (found == nullptr && asked_of_all(upstream, stance, ask)) found = entry(upstream, {}, ask);
    if (found == nullptr) {
      return fail(Remedy::fix_value, fmt::format("its dictionary has no community for '{}: {}'",
                                                 carrier, to_string(ask)));
    }
    out.push_back(found->value);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace anycast
