#include "controller/app/metrics.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "controller/app/report.hpp"
#include "controller/app/text.hpp"
#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/texts.hpp"
#include "tests/unit/app/published_builder.hpp"

using namespace anycast;

namespace {

metrics::Context at_noon() {
  return {.now = testing::noon() + seconds{3},
          .process = {.cpu_seconds = 1.5,
                      .resident_bytes = 16'000'000,
                      .open_fds = 12,
                      .started_seconds = 1'700'000'000},
          .http_requests = {{{"/metrics", "200"}, 7}}};
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::vector<std::string> names(const std::string& text, const std::string& start) {
  std::vector<std::string> out;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with(start)) out.push_back(line);
  }
  return out;
}

/// What `promtool check metrics` says, and whether it could be asked.
std::pair<bool, std::string> promtool(const std::string& text) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) return {false, ""};
  const auto base =
      std::filesystem::temp_directory_path() / ("anycastd-metrics-" + std::to_string(::getpid()));
  const auto input = base.string() + ".prom";
  const auto output = base.string() + ".out";
  std::ofstream(input) << text;
  const auto command = "promtool check metrics < " + input + " > " + output + " 2>&1";
  const int code = std::system(command.c_str());
  std::ifstream file(output);
  std::string words{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(input);
  std::filesystem::remove(output);
  if (code != 0 && words.empty()) words = "promtool failed without words";
  return {true, words};
}

}  // namespace

TEST_CASE("promtool has nothing to say about the metrics of any state") {
  for (const auto& p :
       {testing::calm(), testing::evening(), testing::blind(), testing::frozen(),
        testing::first_cycle(), testing::chinese(), testing::kept(), testing::shadowed()}) {
    const auto [asked, words] = promtool(metrics::render(&p, at_noon()));
    if (!asked) {
      WARN("SKIP: promtool is not installed");
      return;
    }
    CHECK(words == "");
  }
  CHECK(promtool(metrics::render(nullptr, at_noon())).second == "");
}

TEST_CASE(
    "of what is kept in the kernel there is what it has, and nothing where it was not asked") {
  auto p = testing::kept();
  CHECK(names(metrics::render(&p, at_noon()), "anycast_vip") ==
        std::vector<std::string>{R"(anycast_vip_bound{address="203.0.113.1/32",link="lo"} 1)"});
  CHECK(names(metrics::render(&p, at_noon()), "anycast_virtual_service_up{") ==
        std::vector<std::string>{R"(anycast_virtual_service_up{service="tcp 203.0.113.1:80"} 1)",
                                 R"(anycast_virtual_service_up{service="tcp 203.0.113.1:443"} 1)",
                                 R"(anycast_virtual_service_up{service="udp 203.0.113.1:53"} 0)"});
  const std::string web = R"({service="tcp 203.0.113.1:80",server="192.0.2.202:8080"} )";
  const auto text = metrics::render(&p, at_noon());
  CHECK(has(text, "anycast_real_server_weight" + web + "0"));
  CHECK(has(text, "anycast_real_server_connections_total" + web + "34"));
  CHECK(has(text, "anycast_inside_faults 1"));
  p.inside.value->no_services = Error{.text = "the kernel has no IPVS"};
  CHECK(names(metrics::render(&p, at_noon()), "anycast_virtual_service").empty());
  p.inside = Sourced<InsideView>::failed({.text = "no socket"}, p.now);
  CHECK(names(metrics::render(&p, at_noon()), "anycast_vip").empty());
}

TEST_CASE("a session announces exactly what the router exports on it") {
  auto p = testing::evening();
  p.router.value->sessions["hkbn"].exports.clear();
  p.router.value->sessions["pccw"].up = false;
  CHECK(
      names(metrics::render(&p, at_noon()), "anycast_announces{") ==
      std::vector<std::string>{
          R"(anycast_announces{node="hk-idc-1",prefix="203.0.113.0/24",upstream="cmi",stance="prepend=2"} 1)",
          R"(anycast_announces{node="hk-idc-1",prefix="203.0.113.0/24",upstream="hkbn",stance="withdraw"} 0)",
          R"(anycast_announces{node="hk-idc-1",prefix="203.0.113.0/24",upstream="pccw",stance="withdraw"} 0)"});
}

