#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

constexpr int kStepMargin = 11;  // of the lines under a step

/// Only the mode holds it back: nothing is wrong with the step, a person has to apply it.
bool waits_for_person(const Json& r, const Json& step) {
  if (str(at(r, "mode")) != "advise" || truth(at(step, "allowed"))) return false;
  for (const auto& guard : items(at(step, "guards"))) {
    if (!truth(at(guard, "passed")) && str(at(guard, "guard")) != "mode") return false;
  }
  return true;
}

std::string step_title(std::size_t number, const Json& r, const Json& step, const Look& look) {
  std::vector<std::string> prefixes;
  for (const auto& prefix : items(at(r, "prefixes"))) prefixes.push_back(str(at(prefix, "prefix")));
  const bool allowed = truth(at(step, "allowed"));
  auto word = paint(allowed ? "allowed" : "REFUSED", allowed ? Tone::good : Tone::bad, look);
  if (waits_for_person(r, step)) word = paint("ADVISED", Tone::warn, look);
  const auto text = fmt::format("{}  {} on {} for {}", number, action_of(at(step, "to")),
                                str(at(step, "upstream")), join(prefixes, ", "));
  return fmt::format("{}  {}\n", clip(text, look.width - 9), word);
}

std::string step_text(std::size_t number, const Json& r, const Json& step, const Look& look) {
  auto out = step_title(number, r, step, look);
  const auto carriers = strings(at(step, "carriers"));
  auto why = fmt::format("{}: {}", str(at(step, "cause")), str(at(step, "why")));
  if (!carriers.empty()) why += fmt::format(" (for {})", join(carriers, ", "));
  out += labelled("   cause", why, kStepMargin, look);
  out += labelled("   now", state_of(at(step, "from")), kStepMargin, look);
  for (const auto& guard : items(at(step, "guards"))) {
    const bool passed = truth(at(guard, "passed"));
    auto text = fmt::format("{}: {}", str(at(guard, "guard")), str(at(guard, "text")));
    const auto place = str(at(guard, "place"));
    if (!passed && !place.empty()) text += fmt::format(" ({})", place);
    if (!passed && !at(guard, "earliest").is_null())
      text += ", not before " + clock(r, at(guard, "earliest"), look);
    const char* word = waits_for_person(r, step) ? "   advised" : "   refused";
    out += labelled(passed ? "   ok" : word, text, kStepMargin, look);
  }
  if (!at(step, "decision").is_null())
    out += labelled("   taken", "#" + str(at(step, "decision")), kStepMargin, look);
  return out;
}

/// In mode auto a change is over before anybody can look at it planned: the last one is shown then.
std::string last_change(const Json& r, const Look& look) {
  const auto& last = at(r, "last_apply");
  const auto& difference = at(last, "diff");
  std::string out = "no change of the fragment\n";
  if (difference.is_null()) return out;
  const auto decision = str(at(last, "decision"));
  out += fold("",
              fmt::format("the last one, at {}{}, {}: {}", clock(r, at(last, "time"), look),
                          decision.empty() ? "" : ", #" + decision, str(at(last, "result")),
                          str(at(last, "text"))),
              look.width);
  return out + diff_text(difference, look);
}

std::string change_text(const Json& r, const Look& look) {
  const bool handed = !at(r, "change").is_null();
  const auto& change = at(r, handed ? "change" : "proposal");
  if (change.is_null()) return last_change(r, look);
  return fold("",
              fmt::format("{} ({}): {}", handed ? "handed over now" : "proposed",
                          str(at(change, "why")), str(at(change, "text"))),
              look.width) +
         diff_text(at(change, "diff"), look);
}

/// What the kernel is asked for, in the words of ip and ipvsadm.
std::string kernel_text(const Json& r, const Look& look) {
  const auto& inside = at(r, "inside");
  if (inside.is_null()) return {};
  const auto planned = strings(at(inside, "planned"));
  const auto proposal = strings(at(inside, "proposal"));
  const auto listed = [&](const std::string& title, const std::vector<std::string>& commands) {
    auto out = labelled("kernel", title, kStepMargin, look);
    for (const auto& command : commands) out += fold("  ", command, look.width);
    return out;
  };
  const auto waits = str(at(inside, "waits"));
  std::string out;
  if (!planned.empty()) out += listed(waits.empty() ? "done in this cycle:" : waits + ":", planned);
  if (proposal != planned) out += listed("a person applies (anycastctl apply):", proposal);
  return out.empty() ? labelled("kernel", "no change", kStepMargin, look) : out;
}

std::string what_happens(const Json& r, std::size_t wanted, std::size_t refused) {
  const auto mode = str(at(r, "mode"));
  const auto condition = str(at(r, "condition", "state"));
  const bool some = !at(r, "change").is_null() || !at(r, "proposal").is_null() ||
                    !strings(at(r, "inside", "proposal")).empty();
  if (condition != "run")
    return fmt::format("nothing: {}: {}", condition, str(at(r, "condition", "why")));
  if (!some && wanted == refused && refused > 0)
    return "nothing yet: every wanted step is refused; they are tried again in each cycle";
  if (mode == "observe") return "nothing: mode observe only measures; 'mode: advise' plans for you";
  if (wanted == 0 && !some) return "nothing to do";
  if (mode == "advise") return "anycastctl apply --reason TEXT carries it out";
  return fmt::format("this node is in mode auto and does it by itself, within {}",
                     age(at(r, "interval_seconds")));
}

}  // namespace

std::string print_plan(const Json& r, const Look& look) {
  const auto& steps = items(at(r, "steps"));
  std::size_t refused = 0;
  for (const auto& step : steps)
    refused += truth(at(step, "allowed")) || waits_for_person(r, step) ? 0 : 1;
  const auto seen = at(r, "evidence", "age_seconds");
  std::string out =
      flow({str(at(r, "node")), "mode " + str(at(r, "mode")),
            seen.is_null() ? std::string{"no evidence"} : fmt::format("evidence {} old", age(seen)),
            "config " + str(at(r, "config", "digest")), "plan " + str(at(r, "hash")).substr(0, 7),
            fmt::format("{} step{} wanted, {} refused", steps.size(), steps.size() == 1 ? "" : "s",
                        refused)},
           look.width);
  out += notices(r, look);
  for (std::size_t i = 0; i < steps.size(); ++i) out += "\n" + step_text(i + 1, r, steps[i], look);
  out += "\n" + change_text(r, look) + kernel_text(r, look) + blackhole_lines(r, look) +
         egress_lines(r, look);
  if (!at(r, "confirm_until").is_null()) {
    out += labelled("pending",
                    fmt::format("on probation until {}: anycastctl confirm, or it goes "
                                "back by itself",
                                clock(r, at(r, "confirm_until"), look)),
                    kStepMargin, look);
  }
  return out + labelled("to do it", what_happens(r, steps.size(), refused), kStepMargin, look);
}

}  // namespace anycast::text
