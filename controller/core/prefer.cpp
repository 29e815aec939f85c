#include "controller/core/prefer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <compare>
#include <string_view>

#include "controller/base/text.hpp"
#include "controller/core/pauses.hpp"
#include "controller/core/rank.hpp"
#include "controller/core/score.hpp"

namespace anycast::core {
namespace {

constexpr Duration kMemory = hours{6};
/// A move so long after the one before is no repetition of it.
constexpr Duration kRecent = hours{2};
constexpr Duration kContradicted = minutes{15};
constexpr Duration kTogether = minutes{5};

/// A move that may be made now.
struct Move {
  std::size_t plan = 0;
  SessionKey to = {};
  Duration gain = {};
};

/// What a carrier's choice remembers of a path.
struct Mark {
  std::optional<Time> worse = {};  ///< Choice::worse
  std::optional<Time> left = {};   ///< Choice::left
  std::optional<Time> shed = {};   ///< Choice::shed
};

/// Whether a session's name comes before another's, or is another's: "node upstream".
std::strong_ordering compare(std::string_view name, const PathKey& key) {
  const auto node = name.substr(0, key.node.size()) <=> key.node;
  if (node != 0) return node;
  name.remove_prefix(key.node.size());
  if (!name.starts_with(' ')) return name <=> std::string_view{" "};
  return name.substr(1) <=> key.upstream;
}

/// Goes through a map by names of sessions beside the paths, which are in the same order.
class Cursor {
 public:
  Cursor(const std::map<std::string, Time>& names, std::optional<Time> Mark::*field)
      : next_{names.begin()}, end_{names.end()}, field_{field} {}

  void mark(const PathKey& key, Mark& mark) {
    while (next_ != end_) {
      const auto order = compare(next_->first, key);
      if (order == 0) mark.*field_ = next_->second;
      if (order >= 0) return;
      ++next_;
    }
  }

 private:
  std::map<std::string, Time>::const_iterator next_;
  std::map<std::string, Time>::const_iterator end_;
  std::optional<Time> Mark::*field_;
};

/// By path. To look for each of a large fleet's names by itself costs more than all the rest.
std::vector<Mark> marks(const Context& context) {
  std::vector<Mark> out(context.paths.size());
  for (const auto& [carrier, choice] : context.state.choices) {
    std::array cursors{Cursor{choice.worse, &Mark::worse}, Cursor{choice.left, &Mark::left},
                       Cursor{choice.shed, &Mark::shed}};
    if (choice.worse.empty() && choice.left.empty() && choice.shed.empty()) continue;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const auto& key = context.paths[i].key;
      if (key.carrier != carrier) continue;
      for (auto& cursor : cursors) cursor.mark(key, out[i]);
    }
  }
  return out;
}

class Chooser {
 public:
  explicit Chooser(Context& context)
      : context_{context}, limits_{context.config.policy.prefer}, plans_{rank(context)} {}

  std::vector<CarrierPlan> run() {
    auto& choices = context_.state.choices;
    std::erase_if(choices, [&](const auto& entry) {
      return std::ranges::count(context_.config.carriers, entry.first) == 0;
    });
    const bool knows = !context_.blind && context_.seen.evidence.value;
    if (knows) {
      at_ = context_.seen.evidence.value->at;
      for (auto& [carrier, choice] : choices) forget(choice);
    }
    marks_ = marks(context_);
    if (knows) {
      for (std::size_t i = 0; i < plans_.size(); ++i) look(i);
      if (best_) make(*best_);
    }
    for (auto& plan : plans_) {
      const auto choice = choices.find(plan.carrier);
      if (choice != choices.end()) assign(plan, choice->second);
    }
    return std::move(plans_);
  }

 private:
  std::string name(const Ranked& ranked) const { return to_string(session_of(context_, ranked)); }
  Mark& mark(const Ranked& ranked) { return marks_[ranked.path]; }

  /// What was left so long ago that users may come back.
  void forget(Choice& choice) const {
    const auto over = [&](const auto& entry) {
      return at_ - entry.second >= limits_.hold.after + kArrival;
    };
    std::erase_if(choice.left, over);
    std::erase_if(choice.shed, over);
  }

  void stop_clocks(const CarrierPlan& plan, Choice& choice) {
    choice.worse.clear();
    for (const auto& one : plan.ranked) mark(one).worse.reset();
  }

  // 4.2
  void first(CarrierPlan& plan, Choice& choice, const std::string& why) {
    const auto* taken = most_attractive(plan);
    if (taken == nullptr || taken->role == Role::unranked) taken = &plan.ranked.front();
    if (taken->role == Role::unranked) {
      plan.why = why + "nothing is known of any path that is announced";
      return;
    }
    choice = {.primary = session_of(context_, *taken), .since = at_, .moves = choice.moves};
    plan.why = fmt::format("{}{} takes the users: {} of those announced", why, name(*taken),
                           taken == most_attractive(plan) ? "the most attractive" : "the best");
  }