TEST_CASE("a longer or shorter prefix than ours is no announcement of ours") {
  auto p = testing::calm();
  p.router.value->sessions["cmi"].exports = {{.prefix = *Prefix::parse("203.0.113.0/25")}};
  CHECK(has(
      metrics::render(&p, at_noon()),
      R"(anycast_announces{node="hk-idc-1",prefix="203.0.113.0/24",upstream="cmi",stance="withdraw"} 0)"));
}

TEST_CASE("nothing is said about announcements when the router is silent or cycles stand still") {
  const auto silent = testing::first_cycle();
  CHECK(names(metrics::render(&silent, at_noon()), "anycast_announces").empty());

  const auto p = testing::calm();
  auto late = at_noon();
  late.now = p.now + 3 * p.config->prometheus.interval + p.config->prometheus.timeout;
  CHECK(names(metrics::render(&p, late), "anycast_announces").empty());
  late.now -= Duration{1};
  CHECK(names(metrics::render(&p, late), "anycast_announces{").size() == 3);
}

TEST_CASE(
    "what ROAs say is told as a metric and in the status, and only where somebody was asked") {
  auto p = testing::calm();
  CHECK(names(metrics::render(&p, at_noon()), "anycast_rpki_state").empty());
  const text::Look look{.width = 200, .utc = true};
  CHECK(text::print(report::status(p), look).find("rpki") == std::string::npos);
  p.plan.origins = {{.prefix = p.config->prefixes.front().prefix,
                     .asn = 64500,
                     .state = OriginState::not_found,
                     .text = "not found by bird"}};
  const auto text = metrics::render(&p, at_noon());
  const auto line = [](const std::string& state, const std::string& value) {
    return R"(anycast_rpki_state{node="hk-idc-1",prefix="203.0.113.0/24",origin="64500",state=")" +
           state + "\"} " + value;
  };
  CHECK(names(text, "anycast_rpki_state{") ==
        std::vector<std::string>{line("valid", "0"), line("not_found", "1"), line("invalid", "0"),
                                 line("unknown", "0")});
  CHECK(text::print(report::status(p), look).find("AS64500 rpki not found") != std::string::npos);
}

TEST_CASE("a value that is not known is absent, not zero") {
  const auto p = testing::blind();
  const auto text = metrics::render(&p, at_noon());
  for (const char* name : {"anycast_rtt_seconds", "anycast_loss_ratio", "anycast_evidence_series{",
                           "anycast_evidence_age_seconds"}) {
    CHECK(names(text, name).empty());
  }
  CHECK(has(text, "anycast_blind 1"));
}

TEST_CASE("one series of a state set is 1, the others are 0") {
  const auto p = testing::evening();
  const auto text = metrics::render(&p, at_noon());
  CHECK(names(text, R"(anycast_carrier_state{node="hk-idc-1",carrier="mobile")") ==
        std::vector<std::string>{
            R"(anycast_carrier_state{node="hk-idc-1",carrier="mobile",state="ok"} 0)",
            R"(anycast_carrier_state{node="hk-idc-1",carrier="mobile",state="warn"} 0)",
            R"(anycast_carrier_state{node="hk-idc-1",carrier="mobile",state="bad"} 1)",
            R"(anycast_carrier_state{node="hk-idc-1",carrier="mobile",state="unknown"} 0)"});
  CHECK(
      names(text, R"(anycast_announcement_state{prefix="203.0.113.0/24",upstream="cmi")") ==
      std::vector<std::string>{
          R"(anycast_announcement_state{prefix="203.0.113.0/24",upstream="cmi",state="announced"} 0)",
          R"(anycast_announcement_state{prefix="203.0.113.0/24",upstream="cmi",state="prepended"} 1)",
          R"(anycast_announcement_state{prefix="203.0.113.0/24",upstream="cmi",state="drained"} 0)",
          R"(anycast_announcement_state{prefix="203.0.113.0/24",upstream="cmi",state="withdrawn"} 0)"});
  CHECK(has(text, R"(anycast_guard_blocking{guard="min_paths_per_carrier"} 1)"));
  CHECK(has(text, R"(anycast_plan_info{node="hk-idc-1",hash="9d0c1b2"} 1)"));
  CHECK(has(text, "anycast_changes_budget_remaining 5"));
}

