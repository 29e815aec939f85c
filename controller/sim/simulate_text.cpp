#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>

#include "controller/app/text_table.hpp"
#include "controller/base/text.hpp"
#include "controller/sim/simulate.hpp"

namespace anycast::sim {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kHoursOfDay = 24;  // hours
constexpr double kHoursOfPeak = 3.5;

double highest(const Figures& f) {
  double out = 0;
  for (const auto& of : f.damping) out = std::max(out, of.highest);
  return out;
}

double damped_s(const Figures& f) {
  double out = 0;
  for (const auto& of : f.damping) out = std::max(out, of.damped_s);
  return out;
}

/// "0", or hours in every profile: "115.2/139.0/12.1/0".
std::string damped_hours(const Figures& f) {
  if (damped_s(f) <= 0) return "0";
  std::vector<std::string> parts;
  for (const auto& of : f.damping) parts.push_back(fmt::format("{:.0f}", of.damped_s / 3600));
  return join(parts, "/");
}

std::string percent(double share) { return fmt::format("{:.2f}", share * 100); }

/// What an expectation may name, and how it reads.
struct Figure {
  const char* name;
  const char* unit;
  double (*of)(const Simulation& s, const Figures& f);
};
constexpr std::array<Figure, 14> kFigures = {{
    {"rtt", "ms", [](const Simulation&, const Figures& f) { return f.all.mean_rtt_ms(); }},
    {"loss", "%", [](const Simulation&, const Figures& f) { return f.all.mean_loss() * 100; }},
    {"peak", "%", [](const Simulation&, const Figures& f) { return f.peak.mean_loss() * 100; }},
    {"updates", "/h", [](const Simulation&, const Figures& f) { return f.updates_per_hour(); }},
    {"nobody", "s", [](const Simulation&, const Figures& f) { return f.unannounced_s; }},
    {"penalty", "", [](const Simulation&, const Figures& f) { return highest(f); }},
    {"calm", "", [](const Simulation&, const Figures& f) { return f.answers.calm_penalty; }},
    {"damped", "s", [](const Simulation&, const Figures& f) { return damped_s(f); }},
    {"aba", "", [](const Simulation&, const Figures& f) { return double(f.back_and_forth); }},
    {"regret", "ms", [](const Simulation& s, const Figures& f) { return s.regret_ms(f); }},
    {"inflation", "ms", [](const Simulation&, const Figures& f) { return f.all.inflation_ms(); }},
    {"decided", "s",
     [](const Simulation&, const Figures& f) { return f.answers.decided_within_s(0.5); }},
    {"missed", "", [](const Simulation&, const Figures& f) { return double(f.answers.missed); }},
    {"false", "", [](const Simulation&, const Figures& f) { return double(f.answers.false_ones); }},
}};

std::vector<text::Cell> cells(const Simulation& s, const Figures& f) {
  using text::Tone;
  const bool mine = f.controller == "ours";
  std::vector<text::Cell> row{{f.controller, mine ? Tone::strong : Tone::plain},
                              {fmt::format("{:.1f}", f.all.mean_rtt_ms())},
                              {percent(f.all.mean_loss())},
                              {percent(f.peak.mean_loss())},
                              {fmt::format("{:.1f}", f.all.inflation_ms())},
                              {fmt::format("{:.1f}", s.regret_ms(f))}};
  if (!f.steers) {
    row.resize(12, {"-", Tone::dim});
    return row;
  }
  const auto warn = [](bool fine) { return fine ? Tone::plain : Tone::bad; };
  row.push_back({fmt::format("{:.2f}", f.updates_per_hour())});
  row.push_back({fmt::format("{:.0f}", f.unannounced_s), warn(f.unannounced_s <= 0)});
  row.push_back({fmt::format("{}", f.least_nodes), warn(f.least_nodes > 0)});
  row.push_back({fmt::format("{:.0f}", highest(f))});
  row.push_back({damped_hours(f), warn(damped_s(f) <= 0)});
  row.push_back({fmt::format("{}", f.back_and_forth), warn(f.back_and_forth == 0)});
  return row;
}

Json of(const Felt& felt, double hours_a_day) {
  const double users = felt.users > 0 ? felt.users : 1;
  return {{"rtt_ms", felt.mean_rtt_ms()},
          {"inflation_ms", felt.inflation_ms()},
          {"loss", felt.mean_loss()},
          {"bad_share", felt.bad / users},
          {"bad_minutes_per_user_day", felt.bad_minutes(hours_a_day)},
          {"availability", 1 - felt.offline / users}};
}

Json row(const Simulation& s, const Figures& f) {
  Json out{{"controller", f.controller},
           {"all", of(f.all, kHoursOfDay)},
           {"peak", of(f.peak, kHoursOfPeak)},
           {"rtt_p50_ms", f.rtt_quantile(0.5)},
           {"rtt_p95_ms", f.rtt_quantile(0.95)},
           {"regret_ms", s.regret_ms(f)},
           {"regret_to_static_map_ms", s.regret_to_map_ms(f)}};
  if (f.fullest > 0) out["capacity_headroom"] = 1 - f.fullest;
  for (std::size_t i = 0; i < f.carriers.size(); ++i) {
    const auto name = i < s.trace.carriers.size() ? s.trace.carriers[i] : fmt::format("{}", i);
    out["carriers"][name] = of(f.carriers[i], kHoursOfDay);
  }
  if (!f.steers) return out;
  out["updates"] = {{"announcements", f.announcements},
                    {"withdrawals", f.withdrawals},
                    {"attribute_changes", f.attribute_changes},
                    {"per_hour", f.updates_per_hour()},
                    {"per_hour_of_busiest_session", f.hours > 0 ? f.most_updates / f.hours : 0}};
  const auto& a = f.answers;
  out["faults"] = {{"answered", a.decided_s.size()},
                   {"decided_p50_s", a.decided_within_s(0.5)},
                   {"decided_p90_s", a.decided_within_s(0.9)},
                   {"decided_max_s", a.decided_within_s(1)},
                   {"over_before", a.passed},
                   {"missed", a.missed}};
  out["sent_away"] = {{"updates", a.sent_away}, {"false", a.false_ones}};
  out["unannounced_s"] = f.unannounced_s;
  out["least_nodes"] = f.least_nodes;
  out["moves"] = f.moves;
  out["moves_per_day"] = f.per_day(f.moves);
  out["users_moved_per_day"] = f.per_day(f.moved_users);
  out["back_and_forth"] = f.back_and_forth;
  out["back_and_forth_in_emergencies"] = a.urgent_back;
  out["penalty_outside_emergencies"] = a.calm_penalty;
  for (std::size_t i = 0; i < kProfiles.size(); ++i) {
    out["damping"][kProfiles.at(i).name] = {{"penalty", f.damping.at(i).highest},
                                            {"damped_s", f.damping.at(i).damped_s}};
  }
  return out;
}

Result<Expectation> parse_one(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return fail(Remedy::fix_text, fmt::format("expectation '{}': {}; write for example rtt<=115ms",
                                              printable(text), why));
  };
  const auto sign = text.find("<=");
  if (sign == std::string::npos) return wrong("it has no '<='");
  const auto name = text.substr(0, sign);
  const auto* figure =
      std::ranges::find_if(kFigures, [&](const auto& f) { return name == f.name; });
  if (figure == kFigures.end()) {
    std::vector<std::string> names;
    names.reserve(kFigures.size());
    for (const auto& known : kFigures) names.emplace_back(known.name);
    return wrong(fmt::format("no figure '{}', there are {}", printable(name), join(names, ", ")));
  }
  Expectation out{.figure = name, .most = 0, .text = text};
  const auto* begin = text.data() + sign + 2;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(begin, end, out.most);
  if (error != std::errc{}) return wrong("no number after '<='");
  const std::string unit{rest, end};
  if (!unit.empty() && unit != figure->unit)
    return wrong(fmt::format("'{}' is in '{}'", name, figure->unit));
  return out;
}

