#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;

namespace {

struct Scene {
  std::string name;
  Published published;
};

std::vector<Scene> scenes() {
  return {{"calm", testing::calm()},         {"evening", testing::evening()},
          {"blind", testing::blind()},       {"frozen", testing::frozen()},
          {"first", testing::first_cycle()}, {"advised", testing::advised()},
          {"chinese", testing::chinese()}};
}

void same_in_ctl(const std::string& name, const std::string& text) {
  test::same_as_golden("ctl/" + name + ".txt", text);
}

std::vector<HistoryEntry> some_history() {
  const auto at = testing::noon();
  return {{.row = 4,
           .at = at - seconds{194},
           .event = {.kind = "step",
                     .priority = 5,
                     .text = "prepended 2 on cmi for 203.0.113.0/24 on hk-idc-1: mobile bad, 229ms "
                             ">= 180ms in 3 of 3 regions; next: withdraw if still bad [#1841]",
                     .upstream = "cmi",
                     .node = "hk-idc-1",
                     .decision = 1841}},
          {.row = 3,
           .at = at - seconds{417},
           .event = {.kind = "cell-state",
                     .priority = 6,
                     .text = "mobile at hk-idc-1 went warn -> bad",
                     .carrier = "mobile",
                     .node = "hk-idc-1",
                     .from = "warn",
                     .to = "bad"}},
          {.row = 2,
           .at = at - hours{20},
           .event = {.kind = "operator",
                     .priority = 5,
                     .text = "thawed: \"event over\"\tand\x1b[31m done",
                     .actor = "lin (uid 1004)"}}};
}

report::Json report_of(const std::string& what, const Published& p) {
  if (what == "status") return report::status(p);
  if (what == "plan") return report::plan(p);
  if (what == "probes") return report::probes(p);
  if (what == "explain-upstream") return *report::explain(p, "hk-idc-1", "cmi");
  if (what == "explain-other") return *report::explain(p, "hk-ali-1", "telecom");
  return *report::explain(p, "", "");
}

}  // namespace

TEST_CASE("every report at 80, 100 and 160 columns is the text in its file and never wider") {
  for (const auto& scene : scenes()) {
    for (const char* what :
         {"status", "plan", "probes", "explain", "explain-upstream", "explain-other"}) {
      const auto report = report_of(what, scene.published);
      for (const int width : {80, 100, 160}) {
        const auto text = text::print(report, {.width = width, .utc = true});
        INFO(scene.name << " " << what << " " << width << "\n" << text);
        CHECK(test::widest(text) <= width);
        CHECK(text.find('\x1b') == std::string::npos);
        same_in_ctl(fmt::format("{}-{}-{}", scene.name, what, width), text);
      }
    }
  }
}

TEST_CASE("what is kept in the kernel is shown beside the rest, and planned in commands") {
  for (const char* what : {"status", "plan"}) {
    const auto report = report_of(what, testing::kept());
    for (const int width : {80, 100, 160}) {
      const auto text = text::print(report, {.width = width, .utc = true});
      CHECK(test::widest(text) <= width);
      same_in_ctl(fmt::format("kept-{}-{}", what, width), text);
    }
  }
  auto inside = report::status(testing::kept())["local"]["inside"];
  same_in_ctl("kept-inside-json", inside.dump(2) + "\n");
}

TEST_CASE("status says where a shadow has come to something else, and only there") {
  const auto status = report::status(testing::shadowed());
  for (const int width : {80, 100, 160}) {
    const auto text = text::print(status, {.width = width, .utc = true});
    CHECK(test::widest(text) <= width);
    same_in_ctl(fmt::format("shadowed-status-{}", width), text);
  }
  same_in_ctl("shadowed-json", status.at("shadow").dump(2) + "\n");
}

TEST_CASE("history puts the words below the table where the terminal is narrow") {
  for (const int width : {80, 100, 160}) {
    const auto text = text::print(report::history(some_history()), {.width = width, .utc = true});
    CHECK(test::widest(text) <= width);
    same_in_ctl(fmt::format("history-{}", width), text);
  }
}

TEST_CASE("plain, yaml, json and one line for Nagios") {
  const auto status = report::status(testing::evening());
  same_in_ctl("evening-status-plain", text::print(status, {.format = text::Format::plain}));
  same_in_ctl("evening-status-yaml", text::print(status, {.format = text::Format::yaml}));
  same_in_ctl("evening-status-json", text::print(status, {.format = text::Format::json}));
  same_in_ctl("evening-explain-json", text::print(report_of("explain", testing::evening()),
                                                  {.format = text::Format::json}));
  same_in_ctl("evening-plan-json",
              text::print(report_of("plan", testing::evening()), {.format = text::Format::json}));
  same_in_ctl("history-plain",
              text::print(report::history(some_history()), {.format = text::Format::plain}));
  std::string lines;
  for (const auto& scene : scenes()) {
    const auto check = text::nagios(report::status(scene.published));
    lines += fmt::format("{} {}: {}\n", scene.name, check.code, check.line);
  }
  same_in_ctl("nagios", lines);
}

TEST_CASE("colour marks words that stand there without it, too") {
  const auto status = report::status(testing::evening());
  const auto plain = text::print(status, {.utc = true});
  auto coloured = text::print(status, {.colour = true, .utc = true});
  CHECK(coloured.find("\x1b[1;31mBAD") != std::string::npos);
  for (auto from = coloured.find('\x1b'); from != std::string::npos; from = coloured.find('\x1b')) {
    coloured.erase(from, coloured.find('m', from) - from + 1);
  }
  CHECK(coloured == plain);
}

TEST_CASE("a report of another version prints what is there") {
  for (const char* text :
       {"{}", "[]", "null", R"({"kind":"Status"})", R"({"kind":"Explain"})",
        R"({"kind":"Plan","steps":[{}],"change":{}})", R"({"kind":"Probes","probes":[{},3]})",
        R"({"kind":"History","entries":[{}]})",
        R"({"kind":"Status","cells":5,"nodes":[{"name":7}],"upstreams":[{}]})"}) {
    const auto report = report::Json::parse(text);
    for (const auto format : {text::Format::table, text::Format::wide, text::Format::json,
                              text::Format::yaml, text::Format::plain}) {
      CHECK_NOTHROW(text::print(report, {.format = format, .width = 80}));
    }
    CHECK_NOTHROW(text::nagios(report));
  }
}