  /// 4.3 and 4.4; true if it has dealt with the carrier.
  bool away(CarrierPlan& plan, const Ranked& primary, Choice& choice) {
    if (primary.level == kSilent) {
      stop_clocks(plan, choice);
      choice.gone_since = choice.gone_since.value_or(at_);
      const auto since = *choice.gone_since;
      const auto gone = fmt::format("{} is not known to be announced since {}; ", name(primary),
                                    format_clock(since));
      if (at_ - since >= limits_.confirm) {
        first(plan, choice, gone);
      } else {
        plan.earliest = since + limits_.confirm;
        plan.why = gone + "it keeps its place until that is confirmed";
      }
      return true;
    }
    choice.gone_since.reset();
    const auto* taken = most_attractive(plan);
    if (taken == nullptr || taken == &primary) {
      choice.contradicted_since.reset();
      return false;
    }
    choice.contradicted_since = choice.contradicted_since.value_or(at_);
    const auto since = std::max(*choice.contradicted_since, choice.since);
    // Nodes hear of each other's steps a cycle apart, and yet have to come to it at the same time.
    const auto due = (since + kContradicted).time_since_epoch();
    if (at_.time_since_epoch() < (due / kTogether + 1) * kTogether) return false;
    first(plan, choice,
          fmt::format("{} is more attractive than {} since {}; ", name(*taken), name(primary),
                      format_clock(*choice.contradicted_since)));
    return true;
  }

  /// The first path that the carrier's users may go to, or null.
  const Ranked* alternative(const CarrierPlan& plan, const Ranked& primary, const Choice& choice) {
    for (const auto& one : plan.ranked) {
      if (one.role == Role::unranked) return nullptr;
      if (&one == &primary || lately_left(one)) continue;
      if (fits(plan.carrier, context_.paths[one.path].key.node, *choice.primary)) return &one;
    }
    return nullptr;
  }

  /// Wherever the plan had them, that is where the users came from.
  bool lately_left(const Ranked& one) {
    const auto& known = mark(one);
    return known.left || (known.shed && at_ >= *known.shed + kArrival);
  }

  bool fits(const std::string& carrier, const std::string& node, const SessionKey& from) const {
    const auto& capacity = context_.config.nodes.at(node).capacity;
    if (!capacity) return true;
    auto users = loads(context_.config, context_.state.choices)[node];
    if (from.node != node) users += weight(context_.config, carrier);
    return users <= *capacity;
  }

  void look(std::size_t index) {
    auto& plan = plans_[index];
    auto& choice = context_.state.choices[plan.carrier];
    if (plan.ranked.empty()) return;
    if (!choice.primary) return first(plan, choice, {});
    const auto* primary = find_ranked(context_, plan, *choice.primary);
    if (primary == nullptr) {
      const auto gone = to_string(*choice.primary);
      choice.primary.reset();
      return first(plan, choice, gone + " is not configured any more; ");
    }
    if (away(plan, *primary, choice)) return;
    if (primary->role == Role::unranked) {
      stop_clocks(plan, choice);
      plan.why = name(*primary) + " keeps the users: " + context_.paths[primary->path].unknown_why;
      return;
    }
    for (const auto& one : plan.ranked) {
      if (&one == primary) continue;
      const bool planned = mark(one).left.has_value();
      const bool border = context_.paths[one.path].blame == "border" && !planned;
      const bool runs = !border && one.role != Role::unranked &&
                        surely_better(limits_, primary->score, one.score);
      clock(choice, one, runs);
      const bool attractive = one.level <= primary->level;
      if (attractive && runs && !planned) choice.shed[name(one)] = at_;
      if (!attractive && mark(one).shed) leave(choice, one);
    }
    consider(index, *primary, choice);
  }

  void clock(Choice& choice, const Ranked& one, bool runs) {
    auto& since = mark(one).worse;
    if (runs == since.has_value()) return;
    if (runs) {
      choice.worse[name(one)] = at_;
      since = at_;
    } else {
      choice.worse.erase(name(one));
      since.reset();
    }
  }

  /// Users who go because a step made their path less attractive have left when it was taken, by
  /// the word of the node that took it: the same for all, who hear of it a cycle apart.
  void leave(Choice& choice, const Ranked& one) const {
    const auto entry = choice.shed.find(name(one));
    for (const auto& node : {context_.paths[one.path].key.node, choice.primary->node}) {
      const auto taken = last_change(node);
      if (!taken || std::chrono::abs(*taken - entry->second) > kArrival) continue;
      entry->second = *taken;
      return;
    }
    if (entry->second + kArrival > at_) choice.shed.erase(entry);
  }

  std::optional<Time> last_change(const std::string& node) const {
    const auto& own = context_.state.changes;
    if (node == context_.config.self) return own.empty() ? std::nullopt : std::optional{own.back()};
    const auto& fleet = context_.seen.fleet.value;
    const auto view = fleet ? fleet->find(node) : FleetView::const_iterator{};
    return fleet && view != fleet->end() ? view->second.last_change : std::nullopt;
  }