std::string span(double s) { return format_age(seconds{static_cast<std::int64_t>(s)}); }

/// "run 99.98 %, blind 0.02 %", the most frequent first.
std::string shares(const std::map<std::string, int>& counts) {
  std::vector<std::pair<std::string, int>> sorted{counts.begin(), counts.end()};
  std::ranges::stable_sort(sorted, std::greater{}, &std::pair<std::string, int>::second);
  double all = 0;
  for (const auto& [name, count] : sorted) all += count;
  std::vector<std::string> out;
  out.reserve(sorted.size());
  for (const auto& [name, count] : sorted)
    out.push_back(fmt::format("{} {} %", name, percent(count / all)));
  return out.empty() ? "-" : join(out, ", ");
}

/// "sufficient 12, none 3".
std::string numbers(const std::map<std::string, int>& counts) {
  std::vector<std::string> out;
  out.reserve(counts.size());
  for (const auto& [name, count] : counts) out.push_back(fmt::format("{} {}", name, count));
  return out.empty() ? "none" : join(out, ", ");
}

/// What only ours can be asked.
std::string details(const Simulation& s) {
  const auto& f = s.row("ours");
  const auto& a = f.answers;
  const auto accuracy = s.inside.accuracy();
  return fmt::format(
      "ours in detail\n"
      "  faults      {} answered, the update left after {} (median), {} (p90), {} (longest); {} "
      "were "
      "over before, {} missed\n"
      "  sent away   {} updates, {} of them without a path that was better by 25 ms and 15 %\n"
      "  users       RTT p50 {:.0f} ms, p95 {:.0f} ms; bad for {:.1f} min a day, {:.1f} in the "
      "peak; "
      "moved {:.2f} times a day\n"
      "  regret      {:.1f} ms to the oracle, {:.1f} ms to the best fixed map\n"
      "  headroom    {}\n"
      "  sessions    {:.2f} updates an hour at the busiest one\n"
      "  penalty     {:.0f} at the most, {:.0f} outside emergencies: no carrier's users lost over "
      "10 % in 15 min\n"
      "  moved back  {} times, {} of them in an emergency\n"
      "  conditions  {}\n"
      "  refused     {}\n"
      "  measured    {}{}\n",
      a.decided_s.size(), span(a.decided_within_s(0.5)), span(a.decided_within_s(0.9)),
      span(a.decided_within_s(1)), a.passed, a.missed, a.sent_away, a.false_ones,
      f.rtt_quantile(0.5), f.rtt_quantile(0.95), f.all.bad_minutes(kHoursOfDay),
      f.peak.bad_minutes(kHoursOfPeak), f.per_day(f.moved_users), s.regret_ms(f),
      s.regret_to_map_ms(f),
      f.fullest > 0 ? fmt::format("{} % at the fullest node", percent(1 - f.fullest))
                    : "nodes carry any number of users here",
      f.hours > 0 ? f.most_updates / f.hours : 0, highest(f), a.calm_penalty, f.back_and_forth,
      a.urgent_back, shares(s.inside.conditions), numbers(s.inside.refused),
      numbers(s.inside.effects),
      accuracy ? fmt::format("; {} % of the predictions came true", percent(*accuracy)) : "");
}