TEST_CASE("every family is in the manual page with its type") {
  const auto page = test::slurp(test::tree("deploy/man/anycastd-metrics.7.scd"));
  const auto p = testing::shadowed();
  for (const auto& line : names(metrics::render(&p, at_noon()), "# TYPE ")) {
    const auto words = split(line, ' ');
    INFO(line);
    CHECK(page.find("*" + words.at(2) + "* (" + words.at(3)) != std::string::npos);
  }
}

TEST_CASE("what a shadow wants is told beside what is in force, which stays as it is") {
  const auto p = testing::shadowed();
  const auto text = metrics::render(&p, at_noon());
  CHECK(has(text, R"(anycast_shadow_up{node="hk-idc-1",digest="0123456"} 1)"));
  CHECK(has(text, R"(anycast_shadow_wanted{node="hk-idc-1",upstream="cmi",stance="withdraw"} 1)"));
  CHECK(has(text, R"(anycast_shadow_differs{node="hk-idc-1",upstream="cmi"} 1)"));
  CHECK(has(text, R"(anycast_shadow_differs{node="hk-idc-1",upstream="pccw"} 0)"));
  CHECK(has(text,
            R"(anycast_shadow_steps_total{node="hk-idc-1",action="withdraw",cause="carrier"} 1)"));
  CHECK(has(text,
            R"(anycast_shadow_steps_total{node="hk-idc-1",action="prepend",cause="carrier"} 0)"));
  auto without = p;
  without.shadow.reset();
  std::string others;
  for (const auto& line : split(text, '\n'))
    if (line.find("anycast_shadow_") == std::string::npos) others += line + "\n";
  others.pop_back();
  CHECK(others == metrics::render(&without, at_noon()));
}

TEST_CASE("no two samples have the same name and labels") {
  const auto p = testing::evening();
  std::set<std::string> seen;
  for (const auto& line : split(metrics::render(&p, at_noon()), '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    INFO(line);
    CHECK(seen.insert(line.substr(0, line.rfind(' '))).second);
  }
}

TEST_CASE("label values are escaped and odd numbers spelt as the format wants them") {
  metrics::Exposition out;
  out.family("x", "gauge", "Help.");
  out.sample({{"l", "a\\b\"c\nd"}}, std::numeric_limits<double>::quiet_NaN());
  out.sample({}, std::numeric_limits<double>::infinity());
  out.sample({}, -std::numeric_limits<double>::infinity());
  out.family("unused", "gauge", "Never printed.");
  CHECK(out.take() ==
        "# HELP x Help.\n# TYPE x gauge\nx{l=\"a\\\\b\\\"c\\nd\"} NaN\nx +Inf\nx -Inf\n");
}

TEST_CASE("a histogram counts a value at its bound into that bucket") {
  auto h = Histogram{.bounds = {milliseconds{10}, milliseconds{20}}, .counts = {0, 0, 0}};
  for (const int ms : {10, 11, 20, 21}) h.observe(milliseconds{ms});
  metrics::Exposition out;
  out.family("h_seconds", "histogram", "Help.");
  out.histogram({}, h);
  CHECK(out.take() ==
        "# HELP h_seconds Help.\n# TYPE h_seconds histogram\n"
        "h_seconds_bucket{le=\"0.01\"} 1\nh_seconds_bucket{le=\"0.02\"} 3\n"
        "h_seconds_bucket{le=\"+Inf\"} 4\nh_seconds_sum 0.062\nh_seconds_count 4\n");
}

TEST_CASE("the process reads its own figures") {
  const auto use = metrics::read_process();
  CHECK(use.resident_bytes > 100'000);
  CHECK(use.open_fds >= 3);
  CHECK(use.started_seconds > 1'600'000'000);
}
