#include "controller/app/top.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::top {
namespace {

constexpr int kMostNotices = 3;
constexpr int kNarrow = 80;  // reports are made for no less

struct Path {
  std::string node;
  std::string carrier;
  const Json* cell;
};

int rank_of(const std::string& state) {
  if (state == "bad") return 0;
  if (state == "warn") return 1;
  return state == "unknown" ? 2 : 3;
}

double figure(const Path& path, const char* name) {
  return text::number(text::at(*path.cell, name)).value_or(-1);
}

std::vector<Path> paths(const Json& status, const Choice& choice) {
  std::vector<Path> out;
  for (const auto& cell : text::items(text::at(status, "cells"))) {
    const auto words =
        fmt::format("{} {} {}", text::str(text::at(cell, "node")),
                    text::str(text::at(cell, "carrier")), text::str(text::at(cell, "state")));
    if (words.find(choice.filter) == std::string::npos) continue;
    out.push_back({text::str(text::at(cell, "node")), text::str(text::at(cell, "carrier")), &cell});
  }
  std::ranges::stable_sort(out, [&](const Path& a, const Path& b) {
    switch (choice.order) {
      case Order::worst:
        return rank_of(text::str(text::at(*a.cell, "state"))) <
               rank_of(text::str(text::at(*b.cell, "state")));
      case Order::rtt: return figure(a, "rtt_seconds") > figure(b, "rtt_seconds");
      case Order::loss: return figure(a, "loss_ratio") > figure(b, "loss_ratio");
      case Order::node: break;
    }
    return false;
  });
  return out;
}

std::string word(Order order) {
  switch (order) {
    case Order::worst: return "worst first";
    case Order::node: return "by node";
    case Order::rtt: return "by RTT";
    case Order::loss: return "by loss";
  }
  return "?";
}

Choice show(Choice choice, View view) {
  choice.view = choice.view == view ? View::paths : view;
  choice.scroll = 0;
  return choice;
}

Choice type(Choice choice, const std::string& key) {
  if (key == "enter" || key == "quit") choice.typing = false;
  if (key == "escape") {
    choice.typing = false;
    choice.filter.clear();
  }
  if (key == "backspace" && !choice.filter.empty()) choice.filter.pop_back();
  if (key.size() == 1) choice.filter += key;
  choice.selected = 0;
  return choice;
}

Choice move(Choice choice, int by, const Json& status) {
  if (choice.view == View::paths) {
    const auto last = static_cast<int>(paths(status, choice).size()) - 1;
    choice.selected = std::max(0, std::min(choice.selected + by, last));
  } else {
    choice.scroll = std::max(0, choice.scroll + by);
  }
  return choice;
}

std::vector<std::string> lines_of(const std::string& text) {
  auto out = split(text, '\n');
  if (!out.empty() && out.back().empty()) out.pop_back();
  return out;
}

/// Lines in colours, or cut to the width of a screen that is narrower than reports are made for.
template <class Print>
std::vector<std::string> painted(text::Look look, const Print& print) {
  look.colour = look.colour && look.width >= kNarrow;
  auto out = lines_of(print(look));
  if (!look.colour)
    for (auto& line : out) line = clip(line, look.width);
  return out;
}

std::string head_line(const Known& known, const Choice& choice, const text::Look& look) {
  const auto& r = known.status;
  if (r.is_null()) return clip("anycastd: " + known.trouble, look.width);
  auto health = text::str(text::at(r, "health"));
  std::ranges::transform(health, health.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (health == "OK") health = "ok";
  auto text =
      fmt::format("{}  {}  mode {}  evidence {} old  {} {}", text::str(text::at(r, "node")), health,
                  text::str(text::at(r, "mode")), text::age(text::at(r, "evidence", "age_seconds")),
                  text::clock(r, text::at(r, "time"), look), text::zone(text::at(r, "time"), look));
  if (choice.still) text += "  (still; space goes on)";
  if (!known.trouble.empty()) text = "OLD: " + known.trouble + "  " + text;
  return clip(text, look.width);
}

std::vector<std::string> table_of(const Known& known, const Choice& choice,
                                  const text::Look& look) {
  text::Table table({{.title = "  NODE"},
                     {.title = "CARRIER"},
                     {.title = "IS"},
                     {.title = "RTT", .align = text::Column::Align::right},
                     {.title = "LOSS", .align = text::Column::Align::right},
                     {.title = "JITTER", .align = text::Column::Align::right},
                     {.title = "SINCE"},
                     {.title = "VIA"}});
  const auto shown = paths(known.status, choice);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto& cell = *shown[i].cell;
    std::vector<std::string> via;
    for (const auto& up : text::items(text::at(cell, "upstreams")))
      via.push_back(text::str(text::at(up, "name")));
    table.add({{(static_cast<int>(i) == choice.selected ? "> " : "  ") + shown[i].node},
               {shown[i].carrier},
               text::verdict(text::at(cell, "state")),
               {text::ms(text::at(cell, "rtt_seconds"))},
               {text::share(text::at(cell, "loss_ratio"))},
               {text::ms(text::at(cell, "jitter_seconds"))},
               {text::ago(known.status, text::at(cell, "since"))},
               {join(via, " ")}});
  }
  if (table.empty()) return {clip("no path fits '" + choice.filter + "'", look.width)};
  return painted(look, [&](const text::Look& fit) { return table.render(fit); });
}

/// A line about each session and the last decisions, where there is room.
std::vector<std::string> tail_of(const Json& status, const text::Look& look) {
  std::vector<std::string> sessions;
  for (const auto& up : text::items(text::at(status, "upstreams"))) {
    const auto actual = text::state_of(text::at(up, "actual"));
    sessions.push_back(text::str(text::at(up, "name")) + " " +
                       (actual.empty() ? "unknown" : actual));
  }
  std::vector<std::string> last;
  for (const auto& one : text::items(text::at(status, "last"))) {
    last.push_back(fmt::format("{} {} {} #{}", text::clock(status, text::at(one, "time"), look),
                               text::str(text::at(one, "action")),
                               text::str(text::at(one, "upstream")),
                               text::str(text::at(one, "id"))));
  }
  std::vector<std::string> out = {"", clip("UPSTREAMS  " + join(sessions, ", "), look.width)};
  if (!last.empty()) out.push_back(clip("DECISIONS  " + join(last, ", "), look.width));
  return out;
}

const std::vector<std::string>& key_lines() {
  static const std::vector<std::string> kLines = {
      "up, down, j, k   choose a path, or scroll",
      "enter, e         why it is as it is: explain",
      "p                plan: wanted steps and their guards",
      "h                history: decisions and events",
      "u                sessions: the whole status",
      "o                order: worst first, by node, by RTT, by loss",
      "/                show only paths with these letters; escape shows all",
      "space            keep this picture still",
      "r                ask again now",
      "?                these keys",
      "escape, c        back to the paths",
      "q, ctrl-C        leave",
      "",
      "No key changes the network."};
  return kLines;
}

/// A report as the other commands print it; on a narrow screen the right of it is cut.
std::vector<std::string> report_lines(const Json& report, const text::Look& look) {
  return painted(look, [&](text::Look fit) {
    fit.width = std::max(look.width, kNarrow);
    return text::print(report, fit);
  });
}

std::vector<std::string> body_of(const Choice& choice, const Known& known, int room,
                                 const text::Look& look) {
  if (choice.view == View::keys) return key_lines();
  if (known.status.is_null()) return {};
  if (choice.view == View::sessions) return report_lines(known.status, look);
  if (choice.view != View::paths)
    return known.answer.is_null() ? std::vector<std::string>{"asking ..."}
                                  : report_lines(known.answer, look);
  auto out = table_of(known, choice, look);
  for (auto& line : tail_of(known.status, look)) {
    if (static_cast<int>(out.size()) < room) out.push_back(std::move(line));
  }
  return out;
}

/// The part of the body that is on the screen: around the chosen path, or from `scroll` on.
std::vector<std::string> part_of(std::vector<std::string> body, const Choice& choice, int room) {
  const auto size = static_cast<int>(body.size());
  int first = std::clamp(choice.scroll, 0, std::max(0, size - room));
  int fixed = 0;
  if (choice.view == View::paths) {
    fixed = 1;  // the titles stay
    first = std::max(0, choice.selected + 2 - room);
  }
  const auto gone = std::min(first, std::max(0, size - fixed));
  if (gone > 0) body.erase(body.begin() + fixed, body.begin() + fixed + gone);
  body.resize(static_cast<std::size_t>(std::max(0, room)));
  return body;
}

std::string foot_line(const Choice& choice, const text::Look& look) {
  if (choice.typing) return clip("/" + choice.filter + "_", look.width);
  std::string text = "? keys  q quit  enter explain  p plan  h history  u sessions  / filter";
  if (choice.view == View::paths) text += "  o " + word(choice.order);
  if (!choice.filter.empty()) text = "filter '" + choice.filter + "'  " + text;
  return clip(text, look.width);
}

}  // namespace

