#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/app/text_ranking.hpp"
#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

constexpr int kStageMargin = 13;  // of the numbered stages

std::string item(const char* label, const std::string& text, const Look& look) {
  return labelled(label, text, kStageMargin, look);
}

double real(const Json& value) { return number(value).value_or(0); }

std::string where(const Json& limit) {
  const auto place = str(at(limit, "place"));
  return place.empty() ? " (default)" : fmt::format(" ({})", place);
}

std::string interval(const Json& measure, const char* unit,
                     std::string (*print)(const Json& value)) {
  const auto key = [&](const char* part) { return fmt::format("{}_{}", part, unit); };
  const auto value = key("value");
  if (measure.is_null()) return "-";
  return fmt::format("{} [{}, {}]", print(at(measure, value.c_str())),
                     print(at(measure, key("low").c_str())),
                     print(at(measure, key("high").c_str())));
}

std::string title(const Json& r, const Look& look) {
  const auto& about = at(r, "about");
  const bool carrier = str(at(about, "kind")) == "carrier";
  std::string text = fmt::format("{} / {}", str(at(about, "node")), str(at(about, "name")));
  if (!at(r, "decision").is_null()) {
    text = fmt::format("decision #{} of {}, as it was seen then: {}", count(at(r, "decision")),
                       clock(r, at(r, "time"), look), text);
  }
  const auto& paths = items(at(r, "paths"));
  if (paths.empty()) {
    return fold("", text + ": nothing is known (not judged yet, or no upstream here leads there)",
                look.width);
  }
  std::vector<std::string> words;
  for (const auto& path : paths) {
    const auto& damped = at(path, "damped");
    const auto since = ago(r, at(damped, "since"));
    words.push_back(fmt::format("{} {}{}", str(at(path, carrier ? "upstream" : "carrier")),
                                verdict(at(damped, "state")).text,
                                since == "-" ? "" : " for " + since));
  }
  return fold("", fmt::format("{}: {}", text, join(words, ", ")), look.width);
}

std::string region_table(const Json& path, const Look& look) {
  Table table({{.title = "REGION", .key = true},
               {.title = "IS"},
               {.title = "MEDIAN RTT"},
               {.title = "LOSS"},
               {.title = "JITTER"},
               {.title = "REPLIES", .align = Column::Align::right},
               {.title = "AGE", .align = Column::Align::right},
               {.title = "OVER", .reason = true}},
              2);
  const auto add = [&](const std::string& name, const Json& e, Cell is, std::string over) {
    const auto sent = count(at(e, "sent"));
    table.add({{name},
               std::move(is),
               {interval(at(e, "rtt"), "seconds", ms)},
               {interval(at(e, "loss"), "ratio", share)},
               {interval(at(e, "jitter"), "seconds", ms)},
               {sent == 0 ? "none" : fmt::format("{}/{}", sent - count(at(e, "lost")), sent)},
               {age(at(e, "age_seconds"))},
               {std::move(over)}});
  };
  for (const auto& region : items(at(path, "regions"))) {
    auto over = join(strings(at(region, "over")), ", ");
    const auto unusable = str(at(region, "unusable"));
    if (!unusable.empty()) over = "not used: " + unusable;
    add(str(at(region, "region")), region, verdict(at(region, "state")), over);
  }
  add("(pooled)", at(path, "pooled"), {""}, join(strings(at(path, "over")), ", "));
  for (const auto* window : {"fast", "slow"}) {
    if (count(at(path, window, "sent")) == 0) continue;
    add(fmt::format("({})", window), at(path, window), {""}, {});
  }
  return table.render(look);
}

std::string bounds_note(const Look& look) {
  return fold("  ",
              "[low, high]: one-sided 95 % bounds; jitter is the mean |rtt[i] - rtt[i-1]| of "
              "neighbouring replies",
              look.width);
}

std::string nature_words(const std::string& nature) {
  if (nature == "outage") return "an outage: nearly nothing comes back";
  if (nature == "congestion") return "congestion: loss or jitter, queues are full";
  return "a detour: a longer way, little is lost on it";
}