Json of(const std::map<std::string, int>& counts) {
  auto out = Json::object();
  for (const auto& [name, count] : counts) out[name] = count;
  return out;
}

}  // namespace

std::string table(const Simulation& s, const text::Look& look) {
  using Align = text::Column::Align;
  const auto number = [](const char* title) {
    return text::Column{.title = title, .align = Align::right};
  };
  text::Table out{{{.title = "CONTROLLER"},
                   number("RTT ms"),
                   number("LOSS %"),
                   number("PEAK %"),
                   number("INFL"),
                   number("REGRET"),
                   number("UPD/h"),
                   number("NONE s"),
                   number("NODES"),
                   number("PENALTY"),
                   number("DAMPED h"),
                   number("A-B-A")}};
  for (const auto& figures : s.rows) out.add(cells(s, figures));
  const auto legend = text::fold(
      "",
      "RTT and LOSS as the users felt them, PEAK from 19:30 to 23:00; INFL: ms beyond the nearest "
      "node's RTT; REGRET: ms of RTT + 20 ms per % of loss beyond the oracle's; UPD: BGP updates "
      "of "
      "all sessions; NONE: nobody announced; NODES: fewest that did; PENALTY and DAMPED: at any "
      "router that damps flaps, by the defaults of Cisco and Juniper and with thresholds of 6000 "
      "and "
      "12000; A-B-A: users moved back within 30 minutes.",
      look.width);
  return fmt::format("{}, seed {}, {} days: {}\n\n{}\n{}\n{}", s.fixture, s.seed, s.days, s.about,
                     out.render(look), details(s), legend);
}

Json report(const Simulation& s) {
  Json out{{"kind", "simulation"}, {"fixture", s.fixture}, {"seed", s.seed},
           {"days", s.days},       {"about", s.about},     {"rows", Json::array()}};
  for (const auto& figures : s.rows) out["rows"].push_back(row(s, figures));
  out["inside"] = {{"cycles_by_condition", of(s.inside.conditions)},
                   {"cycles_refused_by_guard", of(s.inside.refused)},
                   {"steps_by_effect", of(s.inside.effects)}};
  if (const auto accuracy = s.inside.accuracy()) out["inside"]["prediction_accuracy"] = *accuracy;
  return out;
}

Result<std::vector<Expectation>> parse_expectations(const std::string& text) {
  std::vector<Expectation> out;
  for (const auto& part : split(text, ',')) {
    auto one = parse_one(std::string{trim(part)});
    if (!one) return tl::unexpected(one.error());
    out.push_back(*std::move(one));
  }
  return out;
}

std::vector<std::string> unmet(const Simulation& s, const std::vector<Expectation>& expectations) {
  std::vector<std::string> out;
  const auto& mine = s.row("ours");
  for (const auto& expected : expectations) {
    const auto* figure =
        std::ranges::find_if(kFigures, [&](const auto& f) { return expected.figure == f.name; });
    const double is = figure->of(s, mine);
    if (is <= expected.most) continue;
    out.push_back(
        fmt::format("{} is {:.2f}{}, expected {}", figure->name, is, figure->unit, expected.text));
  }
  return out;
}

}  // namespace anycast::sim