std::vector<std::string> keys(std::string_view bytes) {
  static const std::vector<std::pair<std::string_view, const char*>> kKnown = {
      {"\x1b[A", "up"},       {"\x1bOA", "up"},         {"\x1b[B", "down"},  {"\x1bOB", "down"},
      {"\x1b[5~", "page_up"}, {"\x1b[6~", "page_down"}, {"\x1b", "escape"},  {"\r", "enter"},
      {"\n", "enter"},        {"\x7f", "backspace"},    {"\b", "backspace"}, {"\x03", "quit"}};
  std::vector<std::string> out;
  while (!bytes.empty()) {
    const auto found = std::ranges::find_if(
        kKnown, [&](const auto& known) { return bytes.starts_with(known.first); });
    const auto size = found == kKnown.end() ? 1 : found->first.size();
    if (found != kKnown.end()) {
      out.emplace_back(found->second);
    } else if (bytes[0] >= ' ') {
      out.emplace_back(1, bytes[0]);
    }
    bytes.remove_prefix(size);
  }
  return out;
}

Choice press(Choice choice, const std::string& key, const Json& status) {
  constexpr int kPage = 10;
  if (choice.typing) return type(std::move(choice), key);
  if (key == "q" || key == "quit") choice.quit = true;
  if (key == "up" || key == "k") return move(std::move(choice), -1, status);
  if (key == "down" || key == "j") return move(std::move(choice), 1, status);
  if (key == "page_up") return move(std::move(choice), -kPage, status);
  if (key == "page_down") return move(std::move(choice), kPage, status);
  if (key == "enter" || key == "e") return show(std::move(choice), View::explain);
  if (key == "p") return show(std::move(choice), View::plan);
  if (key == "h") return show(std::move(choice), View::history);
  if (key == "u") return show(std::move(choice), View::sessions);
  if (key == "?") return show(std::move(choice), View::keys);
  if (key == "o") choice.order = static_cast<Order>((static_cast<int>(choice.order) + 1) % 4);
  if (key == "/") choice.typing = true;
  if (key == " ") choice.still = !choice.still;
  if (key == "escape" && choice.view == View::paths) choice.filter.clear();
  if (key == "escape" || key == "c") {
    choice.view = View::paths;
    choice.scroll = 0;
  }
  return choice;
}