/// What else the samples say of the losses: how they cluster, and the alarm.
std::string losses(const Json& path, const Look& look) {
  const auto& all = at(path, "pooled");
  if (count(at(all, "sent")) == 0) return {};
  auto text = fmt::format("evidence of a loss at 'bad' {:.1f} of {:.1f}{}", real(at(path, "cusum")),
                          real(at(path, "cusum_limit")), truth(at(path, "alarm")) ? ": alarm" : "");
  if (count(at(all, "lost")) > 0) {
    text += fmt::format("; losses come {:.1f} in a row, {} at most, and count as 1 in {:.1f}",
                        real(at(all, "mean_loss_run")), count(at(all, "longest_loss_run")),
                        real(at(all, "phi")));
  }
  return item("", text, look);
}

std::string measured(const Json& r, const Json& path, const char* label, const Look& look) {
  const auto& evidence = at(r, "evidence");
  const auto name = fmt::format("{} over {}", str(at(path, "carrier")), str(at(path, "upstream")));
  if (at(evidence, "evaluated_at").is_null()) {
    const auto error = str(at(evidence, "error"));
    return item(label, name + ": no evidence" + (error.empty() ? "" : ": " + error), look);
  }
  auto out = item(
      label,
      fmt::format("{}: {} window to {}, a ping each {}, newest {} old, from {}", name,
                  age(at(evidence, "window_seconds")), clock(r, at(evidence, "evaluated_at"), look),
                  age(at(evidence, "ping_seconds")), age(at(evidence, "age_seconds")),
                  str(at(evidence, "server"))),
      look);
  const auto why = str(at(path, "unknown_why"));
  if (!why.empty()) out += item("", "not known: " + why, look);
  return out + region_table(path, look) + bounds_note(look);
}

std::string judged(const Json& path, const char* label, const Look& look) {
  const auto& limits = at(path, "limits");
  const auto level = [&](const char* measure, const char* which) -> const Json& {
    return at(at(limits, measure), which);
  };
  auto text = fmt::format(
      "bad from rtt {}{}, loss {}{} or jitter {}{}", ms(at(level("rtt_seconds", "bad"), "value")),
      where(level("rtt_seconds", "bad")), share(at(level("loss_ratio", "bad"), "value")),
      where(level("loss_ratio", "bad")), ms(at(level("jitter_seconds", "bad"), "value")),
      where(level("jitter_seconds", "bad")));
  text += fmt::format("; {} of {} regions are bad, {} must be{}", count(at(path, "regions_bad")),
                      items(at(path, "regions")).size(), count(at(limits, "regions", "value")),
                      where(at(limits, "regions")));
  auto out = item(label, text, look);
  out += item("",
              fmt::format("clear below rtt {}{}, loss {}{} and jitter {}{}",
                          ms(at(level("rtt_seconds", "clear"), "value")),
                          where(level("rtt_seconds", "clear")),
                          share(at(level("loss_ratio", "clear"), "value")),
                          where(level("loss_ratio", "clear")),
                          ms(at(level("jitter_seconds", "clear"), "value")),
                          where(level("jitter_seconds", "clear"))),
              look);
  const auto over = strings(at(path, "over"));
  std::string now = "now neither bad nor clear";
  if (truth(at(path, "measured_clear"))) now = "now measured clear";
  if (truth(at(path, "measured_bad")))
    now = "now measured bad" + (over.empty() ? "" : " by " + join(over, ", "));
  if (!str(at(path, "unknown_why")).empty()) now = "now not judged: nothing is known";
  const auto nature = str(at(path, "nature"));
  if (!nature.empty()) now += "; it looks like " + nature_words(nature);
  return out + losses(path, look) + item("", now, look);
}

std::string damped(const Json& r, const Json& path, const char* label, const Look& look) {
  const auto& d = at(path, "damped");
  const auto& limits = at(path, "limits");
  const auto since = ago(r, at(d, "since"));
  auto text = verdict(at(d, "state")).text + (since == "-" ? "" : " for " + since);
  const auto bad_for = age(at(limits, "for_seconds", "value"));
  const auto clear_for = age(at(limits, "clear_for_seconds", "value"));
  const bool bad = str(at(d, "state")) == "bad";
  if (!at(d, "bad_since").is_null()) {
    text += fmt::format("; measured bad since {}, {} at {} ('for: {}'{})",
                        clock(r, at(d, "bad_since"), look), bad ? "counted" : "counts",
                        clock(r, at(d, "bad_at"), look), bad_for, where(at(limits, "for_seconds")));
  } else if (!bad) {
    text += fmt::format("; bad must last {}{} to count", bad_for, where(at(limits, "for_seconds")));
  }
  if (!at(d, "clear_since").is_null() && bad) {
    text += fmt::format("; measured clear since {}, good again at {} ('clear_for: {}'{})",
                        clock(r, at(d, "clear_since"), look), clock(r, at(d, "clear_at"), look),
                        clear_for, where(at(limits, "clear_for_seconds")));
  } else if (bad) {
    text += fmt::format("; clear must last {}{} to count", clear_for,
                        where(at(limits, "clear_for_seconds")));
  }
  return item(label, text, look);
}

