#include "controller/app/survey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::survey {
namespace {

constexpr Duration kLeast = milliseconds{2};  // medians of pings wander that much by themselves
constexpr double kMoreLoss = 0.1;

Duration span(const Json& value) {
  return Duration{std::llround(text::number(value).value_or(0) * 1e6)};
}

double loss(const Users& users) {
  return users.sent == 0 ? 0 : static_cast<double>(users.lost) / users.sent;
}

Json figures(const Felt& felt, const std::string& carrier) {
  const auto found = felt.find(carrier);
  if (found == felt.end()) return nullptr;
  const auto& users = found->second;
  return {{"pings", users.sent},
          {"lost", users.lost},
          {"loss_ratio", loss(users)},
          {"rtt_seconds", to_seconds(users.rtt)},
          {"rtt_low_seconds", to_seconds(users.rtt_low)},
          {"rtt_high_seconds", to_seconds(users.rtt_high)}};
}

std::string word(Moved moved) {
  switch (moved) {
    case Moved::no: return "stayed";
    case Moved::yes: return "moved";
    case Moved::unknown: break;
  }
  return "unknown";
}

/// Of what `moved` says about each carrier.
std::string verdict(const std::map<std::string, Moved>& all, const std::string& meant) {
  const auto own = all.find(meant);
  if (own == all.end() || own->second == Moved::unknown) return "unknown";
  bool others_known = true;
  for (const auto& [carrier, moved] : all) {
    if (carrier == meant) continue;
    if (moved == Moved::yes) return "others";
    others_known = others_known && moved == Moved::no;
  }
  if (own->second == Moved::no) return "none";
  return others_known ? "works" : "unknown";
}

std::string sentence(const std::string& verdict, const std::string& meant) {
  if (verdict == "works") return fmt::format("{}'s users moved, nobody else's", meant);
  if (verdict == "others") return fmt::format("others than {}'s users moved", meant);
  if (verdict == "none")
    return fmt::format("{}'s users are answered from as far away as before", meant);
  return "not enough pings of the anycast address to tell";
}

Json carriers(const Felt& before, const Felt& now) {
  Json out = Json::array();
  for (const auto& [carrier, unused] : before) {
    out.push_back({{"carrier", carrier},
                   {"before", figures(before, carrier)},
                   {"now", figures(now, carrier)},
                   {"moved", word(moved(before, now, carrier))}});
  }
  return out;
}

}  // namespace

Felt felt(const Json& status) {
  Felt out;
  for (const auto& one : text::items(text::at(status, "users"))) {
    const auto pings = text::count(text::at(one, "pings"));
    if (pings <= 0) continue;
    out[text::str(text::at(one, "carrier"))] = {
        .sent = static_cast<int>(pings),
        .lost = static_cast<int>(text::count(text::at(one, "lost"))),
        .rtt = span(text::at(one, "rtt_seconds")),
        .rtt_low = span(text::at(one, "rtt_low_seconds")),
        .rtt_high = span(text::at(one, "rtt_high_seconds")),
        .jitter = span(text::at(one, "jitter_seconds"))};
  }
  return out;
}

Moved moved(const Felt& before, const Felt& after, const std::string& carrier) {
  const auto then = before.find(carrier);
  const auto now = after.find(carrier);
  if (then == before.end() || now == after.end()) return Moved::unknown;
  const auto& a = then->second;
  const auto& b = now->second;
  const bool apart = b.rtt_low > a.rtt_high || b.rtt_high < a.rtt_low;
  const auto least = std::max({kLeast, a.rtt_high - a.rtt_low, b.rtt_high - b.rtt_low});
  return apart && std::chrono::abs(b.rtt - a.rtt) >= least ? Moved::yes : Moved::no;
}

std::string worse(const Felt& before, const Felt& now) {
  for (const auto& [carrier, then] : before) {
    const auto found = now.find(carrier);
    if (found == now.end()) return carrier;
    if (loss(found->second) >= loss(then) + kMoreLoss) return carrier;
  }
  return {};
}

std::string carrier_of(const std::string& asked) { return asked.substr(0, asked.find('=')); }

Json step(const std::string& asked, const Felt& before, const Felt& with) {
  const auto meant = carrier_of(asked);
  std::map<std::string, Moved> all;
  for (const auto& [carrier, unused] : before) all[carrier] = moved(before, with, carrier);
  const auto said = verdict(all, meant);
  return {{"asked", asked},
          {"verdict", said},
          {"text", sentence(said, meant)},
          {"carriers", carriers(before, with)}};
}

Json report(const Found& found) {
  Json out = {{"api", "anycastd/v1"},
              {"kind", "Survey"},
              {"node", found.node},
              {"upstream", found.upstream},
              {"prefixes", found.prefixes},
              {"steps", found.steps},
              {"after", found.after.empty() ? Json(nullptr) : carriers(found.before, found.after)},
              {"stopped", found.stopped.empty() ? Json(nullptr) : Json(found.stopped)}};
  return out;
}

bool proven(const Json& report) {
  const auto& steps = text::items(text::at(report, "steps"));
  if (!text::at(report, "stopped").is_null()) return false;
  return !steps.empty() && std::ranges::all_of(steps, [](const Json& step) {
    return text::str(text::at(step, "verdict")) == "works";
  });
}

}  // namespace anycast::survey

namespace anycast::text {
namespace {

std::string figures(const Json& users) {
  if (users.is_null()) return "-";
  return fmt::format("{:>5} {:>5}", ms(at(users, "rtt_seconds")), share(at(users, "loss_ratio")));
}

void rows(Table& table, const std::string& label, const Json& carriers) {
  auto lead = label;
  for (const auto& one : items(carriers)) {
    const auto moved = str(at(one, "moved"));
    table.add({{lead},
               {str(at(one, "carrier"))},
               {figures(at(one, "before"))},
               {figures(at(one, "now"))},
               {moved, moved == "moved" ? Tone::strong : Tone::plain}});
    lead.clear();
  }
}

}  // namespace

std::string print_survey(const Json& r, const Look& look) {
  auto out = fold("",
                  fmt::format("what {} does for {} when {} asks for it; nodes equally far away "
                              "look like one",
                              str(at(r, "upstream")), join(strings(at(r, "prefixes")), ", "),
                              str(at(r, "node"))),
                  look.width);
  Table table({{.title = "ASKED"},
               {.title = "CARRIER"},
               {.title = "BEFORE"},
               {.title = "NOW"},
               {.title = "ITS USERS"}});
  for (const auto& step : items(at(r, "steps")))
    rows(table, str(at(step, "asked")), at(step, "carriers"));
  rows(table, "nothing any more", at(r, "after"));
  out += table.empty() ? "" : "\n" + table.render(look) + "\n";
  for (const auto& step : items(at(r, "steps"))) {
    const auto verdict = str(at(step, "verdict"));
    auto line =
        fmt::format("{}: {}", verdict == "works" ? "works" : "NOT PROVEN", str(at(step, "text")));
    if (verdict == "works")
      line += fmt::format("; 'tested: true' may stand at its entry in upstreams.{}.communities",
                          str(at(r, "upstream")));
    out += fold(str(at(step, "asked")) + "  ", line, look.width);
  }
  const auto stopped = str(at(r, "stopped"));
  if (!stopped.empty()) out += fold("stopped  ", stopped, look.width);
  return out;
}

}  // namespace anycast::text