std::optional<Question> question(const Choice& choice, const Json& status) {
  if (choice.view == View::plan) return Question{"/v1/plan"};
  if (choice.view == View::history) return Question{"/v1/history", {{"n", "100"}}};
  if (choice.view != View::explain) return std::nullopt;
  const auto shown = paths(status, choice);
  if (shown.empty()) return Question{"/v1/explain"};
  const auto& path = shown[static_cast<std::size_t>(
      std::clamp(choice.selected, 0, static_cast<int>(shown.size()) - 1))];
  return Question{"/v1/explain", {{"node", path.node}, {"carrier", path.carrier}}};
}

std::vector<std::string> frame(const Choice& choice, const Known& known, int height,
                               const text::Look& look) {
  std::vector<std::string> out = {head_line(known, choice, look)};
  if (choice.view == View::paths) {
    for (const auto& notice : text::items(text::at(known.status, "notices"))) {
      // A small screen is for the paths.
      if (static_cast<int>(out.size()) > std::min(kMostNotices, height / 6)) break;
      out.push_back(clip("! " + text::str(text::at(notice, "text")), look.width));
    }
  }
  const auto room = height - static_cast<int>(out.size()) - 1;
  for (auto& line : part_of(body_of(choice, known, room, look), choice, room))
    out.push_back(std::move(line));
  if (choice.view == View::keys)
    for (auto& line : out) line = clip(line, look.width);
  out.resize(static_cast<std::size_t>(std::max(height - 1, 0)));
  out.push_back(foot_line(choice, look));
  return out;
}

}  // namespace anycast::top
