#include "controller/app/top.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;

using Chosen = top::Choice;
using top::View;
using Words = std::vector<std::string>;

namespace {

Chosen after(const Words& keys, const report::Json& status, Chosen choice = {}) {
  for (const auto& key : keys) choice = top::press(choice, key, status);
  return choice;
}

std::string line_with(const std::string& mark, const Chosen& choice, const report::Json& status) {
  const report::Json none = nullptr;
  const auto lines = top::frame(choice, {.status = status, .answer = none}, 24, {.utc = true});
  const auto found = std::ranges::find_if(
      lines, [&](const auto& line) { return line.find(mark) != std::string::npos; });
  return found == lines.end() ? "" : *found;
}

}  // namespace

TEST_CASE("keys are read out of what a terminal sends, several at once too") {
  CHECK(top::keys("\x1b[A\x1bOBj\x1b[5~\r\x7f\x1b") ==
        Words{"up", "down", "j", "page_up", "enter", "backspace", "escape"});
  CHECK(top::keys("\x03\x01\xff") == Words{"quit"});
  CHECK(top::keys("").empty());
}

TEST_CASE("the worst path comes first and its explanation is a key away") {
  const auto status = report::status(testing::evening());
  CHECK(line_with("> ", {}, status).starts_with("> hk-idc-1  mobile"));
  const auto asked = top::question(after({"enter"}, status), status);
  CHECK(asked == top::Question{"/v1/explain", {{"node", "hk-idc-1"}, {"carrier", "mobile"}}});
  CHECK(after({"enter", "enter"}, status) == Chosen{});
  CHECK(after({"enter", "down", "c"}, status) == Chosen{});
  CHECK(top::question(after({"p"}, status), status) == top::Question{"/v1/plan"});
  CHECK(top::question({}, status) == std::nullopt);
}

TEST_CASE("the choice stays within the paths, whatever the filter leaves") {
  const auto status = report::status(testing::evening());
  CHECK(after({"up"}, status).selected == 0);
  CHECK(after(Words(30, "down"), status).selected == 10);
  auto filtered = after({"/", "t", "x", "-", "enter"}, status, after(Words(9, "j"), status));
  CHECK(filtered.selected == 0);
  CHECK(line_with("> ", filtered, status).starts_with("> hk-tx-1"));
  CHECK(line_with("hk-ali", filtered, status).empty());
  filtered = after({"/", "q", "q", "enter"}, status, filtered);
  CHECK_FALSE(filtered.quit);
  CHECK(!line_with("no path fits 'tx-qq'", filtered, status).empty());
  CHECK(top::question(after({"e"}, status, filtered), status) == top::Question{"/v1/explain"});
  CHECK(after({"escape"}, status, filtered) == Chosen{});
}

TEST_CASE("orders, stillness and leaving") {
  const auto status = report::status(testing::evening());
  CHECK(line_with("> ", after({"o"}, status), status).starts_with("> hk-ali-1"));
  CHECK(line_with("> ", after({"o", "o"}, status), status).starts_with("> hk-idc-1  mobile"));
  CHECK(after({"o", "o", "o", "o"}, status) == Chosen{});
  CHECK(after({" "}, status).still);
  CHECK(!line_with("(still; space goes on)", after({" "}, status), status).empty());
  CHECK(after({"q"}, status).quit);
  CHECK(after({"quit"}, status).quit);
}

TEST_CASE(
    "a frame has the size of the screen, before the first answer too, and says what is wrong") {
  const report::Json none = nullptr;
  for (const auto& p :
       {testing::evening(), testing::blind(), testing::chinese(), testing::first_cycle()}) {
    const auto status = report::status(p);
    const auto explain = *report::explain(p, "", "");
    for (const auto& [width, height] : {std::pair{40, 10}, {20, 3}, {80, 24}, {160, 50}}) {
      for (const auto view : {View::paths, View::sessions, View::explain, View::keys}) {
        for (const auto* known : {&none, &status}) {
          const auto lines =
              top::frame({.view = view, .scroll = 3}, {.status = *known, .answer = explain}, height,
                         {.width = width, .utc = true});
          CHECK(static_cast<int>(lines.size()) == height);
          for (const auto& line : lines) {
            CHECK(display_width(line) <= width);
            CHECK(line.find('\x1b') == std::string::npos);
          }
        }
      }
    }
  }
  const auto gone =
      top::frame({}, {.status = none, .answer = none, .trouble = "no answer at x"}, 5, {});
  CHECK(gone.front() == "anycastd: no answer at x");
}