std::string chose(const Json& r, const Look& look) {
  std::string out;
  for (const auto& path : items(at(r, "paths"))) {
    if (at(path, "blame").is_null()) continue;
    out += item(out.empty() ? "4 chose" : "",
                fmt::format("{} over {}: blame {}", str(at(path, "carrier")),
                            str(at(path, "upstream")), str(at(path, "blame"))),
                look);
  }
  std::vector<std::string> rungs;
  for (const auto& rung : items(at(r, "ladder"))) {
    auto text = fmt::format("{} {}", count(at(rung, "rung")), action_of(at(rung, "to")));
    if (!at(rung, "settle_seconds").is_null())
      text += fmt::format(" (settle {})", age(at(rung, "settle_seconds")));
    rungs.push_back(text);
  }
  if (!rungs.empty())
    out += item(out.empty() ? "4 chose" : "", "ladder: " + join(rungs, ", "), look);
  for (const auto& choice : items(at(r, "choices"))) {
    for (const auto& line : ranking(r, choice, look))
      out += item(out.empty() ? "4 chose" : "", line, look);
  }
  for (const auto& session : items(at(r, "sessions"))) {
    if (at(session, "wanted").is_null()) {
      out += item(
          "", str(at(session, "name")) + ": not adopted yet, the router has to answer first", look);
      continue;
    }
    const auto why = str(at(session, "why", "text"));
    out += item("",
                fmt::format("{} should be {}, rung {}, there since {}{}", str(at(session, "name")),
                            state_of(at(session, "wanted")), count(at(session, "why", "rung")),
                            clock(r, at(session, "since"), look), why.empty() ? "" : ": " + why),
                look);
    for (const auto& step : items(at(session, "steps"))) {
      out += item("",
                  fmt::format("{} wants to {}: {}", str(at(session, "name")),
                              action_of(at(step, "to")), str(at(step, "why"))),
                  look);
    }
    const auto& pin = at(session, "pin");
    if (pin.is_null()) continue;
    out += item("",
                fmt::format("pinned to {} by {}: \"{}\"", action_of(pin), str(at(pin, "actor")),
                            str(at(pin, "reason"))),
                look);
  }
  return out;
}

std::string guarded(const Json& r, const Look& look) {
  std::string out;
  const auto label = [&] { return out.empty() ? "5 guarded" : ""; };
  for (const auto& session : items(at(r, "sessions"))) {
    for (const auto& step : items(at(session, "steps"))) {
      for (const auto& guard : items(at(step, "guards"))) {
        const bool passed = truth(at(guard, "passed"));
        auto text = fmt::format("{} {}: {}", passed ? "ok     " : "REFUSED",
                                str(at(guard, "guard")), str(at(guard, "text")));
        if (!at(guard, "place").is_null()) text += where(guard);
        if (!passed && !at(guard, "earliest").is_null())
          text += ", not before " + clock(r, at(guard, "earliest"), look);
        out += item(label(), text, look);
      }
    }
  }
  if (out.empty()) out = item(label(), "no step is wanted, so no guard was asked", look);
  if (str(at(r, "condition", "state")) != "run") {
    out += item("",
                fmt::format("{}: nothing is changed: {}", str(at(r, "condition", "state")),
                            str(at(r, "condition", "why"))),
                look);
  }
  return out;
}

std::string route(const Json& e) {
  std::string out = str(at(e, "prefix"));
  const auto path = strings(at(e, "as_path"));
  const auto communities = strings(at(e, "communities"));
  if (!path.empty()) out += " path " + join(path, " ");
  if (!communities.empty()) out += " communities " + join(communities, " ");
  return out;
}

std::string routes(const Json& exports) {
  std::vector<std::string> out;
  for (const auto& e : items(exports)) out.push_back(route(e));
  return out.empty() ? "nothing" : join(out, ", ");
}