  /// How many of the last moves came soon after one another.
  static std::size_t row(const std::vector<Time>& moves) {
    std::size_t out = 1;
    for (auto i = moves.size(); i > 1 && moves[i - 1] - moves[i - 2] <= kRecent; --i) ++out;
    return out;
  }

  // 4.5 and 4.6
  void consider(std::size_t index, const Ranked& primary, Choice& choice) {
    auto& plan = plans_[index];
    const auto& path = context_.paths[primary.path];
    const auto* best = alternative(plan, primary, choice);
    const bool border = path.blame == "border";
    const bool clearly = best != nullptr && surely_better(limits_, best->score, primary.score);
    const bool any = best != nullptr && best->score.high < primary.score.low;
    const bool urgent = any && !border && losing_now(limits_, path);
    const bool better = urgent || clearly;
    clock(choice, primary, better);
    const auto here = name(primary);
    if (!better) {
      if (border)
        plan.why = fmt::format("{} keeps the users: bad on every path, none surely better", here);
      return;
    }
    const auto since = choice.worse.at(here);
    const auto pause = urgent ? limits_.emergency_hold : doubled(limits_.hold, row(choice.moves));
    const auto held = choice.moves.empty() ? at_ : choice.moves.back() + pause;
    const auto ready = std::max(held, since + (urgent ? Duration{0} : limits_.confirm));
    plan.why = fmt::format("{} {} (up to {}) surely beats {} {} (at least {}) since {}",
                           name(*best), format_ms(best->score.value), format_ms(best->score.high),
                           here, format_ms(primary.score.value), format_ms(primary.score.low),
                           format_clock(since));
    const auto& first = plan.ranked.front();
    if (&first != best && &first != &primary && lately_left(first))
      plan.why += fmt::format("; {} would be better, users have just left it", name(first));
    if (at_ < ready) {
      plan.earliest = ready;
      return;
    }
    if (!still_worse(path, primary.extra, best->score.high)) {
      plan.why += ", but not by the fast window";
      return;
    }
    const Duration gain =
        (primary.score.value - best->score.value) * weight(context_.config, plan.carrier) / kAll;
    if (!best_ || gain > best_->gain)
      best_ = Move{.plan = index, .to = session_of(context_, *best), .gain = gain};
  }

  void make(const Move& move) {
    const auto& plan = plans_[move.plan];
    auto& choice = context_.state.choices[plan.carrier];
    const auto from = to_string(*choice.primary);
    const auto since = choice.worse.at(from);
    stop_clocks(plan, choice);
    choice.left[from] = at_;
    choice.worse[from] = since;
    mark(*find_ranked(context_, plan, *choice.primary)).worse = since;
    choice.primary = move.to;
    choice.since = at_;
    append(choice.moves, at_, kMemory);
    choice.contradicted_since.reset();
  }

  // 4.7
  void second(const CarrierPlan& plan, const SessionKey& primary, Choice& choice) {
    const auto nearness = [&](const Ranked& one) {
      const auto& key = context_.paths[one.path].key;
      return std::pair{key.node == primary.node, key.upstream == primary.upstream};
    };
    const Ranked* best = nullptr;
    for (const auto& one : plan.ranked) {
      if (one.role != Role::backup) continue;
      if (best == nullptr || nearness(one) < nearness(*best)) best = &one;
      if (nearness(*best) == std::pair{false, false}) break;
    }
    const auto* old = choice.secondary ? find_ranked(context_, plan, *choice.secondary) : nullptr;
    const bool keeps = old != nullptr && best != nullptr && old->role == Role::backup &&
                       nearness(*old) == nearness(*best) &&
                       !surely_better(limits_, best->score, old->score);
    if (!keeps) choice.secondary = best ? std::optional{session_of(context_, *best)} : std::nullopt;
  }

  void assign(CarrierPlan& plan, Choice& choice) {
    const auto give = [&](const std::optional<SessionKey>& place, Role role) {
      const auto* found = place ? find_ranked(context_, plan, *place) : nullptr;
      if (found == nullptr || found->role == Role::unranked) return;
      plan.ranked[static_cast<std::size_t>(found - plan.ranked.data())].role = role;
    };
    give(choice.primary, Role::primary);
    if (choice.primary && at_ != Time{}) second(plan, *choice.primary, choice);
    give(choice.secondary, Role::secondary);
    for (auto& one : plan.ranked) one.worse_since = mark(one).worse;
  }

  Context& context_;
  const Prefer& limits_;
  Time at_ = {};
  std::vector<CarrierPlan> plans_;
  std::vector<Mark> marks_ = {};
  std::optional<Move> best_ = {};
};

}  // namespace

std::vector<CarrierPlan> prefer(Context& context) { return Chooser{context}.run(); }

}  // namespace anycast::core
