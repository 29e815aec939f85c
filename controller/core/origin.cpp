#include "controller/core/origin.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/base/text.hpp"
#include "controller/core/adopt.hpp"
#include "controller/core/notices.hpp"

namespace anycast::core {
namespace {

struct Heard {
  OriginState state = OriginState::unknown;
  std::string text;
};

/// "not found by bird", "invalid by the validator (203.0.113.0/24-24 AS64511), 41s old".
std::string words(const std::string& source, const Origin& origin, std::optional<Duration> age) {
  const auto state =
      origin.state == OriginState::not_found ? std::string{"not found"} : to_string(origin.state);
  std::vector<std::string> roas;
  for (const auto& roa : origin.roas) roas.push_back(to_string(roa));
  return fmt::format("{} by {}{}{}", state, source,
                     roas.empty() ? "" : fmt::format(" ({})", join(roas, ", ")),
                     age ? fmt::format(", {} old", format_age(*age)) : "");
}

/// What one source says, as far as it may be used.
Heard hear(const Config& config, Time now, const std::string& source,
           const Sourced<OriginView>& said, const Prefix& prefix) {
  const auto unusable = [&](const std::string& why) {
    return Heard{.text = fmt::format("unknown by {}: {}", source, why)};
  };
  if (!said.value) return unusable(said.error ? said.error->text : "it was not asked yet");
  std::optional<Duration> age;
  if (said.value->as_of) age = std::max(Duration{}, now - *said.value->as_of);
  if (age > config.rpki.max_age) {
    return unusable(fmt::format("its data is {} old, rpki.max_age {}", format_age(*age),
                                format_age(config.rpki.max_age)));
  }
  const auto found = said.value->prefixes.find(prefix);
  if (found == said.value->prefixes.end()) return unusable("it says nothing");
  return {.state = found->second.state, .text = words(source, found->second, age)};
}

/// Who takes it upon himself, as with the flap-damping budget.
enum class Forced { no, yes };

/// A step of a person whose order is forced, or that he applies so.
Forced taken_upon(const Context& context, const Step& step) {
  const auto& pin = context.state.sessions.at(step.upstream).pin;
  const bool is = automatic(step) ? context.forced && context.person_applies
                                  : context.forced || (pin && pin->force);
  return is ? Forced::yes : Forced::no;
}

/// Whether a prefix in this state may be announced where it is not.
bool may_begin(const Config& config, OriginState state, Forced forced) {
  if (state == OriginState::valid) return true;
  if (state == OriginState::invalid) return false;
  return forced == Forced::yes || (state == OriginState::not_found && config.rpki.allow_not_found);
}

/// A step that was taken, and so judged, and makes the session begin.
bool begins(const Step& step) {
  return step.decision != 0 && !step.from.announces() && step.to.announces();
}

bool of_session(const Config& config, const std::string& upstream, const AnycastPrefix& p) {
  return config.me().sessions.at(upstream).neighbor.family == p.prefix.address.family;
}

bool exported(const std::vector<Export>& exports, const Prefix& prefix) {
  return std::ranges::find(exports, prefix, &Export::prefix) != exports.end();
}

/// Whether the daemon says it on the session now, or will once the session is up.
bool runs(const Config& config, const RouterView& router, const std::string& upstream,
          const Prefix& prefix) {
  const auto view = router.sessions.find(upstream);
  if (view != router.sessions.end() && view->second.up)
    return exported(view->second.exports, prefix);
  const auto later = exports_once_up(config, router, upstream);
  return later && exported(*later, prefix);
}

bool announced(const Config& config, const Seen& seen, const Prefix& prefix) {
  if (!seen.router.value) return false;
  return std::ranges::any_of(config.me().sessions, [&](const auto& entry) {
    return runs(config, *seen.router.value, entry.first, prefix);
  });
}

std::string name_of(const OriginReport& report) {
  return fmt::format("{} AS{}", to_string(report.prefix), report.asn);
}

std::string outcome(bool is_announced, OriginState state) {
  if (state == OriginState::valid) return "it may be announced anew";
  return is_announced ? "it stays announced, and is not announced anew elsewhere"
                      : "it is not announced anew";
}

void tell(const Config& config, const OriginReport& report, const KnownOrigin& was,
          bool is_announced, Plan& plan) {
  int priority = 4;
  if (report.state == OriginState::valid) priority = 5;
  if (report.state == OriginState::invalid && is_announced) priority = 3;
  const auto before = was.state == OriginState::not_found ? "not found" : to_string(was.state);
  plan.events.push_back(
      {.kind = "rpki",
       .priority = priority,
       .text = fmt::format("{} was {} and is {}; next: {}", name_of(report), before, report.text,
                           outcome(is_announced, report.state)),
       .node = config.self,
       .from = to_string(was.state),
       .to = to_string(report.state),
       .cause = "rpki"});
}

}  // namespace

OriginReport origin_of(const Config& config, const Seen& seen, const AnycastPrefix& prefix) {
  OriginReport out{.prefix = prefix.prefix, .asn = prefix.origin_asn};
  std::vector<std::string> texts;
  for (const auto& [source, said] : seen.origins) {
    auto heard = hear(config, seen.now, source, said, prefix.prefix);
    // The enumerators ascend from what says nothing to what is worst.
    out.state = std::max(out.state, heard.state);
    texts.push_back(std::move(heard.text));
  }
  out.text = texts.empty() ? "unknown: nobody was asked" : join(texts, "; ");
  return out;
}

Word origin(const Context& context, const Step& step) {
  const auto& config = context.config;
  if (!config.rpki.asked() || step.from.announces() || !step.to.announces()) return std::nullopt;
  std::vector<std::string> good;
  for (const auto& prefix : config.prefixes) {
    if (!of_session(config, step.upstream, prefix)) continue;
    const auto report = origin_of(config, context.seen, prefix);
    const auto text = fmt::format("{} is {}", name_of(report), report.text);
    if (!may_begin(config, report.state, taken_upon(context, step)))
      return refuse("origin", text, "rpki");
    good.push_back(text);
  }
  if (good.empty()) return std::nullopt;
  return pass("origin", join(good, "; "), "rpki");
}

std::vector<std::string> may_not_begin(const Context& context, const std::vector<Step>& steps,
                                       const Fragment& fragment) {
  const auto& config = context.config;
  std::vector<std::string> out;
  if (!config.rpki.asked() || !context.seen.router.value) return out;
  for (const auto& prefix : config.prefixes) {
    const auto report = origin_of(config, context.seen, prefix);
    if (may_begin(config, report.state, context.forced ? Forced::yes : Forced::no)) continue;
    std::vector<std::string> upstreams;
    for (const auto& [upstream, exports] : fragment.exports) {
      const bool is_new = exported(exports, prefix.prefix) &&
                          !runs(config, *context.seen.router.value, upstream, prefix.prefix);
      const bool judged = std::ranges::any_of(
          steps, [&, &name = upstream](const Step& s) { return s.upstream == name && begins(s); });
      if (is_new && !judged) upstreams.push_back(upstream);
    }
    if (upstreams.empty()) continue;
    out.push_back(fmt::format("{} would begin on {} and is {}", name_of(report),
                              join(upstreams, ", "), report.text));
  }
  return out;
}

void note_origins(const Config& config, const Seen& seen, State& state, Plan& plan) {
  std::map<std::string, KnownOrigin> known;
  if (!config.rpki.asked()) {
    state.origins.clear();
    return;
  }
  for (const auto& prefix : config.prefixes) {
    auto report = origin_of(config, seen, prefix);
    const bool is_announced = announced(config, seen, prefix.prefix);
    const auto before = state.origins.find(to_string(prefix.prefix));
    const bool is_new = before == state.origins.end();
    auto now = is_new ? KnownOrigin{.since = seen.now} : before->second;
    if (now.state != report.state) {
      const bool as_hoped = is_new && report.state == OriginState::valid;
      if (!as_hoped) tell(config, report, now, is_announced, plan);
      now = {.state = report.state, .since = seen.now, .proven = now.proven};
    }
    if (report.state == OriginState::valid) now.proven = true;
    // Without an answer nobody knows that it is not announced any more.
    if (report.state != OriginState::valid && seen.router.value && !is_announced)
      now.proven = false;
    report.since = now.since;
    const bool fine =
        report.state == OriginState::valid ||
        (report.state == OriginState::not_found && config.rpki.allow_not_found && !now.proven);
    if (!fine) {
      const bool alarm = report.state == OriginState::invalid && is_announced;
      notice(plan, alarm ? Notice::Level::error : Notice::Level::warning, "rpki",
             fmt::format("{} is {}: {}", name_of(report), report.text,
                         outcome(is_announced, report.state)));
    }
    known.emplace(to_string(prefix.prefix), now);
    plan.origins.push_back(std::move(report));
  }
  state.origins = std::move(known);
}

}  // namespace anycast::core
