#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "adapters/keepalived/notify.hpp"
#include "adapters/system/file.hpp"
#include "controller/app/text_table.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl_client.hpp"
#include "controller/config/config.hpp"

namespace anycast::cmd {
namespace {

/// Findings in the order in which they were made.
class Findings {
 public:
  void ok(const char* name, const std::string& text) { add("ok", name, text, ""); }
  void warn(const char* name, const std::string& text, const std::string& hint) {
    add("warn", name, text, hint);
  }
  void fail(const char* name, const std::string& text, const std::string& hint) {
    add("fail", name, text, hint);
  }
  void check(bool fine, const char* name, const std::string& text, const std::string& hint) {
    fine ? ok(name, text) : fail(name, text, hint);
  }
  const Json& list() const { return list_; }
  int count(const char* level) const {
    int out = 0;
    for (const auto& one : list_) out += one.at("level") == level ? 1 : 0;
    return out;
  }

 private:
  void add(const char* level, const char* name, const std::string& text, const std::string& hint) {
    list_.push_back({{"level", level},
                     {"name", name},
                     {"text", printable(text)},
                     {"hint", hint.empty() ? Json(nullptr) : Json(hint)}});
  }
  Json list_ = Json::array();
};

std::string word(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

void check_file(const Options& options, const std::string& node, Findings& out) {
  // A daemon may run from another place; only a file that is there or was asked for is judged.
  const bool asked = options.config != kConfigFile;
  if (!asked && !std::filesystem::exists(options.config)) return;
  const auto loaded = config::load_path(options.config, {.self = node, .host_name = host_name()});
  if (!loaded) return out.fail("file", to_string(loaded.error()), "another file? --config FILE");
  int errors = 0;
  for (const auto& d : loaded->diagnostics)
    errors += d.severity == config::Diagnostic::Severity::error ? 1 : 0;
  const auto warnings = static_cast<int>(loaded->diagnostics.size()) - errors;
  const auto text = fmt::format("{}: errors {}, warnings {}", options.config, errors, warnings);
  if (errors == 0 && warnings == 0) return out.ok("file", text);
  const std::string hint = "anycastctl check-config " + options.config;
  errors > 0 ? out.fail("file", text, hint) : out.warn("file", text, hint);
}

void check_daemon(const Json& s, Findings& out) {
  const auto& cycle = s.at("cycle");
  const auto overruns = cycle.value("overruns", 0);
  const auto text = fmt::format(
      "{} on {}, {} cycles, the last took {:.0f}ms of {:.0f}s, {} overruns", word(s, "version"),
      word(s, "node"), cycle.value("count", 0), cycle.value("took_seconds", 0.0) * 1000,
      cycle.value("interval_seconds", 0.0), overruns);
  overruns > 0 ? out.warn("daemon", text,
                          "a cycle must end within its interval: look at the "
                          "timeouts of prometheus and router")
               : out.ok("daemon", text);
  out.check(s.at("config").value("last_reload_ok", true), "config",
            fmt::format("{} in force since {}", word(s.at("config"), "digest"),
                        word(s.at("config"), "loaded")),
            "the last reload was refused: anycastctl check-config");
}

void check_evidence(const Json& s, Findings& out) {
  const auto& e = s.at("evidence");
  const auto expected = e.value("probes_expected", 0);
  const auto fresh = e.value("probes_fresh", 0);
  if (!e.at("error").is_null()) {
    const bool file = word(e, "error").starts_with("cannot read '");
    return out.fail("prometheus", word(e, "error"),
                    file ? "prometheus.bearer_token_file names it; without a token leave that out"
                         : "is it up, and is prometheus.urls right?");
  }
  out.ok("prometheus", word(e, "server") + " answers");
  const auto text = fmt::format("{} of {} series usable", fresh, expected);
  if (fresh == expected && expected > 0) return out.ok("evidence", text);
  fresh == 0 ? out.fail("evidence", text, "see which and why: anycastctl probes")
             : out.warn("evidence", text, "see which and why: anycastctl probes");
}

void check_router(const Json& s, Findings& out) {
  const auto& r = s.at("local").at("router");
  if (!r.value("up", false)) {
    return out.fail(
        "router", word(r, "error"),
        fmt::format("is it running, may the daemon's user open {}?", word(r, "socket")));
  }
  out.ok("router", fmt::format("{} {} answers", word(r, "kind"), word(r, "version")));
  const bool ours = !r.at("revision").is_null();
  const bool handed_over = word(r, "kind") == "frr";
  out.check(ours, handed_over ? "objects" : "include",
            ours ? "it runs our fragment" : "it does not run our fragment",
            handed_over ? "anycastd hands it over in mode auto; otherwise: anycastctl apply"
                        : fmt::format("include \"{}\"; in its configuration, then reload it",
                                      word(r, "fragment")));
  for (const auto& notice : r.at("notices"))
    out.warn("router", notice.get<std::string>(), "anycastctl explain");
  for (const auto& up : s.at("upstreams")) {
    const auto name = word(up, "name");
    const auto state = word(up.at("session"), "state");
    if (!up.at("session").at("up").is_boolean() || !up.at("session").at("up").get<bool>()) {
      out.fail("session", fmt::format("{} is {}", name, state),
               "the routing daemon's own log tells why");
      continue;
    }
    const bool same = up.at("in_sync").is_boolean() && up.at("in_sync").get<bool>();
    out.check(same, "session",
              fmt::format("{} {}, exports {}", name, state, same ? "as wanted" : "something else"),
              "anycastctl explain " + name);
  }
}

void check_origins(const Json& s, Findings& out) {
  for (const auto& prefix : s.at("prefixes")) {
    const auto found = prefix.find("rpki");
    if (found == prefix.end()) continue;
    const auto text = fmt::format("{} AS{} is {}", word(prefix, "prefix"),
                                  prefix.value("origin_asn", 0U), word(*found, "text"));
    const auto state = word(*found, "state");
    if (state == "valid") {
      out.ok("rpki", text);
    } else if (state == "invalid") {
      out.fail("rpki", text, "put the ROA right where the prefix is registered");
    } else {
      out.warn("rpki", text,
               "what is not announced now stays so: look at the ROA, or at who was asked");
    }
  }
}

void check_services(const Json& s, Findings& out) {
  const auto& local = s.at("local");
  for (const auto& service : local.at("services")) {
    const auto text = fmt::format("{} is {}: {}", word(service, "name"), word(service, "level"),
                                  word(service, "why"));
    const bool all = service.value("up", 0) == service.value("of", 0);
    if (word(service, "level") == "up" && all) {
      out.ok("service", text);
    } else if (word(service, "level") == "down") {
      out.fail("service", text, "ask that real server from here, as the check does");
    } else {
      out.warn("service", text, "ask that real server from here, as the check does");
    }
  }
  if (local.at("checks").is_null()) return;
  const auto tries = local.at("checks").value("tries", std::int64_t{0});
  const auto late = local.at("checks").value("late", std::int64_t{0});
  const auto text = fmt::format("{} of {} tries said nothing of the real server", late, tries);
  late * 100 > tries
      ? out.warn("checks", text, "this host is too busy, or cannot connect from check.source")
      : out.ok("checks", text);
}

/// Without it those who were on a real server that went stay there, however dead it is.
void check_expiry(const Json& inside, Findings& out) {
  constexpr auto* kFile = "/proc/sys/net/ipv4/vs/expire_nodest_conn";
  bool udp = false;
  for (const auto& service : inside.at("virtual_services"))
    udp |= word(service, "name").starts_with("udp") && word(service, "owner") == "anycastd";
  const auto value = read_file(kFile);
  if (udp && value && trim(*value) == "0") {
    out.warn("lvs", "UDP clients of a real server that dies stay on it while they keep sending",
             "sysctl -w net.ipv4.vs.expire_nodest_conn=1");
  }
}

template <class Judge>
void check_route(const Json& route, const Judge& judge, Findings& out) {
  const auto name = fmt::format("{} table {}", word(route, "to"), route.at("table").get<int>());
  const bool there = route.at("there") == true;
  judge("route", route.at("there"), name + (there ? " is routed" : " has no route"));
  for (const auto& hop : route.at("nexthops")) {
    if (!there || hop.at("used") == true) continue;
    out.warn("route",
             fmt::format("{}: nothing goes to {} on {}", name, word(hop, "via"), word(hop, "link")),
             "its checks: anycastctl status");
  }
}

/// With it the many users behind one address would all be one flow.
void check_hash(const Json& inside, Findings& out) {
  for (const auto* family : {"ipv4", "ipv6"}) {
    const bool v6 = std::string_view{family} == "ipv6";
    const bool routed = std::ranges::any_of(inside.at("routes"), [&](const Json& route) {
      return (word(route, "to").find(':') != std::string::npos) == v6;
    });
    const auto value = read_file(fmt::format("/proc/sys/net/{}/fib_multipath_hash_policy", family));
    if (!routed || !value || trim(*value) != "0") continue;
    out.warn("route", fmt::format("{} flows are told apart by their two addresses alone", family),
             fmt::format("sysctl -w net.{}.fib_multipath_hash_policy=1", family));
  }
}

void check_inside(const Json& s, Findings& out) {
  const auto& inside = s.at("local").at("inside");
  if (inside.is_null()) return;
  const auto error = word(inside, "error");
  if (!error.empty()) out.fail("kernel", error, "what it needs: THE NODE'S KERNEL in anycastd(8)");
  for (const auto& fault : inside.at("faults"))
    out.fail("kernel", fault.get<std::string>(), "tried again in each cycle");
  for (const auto& text : inside.at("foreign"))
    out.warn("kernel", text.get<std::string>(),
             "one of the two should keep it: see nodes.NAME.local");
  const auto waits = word(inside, "waits");
  const auto hint = waits.empty() ? std::string{"see the notices of anycastctl status"} : waits;
  const auto judge = [&](const char* name, const Json& there, const std::string& text) {
    if (there.is_null()) return;
    if (there == true) return out.ok(name, text);
    waits.empty() ? out.fail(name, text, hint) : out.warn(name, text, hint);
  };
  for (const auto& vip : inside.at("vips")) {
    const auto on = vip.at("bound") == true ? "is on" : "is not on";
    judge("vip", vip.at("bound"),
          fmt::format("{} {} {}", word(vip, "address"), on, word(vip, "link")));
  }
  for (const auto& service : inside.at("virtual_services")) {
    const auto is = service.at("there") == true ? "is in IPVS" : "is not in IPVS";
    judge("lvs", service.at("there"), fmt::format("{} {}", word(service, "name"), is));
  }
  for (const auto& route : inside.at("routes")) check_route(route, judge, out);
  check_hash(inside, out);
  check_expiry(inside, out);
}

void check_keepalived(const Json& s, Findings& out) {
  const auto& keepalived = s.at("local").at("keepalived");
  if (keepalived.is_null()) return;
  const auto why = word(keepalived, "why");
  if (keepalived.at("both") == true) {
    out.fail("keepalived", word(keepalived, "address") + " is on this host; " + why,
             "start Keepalived, or take the address away: another host may have it");
  } else if (const auto& rival = keepalived.at("rival"); rival.is_string()) {
    out.fail("keepalived", why + ", and " + rival.get<std::string>() + " still announces",
             "it may be MASTER too: let the two hear each other's VRRP (protocol 112)");
  } else if (keepalived.at("serves").is_null()) {
    out.fail("keepalived", why, "KEEPALIVED in anycastd(8)");
  } else {
    out.ok("keepalived", why);
  }
  const auto file = word(keepalived, "config");
  const auto text = read_file(file, 1U << 20U);
  if (!text) {
    return out.warn("keepalived", "cannot look at " + file + ": " + text.error().text,
                    "nodes.NAME.local.keepalived.config says where it is");
  }
  if (const auto line = keepalived::fifo_before_user(*text)) {
    out.warn("keepalived",
             fmt::format("{}:{}: a notify FIFO without a user, before script_user: some builds of "
                         "Keepalived give it up at a reload",
                         file, *line),
             fmt::format("vrrp_notify_fifo {} anycastd", word(keepalived, "fifo")));
  }
}

void check_fleet(const Json& s, Findings& out) {
  const auto& fleet = s.at("fleet");
  const auto nodes = fleet.value("nodes", 0);
  const auto known = fleet.at("known").is_null() ? 0 : fleet.at("known").get<int>();
  const auto text = fmt::format("{} of {} nodes tell what they announce", known, nodes);
  known >= nodes ? out.ok("fleet", text)
                 : out.warn("fleet", text,
                            "does Prometheus scrape /metrics of every node? "
                            "unknown counts as not announcing");
  const auto announcing = fleet.value("announcing", 0);
  const auto least = s.at("guards").value("min_nodes", 0);
  out.check(announcing >= least, "floor",
            fmt::format("{} nodes announce, min_nodes {}", announcing, least),
            "nothing more is withdrawn by itself");
  for (const auto& path : s.at("paths")) {
    const auto have = path.value("have", 0);
    const auto min = path.value("min", 0);
    if (have < min) {
      out.warn("floor",
               fmt::format("{} has {} paths, min_paths_per_carrier {}", word(path, "carrier"), have,
                           min),
               "anycastctl status shows where it is announced");
    }
  }
}

/// What stands between this node and mode auto.
void check_auto(const Json& s, Findings& out) {
  bool anchor = false;
  for (const auto& node : s.at("nodes")) anchor = anchor || node.value("anchor", false);
  anchor ? out.ok("anchors", "some node's announcements are never removed by automation")
         : out.warn("anchors", "none is set",
                    "guards.anchors: [NODE] holds the floor without "
                    "any coordination");
  const auto mode = word(s, "mode");
  const int open = out.count("fail") + out.count("warn");
  if (mode == "auto") return out.ok("auto", "this node acts by itself");
  if (open == 0) return out.ok("auto", fmt::format("mode {}; nothing is missing for auto", mode));
  out.warn("auto", fmt::format("mode {}; {} findings above stand before auto", mode, open),
           "settle them first, then set mode: auto");
}

void show(const Findings& findings, const Options& options) {
  const auto look = look_of(options);
  for (const auto& one : findings.list()) {
    const auto level = word(one, "level");
    const auto tone = level == "ok"     ? text::Tone::good
                      : level == "fail" ? text::Tone::bad
                                        : text::Tone::warn;
    auto line = text::fold(fmt::format("{:<4}  {:<10}  ", level, word(one, "name")),
                           word(one, "text"), look.width);
    std::cout << text::paint(line.substr(0, level.size()), tone, look) << line.substr(level.size());
    if (!one.at("hint").is_null())
      std::cout << text::fold(std::string(18, ' '), word(one, "hint"), look.width);
  }
  std::cout << fmt::format("{} failed, {} warned, {} ok\n", findings.count("fail"),
                           findings.count("warn"), findings.count("ok"));
}

}  // namespace

int doctor(const Options& options) {
  Findings findings;
  auto quiet = options;
  quiet.quiet = true;
  const auto answer = Daemon{quiet}.ask("GET", "/v1/status", nullptr);
  const bool told = options.node.empty() && answer && answer->status == 200;
  check_file(options, told ? word(answer->body, "node") : options.node, findings);
  if (!answer) {
    findings.fail("daemon", "no answer at " + options.socket,
                  "systemctl status anycastd; another place? --socket PATH");
  } else if (answer->status != 200) {
    findings.fail("daemon", word(answer->body, "text"), "wait for its first cycle");
  } else {
    try {
      check_daemon(answer->body, findings);
      check_evidence(answer->body, findings);
      check_router(answer->body, findings);
      check_origins(answer->body, findings);
      check_services(answer->body, findings);
      check_inside(answer->body, findings);
      check_keepalived(answer->body, findings);
      check_fleet(answer->body, findings);
      check_auto(answer->body, findings);
    } catch (const Json::exception& error) {
      findings.warn("daemon", "its status lacks parts that this anycastctl knows",
                    "are both of the same version? anycastctl version");
    }
  }
  if (options.output == "json" || options.output == "yaml") {
    print({{"api", "anycastd/v1"}, {"kind", "Doctor"}, {"findings", findings.list()}}, options);
  } else {
    show(findings, options);
  }
  return findings.count("fail") > 0 ? kNotClean : kOk;
}

}  // namespace anycast::cmd
