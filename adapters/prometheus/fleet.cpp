#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "adapters/prometheus/samples.hpp"
#include "controller/base/text.hpp"

namespace anycast::prometheus {
namespace {

constexpr std::string_view kAnnounces = "anycast_announces";
constexpr std::string_view kPenalty = "anycast_damping_penalty";
constexpr std::string_view kLastChange = "anycast_last_change_timestamp_seconds";
constexpr std::string_view kPlan = "anycast_plan_info";

/// Places in `fleet_labels`.
constexpr std::size_t kNode = 0;
constexpr std::size_t kUpstream = 1;
constexpr std::size_t kPrefix = 2;
constexpr std::size_t kStance = 3;
constexpr std::size_t kHash = 4;
constexpr std::size_t kName = 5;

/// The newest sample of one thing, over the series that spoke of it one after the other: a stance
/// is a label, and with each change of stance begins another series.
struct Newest {
  std::int64_t at_ms;
  double value;
  std::string text;    ///< the label that changes
  bool doubt = false;  ///< two different ones at that time
};
using Key = std::tuple<std::string, std::string, std::string, std::string>;  ///< and the others
using Things = std::map<Key, Newest>;

void take(Things& things, const Series& series, const Point& point, std::size_t changes) {
  const auto& wanted = series.wanted;
  const Key key{wanted[kNode], wanted[kUpstream], wanted[kPrefix], series.others};
  const Newest said{.at_ms = point.at_ms, .value = point.value, .text = wanted[changes]};
  const auto [known, first] = things.emplace(key, said);
  if (first || known->second.at_ms > said.at_ms) return;
  const bool same = known->second.value == said.value && known->second.text == said.text;
  if (known->second.at_ms == said.at_ms) {
    known->second.doubt = known->second.doubt || !same;
  } else {
    known->second = said;
  }
}

/// The stance that a series about a session stands for, or nothing where it is none that announces.
/// A series without the label (somebody's recording rule) only says that it announces.
std::optional<Stance> announced(const Newest& said) {
  if (said.value != 1 || said.doubt) return std::nullopt;
  if (said.text.empty()) return Stance{};
  const auto stance = parse_stance(said.text);
  return stance && stance->announces() ? stance : std::nullopt;
}

void read_stances(const Things& things, const Config& config, FleetView& view) {
  std::set<std::pair<std::string, std::string>> denied;
  for (const auto& [key, said] : things) {
    const auto& node = std::get<0>(key);
    const auto& upstream = std::get<1>(key);
    auto& about = view[node];
    about.router_known = true;
    if (!config.nodes.at(node).sessions.contains(upstream)) continue;
    // Two series about one session (relabelled, or one per prefix): unknown counts as not
    // announcing, and so does a contradiction.
    const auto stance = announced(said);
    if (!stance) {
      denied.insert({node, upstream});
      continue;
    }
    auto& known = about.stances.emplace(upstream, *stance).first->second;
    known = std::max(known, *stance);
  }
  for (const auto& [node, upstream] : denied) view[node].stances.erase(upstream);
}

void read_figures(const Things& penalties, const Things& changes, Time at, FleetView& view) {
  constexpr double kMostPenalty = 1e6;
  for (const auto& [key, said] : penalties) {
    // Written so that NaN fails too.
    if (!(said.value >= 0 && said.value <= kMostPenalty)) continue;
    auto& penalty = view.at(std::get<0>(key)).penalty[std::get<2>(key)];
    penalty = std::max(penalty, static_cast<int>(std::lround(said.value)));
  }
  for (const auto& [key, said] : changes) {
    if (!(said.value > 0)) continue;
    // A clock that is ahead of ours must not keep the fleet waiting for longer than a change of
    // now.
    const double seconds = std::min(said.value, to_unix(at));
    auto& last = view.at(std::get<0>(key)).last_change;
    last = std::max(last.value_or(Time{}), Time{Duration{std::llround(seconds * 1e6)}});
  }
}

void read_plans(const Things& plans, FleetView& view) {
  constexpr std::size_t kLongest = 64;
  const auto is_hash = [](const std::string& text) {
    return text.size() <= kLongest && text.find_first_not_of("0123456789abcdef") == text.npos;
  };
  for (const auto& [key, said] : plans) {
    if (said.doubt || said.value != 1 || !is_hash(said.text)) continue;
    view.at(std::get<0>(key)).plan_hash = said.text;
  }
}

}  // namespace

std::vector<std::string> fleet_labels() {
  return {"node", "upstream", "prefix", "stance", "hash", "__name__"};
}

std::string fleet_selector(const std::string& announcements) {
  if (!announcements.starts_with(kAnnounces)) return announcements;
  const auto rest = trim(std::string_view{announcements}.substr(kAnnounces.size()));
  if (!rest.empty() && rest.front() != '{') return announcements;
  std::string out =
      R"re({__name__=~"anycast_(announces|damping_penalty|last_change_timestamp_seconds|plan_info)")re";
  const auto matchers = rest.empty() ? rest : trim(rest.substr(1));
  if (matchers.empty() || matchers == "}") return out + "}";
  return out + "," + std::string{matchers};
}

FleetView read_fleet(const Reply& reply, const Config& config, Time at) {
  const Time oldest = at - config.fleet.max_age;
  FleetView view;
  Things stances;
  Things penalties;
  Things changes;
  Things plans;
  for (const auto& series : reply.series) {
    const auto& about = series.wanted[kNode];
    const auto& metric = series.wanted[kName];
    if (!config.nodes.contains(about)) continue;
    const bool ours = metric.starts_with("anycast_") && metric != kAnnounces;
    for (const auto& point : series.points) {
      const Time when{milliseconds{point.at_ms}};
      if (when <= oldest || when > at) continue;
      view.try_emplace(about, NodeView{.router_known = false});
      if (metric == kPlan) {
        take(plans, series, point, kHash);
      } else if (metric == kLastChange) {
        take(changes, series, point, kHash);
      } else if (metric == kPenalty && series.wanted[kUpstream].empty()) {
        take(penalties, series, point, kHash);
      } else if (!ours) {
        take(stances, series, point, kStance);
      }
    }
  }
  read_stances(stances, config, view);
  read_figures(penalties, changes, at, view);
  read_plans(plans, view);
  return view;
}

}  // namespace anycast::prometheus