std::string applied(const Json& r, const Look& look) {
  const auto& router = at(r, "router");
  const auto kind = str(at(router, "kind"));
  if (!truth(at(router, "up"))) {
    return item("6 applied",
                fmt::format("not known: {} does not answer: {}", kind, str(at(router, "error"))),
                look);
  }
  std::string out;
  for (const auto& session : items(at(r, "sessions"))) {
    const auto name = str(at(session, "name"));
    if (at(session, "exports").is_null()) {
      out += item(
          out.empty() ? "6 applied" : "",
          fmt::format("{} is {}: it exports nothing", name, str(at(session, "session", "state"))),
          look);
      continue;
    }
    const bool same = truth(at(session, "in_sync"));
    auto text = fmt::format("{} exports {}", name, routes(at(session, "exports")));
    text += same ? ", as wanted" : "; WANTED is " + routes(at(session, "wanted_exports"));
    out += item(out.empty() ? "6 applied" : "", text, look);
    const auto effect = str(at(session, "effect"));
    if (!effect.empty()) out += item("", fmt::format("{} effect: {}", name, effect), look);
  }
  const auto revision = [&](const char* key) {
    return at(router, key).is_null() ? std::string{"none of ours"}
                                     : fmt::format("{:08x}", count(at(router, key)));
  };
  out += item(out.empty() ? "6 applied" : "",
              fmt::format("{} {} runs revision {}, wanted {}", kind, str(at(router, "version")),
                          revision("revision"), revision("wanted_revision")),
              look);
  const auto& last = at(r, "last_apply");
  if (last.is_null()) {
    out += item("", "nothing was handed over since the start", look);
  } else {
    out += item("",
                fmt::format("last hand-over {}: {} after {}: {}", clock(r, at(last, "time"), look),
                            str(at(last, "result")), age(at(last, "took_seconds")),
                            str(at(last, "text"))),
                look) +
           diff_text(at(last, "diff"), look);
  }
  const auto& proposal = at(r, "proposal");
  if (proposal.is_null()) return out;
  return out + item("", "would be handed over: " + str(at(proposal, "text")), look) +
         diff_text(at(proposal, "diff"), look);
}

std::string next(const Json& r, const Look& look) {
  std::string out;
  for (const auto& session : items(at(r, "sessions"))) {
    auto text = str(at(session, "next", "text"));
    if (text.empty()) text = "nothing is planned";
    const auto& earliest = at(session, "next", "earliest");
    if (!earliest.is_null()) text += ", not before " + clock(r, earliest, look);
    out += item(out.empty() ? "7 next" : "", fmt::format("{}: {}", str(at(session, "name")), text),
                look);
  }
  return out;
}

/// What the history says of a decision that was taken, oldest first.
std::string later(const Json& r, const Look& look) {
  std::string out;
  for (const auto& entry : items(at(r, "later"))) {
    out +=
        item(out.empty() ? "8 history" : "",
             fmt::format("{} {}", clock(r, at(entry, "time"), look), str(at(entry, "text"))), look);
  }
  return out;
}

}  // namespace

std::string print_explain(const Json& r, const Look& look) {
  std::string out = title(r, look);
  const auto& paths = items(at(r, "paths"));
  const bool per_session = truth(at(r, "evidence", "per_session"));
  std::string seen;  // where targets are per node, all sessions share the figures of a carrier
  for (const auto& path : paths) {
    const auto carrier = str(at(path, "carrier"));
    if (!per_session && carrier == seen) {
      out += item("",
                  fmt::format("{} over {}: the same figures, targets are per node", carrier,
                              str(at(path, "upstream"))),
                  look);
      continue;
    }
    seen = carrier;
    out += "\n" + measured(r, path, "1 measured", look) + judged(path, "2 judged", look) +
           damped(r, path, "3 damped", look);
  }
  out += "\n";
  if (!truth(at(r, "about", "self"))) {
    const auto node = str(at(r, "about", "node"));
    return out + item("4 chose",
                      fmt::format("{} decides for itself; ask its own daemon: ssh {} "
                                  "anycastctl explain",
                                  node, node),
                      look);
  }
  return out + chose(r, look) + guarded(r, look) + applied(r, look) + next(r, look) +
         egress_lines(r, look) + later(r, look);
}

}  // namespace anycast::text
