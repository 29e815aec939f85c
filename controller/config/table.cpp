#include "controller/config/table.hpp"

#include <algorithm>

#include "controller/config/scalars.hpp"
#include "controller/config/table_guards.hpp"
#include "controller/config/table_nodes.hpp"
#include "controller/config/table_parts.hpp"
#include "controller/config/table_thresholds.hpp"

namespace anycast::config {
namespace {

Scalar path(std::string& target) { return text(target, check_any); }

Table tls(TlsFiles& t) {
  return {
      {{"ca_file", "certificates that the servers' ones are checked against", {path(t.ca_file)}},
       {"cert_file", "our certificate", {path(t.cert_file)}},
       {"key_file", "its key", {path(t.key_file)}}}};
}

Table basic(PrometheusConfig& p) {
  return {{{"username", "user name for HTTP basic authentication", {text(p.username, check_any)}},
           {"password_file", "file with the password", {path(p.password_file)}}}};
}

Table prometheus(PrometheusConfig& p) {
  return {{
      {"urls", "servers, asked in this order, the first that answers",
       list(p.urls, [](std::string& url) { return text(url, check_url, "^https?://"); }),
       kRequired},
      {"bearer_token_file", "file with the token", {path(p.bearer_token_file)}},
      {"basic", "HTTP basic authentication", {basic(p)}},
      {"tls", "files for https", {tls(p.tls)}},
      {"interval", "one evaluation per interval", {duration(p.interval, seconds{1}, hours{1})}},
      {"fast_interval",
       "the same while a change is pending, but not more often than evidence.scrape",
       {duration(p.fast_interval, seconds{1}, hours{1})}},
      {"connect_timeout",
       "until the connection stands",
       {duration(p.connect_timeout, milliseconds{10}, minutes{1})}},
      {"timeout",
       "until the whole answer is there",
       {duration(p.timeout, milliseconds{10}, minutes{5})}},
      {"max_age", "older evidence is no evidence", {duration(p.max_age, seconds{1}, hours{24})}},
      {"lag",
       "evaluate so long ago, for data that arrives late",
       {duration(p.lag, seconds{0}, hours{1})}},
      {"max_body", "longest answer that is read", {bytes(p.max_body, 64 << 10, 1LL << 30)}},
  }};
}

Table labels(EvidenceLabels& l) {
  const auto label = [](std::string& target) {
    return Value{text(target, check_label, "^[A-Za-z_][A-Za-z0-9_]*$")};
  };
  return {
      {{"node", "label with the node's name", label(l.node)},
       {"carrier", "label with the carrier", label(l.carrier)},
       {"region", "label with the region", label(l.region)},
       {"upstream", "label with the upstream, where targets are per session", label(l.upstream)}}};
}

Scalar exporter(Exporter& target) {
  return choice([&target](int i) { target = static_cast<Exporter>(i); },
                [&target] { return static_cast<int>(target); }, {"blackbox", "smokeping"});
}

Table evidence(EvidenceConfig& e) {
  return {{
      {"source",
       "whose metrics they are: blackbox_exporter's or smokeping_prober's",
       {exporter(e.source)}},
      {"rtt",
       "selector of the RTT gauge, in seconds; or of smokeping_prober's buckets",
       {text(e.rtt, check_selector)},
       kRequired},
      {"loss",
       "selector of probe_success, 0 or 1; or of smokeping_prober's requests",
       {text(e.loss, check_selector)},
       kRequired},
      {"labels",
       "names of the labels that say who is who; node 'anycast' is the anycast address, 'anchor' "
       "something near the probe",
       {labels(e.labels)}},
      {"window",
       "span of the samples that are judged",
       {duration(e.window, seconds{10}, hours{24})}},
      {"fast_window",
       "the newest part of it, for what has just begun",
       {duration(e.fast_window, seconds{1}, hours{24})}},
      {"slow_window",
       "what a change is compared with, and bursts are known by",
       {duration(e.slow_window, seconds{10}, hours{24})}},
      {"scrape",
       "time between two scrapes; of blackbox_exporter one scrape is one packet",
       {duration(e.scrape, milliseconds{100}, hours{1})}},
      {"ping",
       "time between two packets of smokeping_prober",
       {duration(e.ping, milliseconds{10}, minutes{1})}},
      {"buckets", "upper edges of smokeping_prober's histogram, as it was started with",
       list(e.buckets, [](Duration& d) { return duration(d, Duration{1}, minutes{1}); })},
      {"min_samples",
       "fewer per region and window prove nothing",
       {count(e.min_samples, 1, 1'000'000)}},
  }};
}

Value thresholds(Document& d) {
  auto& map = d.config.thresholds;
  return {Map{.key = {.pattern = std::string{kNamePattern}},
              .accept = check_name,
              .insert =
                  [&d, &map](const std::string& key) {
                    if (key == "default") return Value{threshold(d.base)};
                    return Value{threshold(map.emplace(key, d.base).first->second)};
                  },
              .items =
                  [&map] {
                    std::vector<std::pair<std::string, Value>> out;
                    out.reserve(map.size());
                    for (auto& [key, value] : map) out.emplace_back(key, Value{threshold(value)});
                    return out;
                  },
              .first = "default"}};
}

Table announced(AnycastPrefix& p) {
  return {{{"origin_asn",
            "the AS that a ROA authorises to originate it",
            {asn(p.origin_asn)},
            kRequired},
           {"vips", "addresses in it that this node serves while it may announce",
            list(p.vips, [](Address& a) { return host(a); })}}};
}

Value prefixes(std::vector<AnycastPrefix>& target) {
  return {Map{.key = {.pattern = std::string{kPrefixPattern}},
              .accept = check_prefix,
              .insert =
                  [&target](const std::string& key) {
                    target.push_back({.prefix = *Prefix::parse(key), .origin_asn = 0});
                    return Value{announced(target.back())};
                  },
              .items =
                  [&target] {
                    std::vector<std::pair<std::string, Value>> out;
                    out.reserve(target.size());
                    for (auto& p : target)
                      out.emplace_back(to_string(p.prefix), Value{announced(p)});
                    return out;
                  }}};
}

Table rung(Rung& r) {
  static const std::vector<std::string> kWords = {"prepend", "drain", "withdraw"};
  constexpr std::array kKinds = {Stance::Kind::prepend, Stance::Kind::drain,
                                 Stance::Kind::withdraw};
  const auto set = [&r, kKinds](int i) { r.stance.kind = kKinds.at(static_cast<std::size_t>(i)); };
  const auto get = [&r, kKinds] {
    return static_cast<int>(std::ranges::find(kKinds, r.stance.kind) - kKinds.begin());
  };
  auto times = count(r.stance.prepend, 1, 10);
  times.write = [&r]() -> std::optional<std::string> {
    if (r.stance.kind != Stance::Kind::prepend) return std::nullopt;
    return std::to_string(r.stance.prepend);
  };
  return {{{"do", "what the session says on this rung", {choice(set, get, kWords)}, kRequired},
           {"count", "how often our AS is prepended", {times}},
           {"settle",
            "time on this rung before the next one is considered",
            {duration(r.settle, seconds{1}, hours{24})}}}};
}

Table settle(Duration& target, const char* doc) {
  return {{{"settle", doc, {duration(target, seconds{0}, hours{24})}}}};
}

Value rungs(std::vector<Rung>& target) {
  auto value = list(target, [](Rung& r) { return rung(r); });
  std::get<List>(value.is).append = [&target] {
    target.push_back({.stance = {.kind = Stance::Kind::withdraw}, .settle = minutes{3}});
    return Value{rung(target.back())};
  };
  return value;
}

Scalar kind(Policy::Kind& target) {
  return choice([&target](int i) { target = static_cast<Policy::Kind>(i); },
                [&target] { return static_cast<int>(target); }, {"ladder", "prefer"});
}

Table policy(Policy& p) {
  return {
      {{"kind",
        "ladder makes the bad path of a carrier less attractive, rung by rung; prefer keeps each "
        "carrier's users on its best path",
        {kind(p.kind)}},
       {"prefer", "when prefer moves a carrier's users", {prefer(p.prefer)}},
       {"carrier_bad", "rungs that a session climbs while a carrier it leads to is bad",
        rungs(p.carrier_bad)},
       {"restore",
        "the way back, down the same rungs one at a time",
        {settle(p.restore_settle, "time on each rung on the way back")}},
       {"drain",
        "GRACEFUL_SHUTDOWN (RFC 8326) before an ordered withdrawal",
        {settle(p.drain_settle, "time between the two")}}}};
}

Scalar day(int& target) {
  return choice([&target](int i) { target = i; }, [&target] { return target; },
                {"sun", "mon", "tue", "wed", "thu", "fri", "sat"});
}

Scalar forbids(Window::Forbids& target) {
  return choice([&target](int i) { target = static_cast<Window::Forbids>(i); },
                [&target] { return static_cast<int>(target); }, {"announce", "degrade"});
}

Table window(Window& w) {
  return {{{"name", "shown where it refuses a step", {name(w.name)}, kRequired},
           {"days", "days of the week on which it begins; default: all", list(w.days, day)},
           {"from", "local time of day", {clock(w.from)}, kRequired},
           {"to",
            "local time of day; earlier than 'from' ends on the next day",
            {clock(w.to)},
            kRequired},
           {"timezone", "whose local time", {text(w.timezone, check_zone)}, kRequired},
           {"forbid", "what automation may not do: announce, degrade", list(w.forbid, forbids),
            kRequired}}};
}

Table budget(Budget& b) {
  return {{{"count", "so many changes", {count(b.count, 1, 1000)}},
           {"per", "in this time", {duration(b.per, minutes{1}, hours{24})}}}};
}

Table guards(Guards& g) {
  return {{
      {"min_nodes", "nodes that must still announce the prefix", {count(g.min_nodes, 1, 10'000)}},
      {"min_paths_per_carrier",
       "(node, upstream) pairs that must be left for each carrier",
       {count(g.min_paths_per_carrier, 1, 10'000)}},
      {"anchors", "nodes whose announcements automation never removes",
       list(g.anchors, [](std::string& anchor) { return name(anchor); })},
      {"max_changes", "changes that this node may make", {budget(g.max_changes)}},
      {"hold_after_change",
       "no second change in this time",
       {duration(g.hold_after_change, seconds{0}, hours{24})}},
      {"turn",
       "length of a node's turn for removing an announcement",
       {duration(g.turn, seconds{1}, hours{1})}},
      {"confirm",
       "the router goes back unless we confirm in this time",
       {duration(g.confirm, seconds{5}, hours{1})}},
      {"damping",
       "budget of the penalty that routers which damp flaps hold against us (RFC 2439)",
       {damping(g.damping)}},
      {"reannounce", "from a withdrawal until an automatic return", {pause(g.reannounce)}},
      {"reversal", "until automation moves a session back again", {pause(g.reversal)}},
      {"effect",
       "what a step did for the users, by pings of the anycast address",
       {effect(g.effect)}},
      {"windows", "spans of the week in which automation may not do one kind of thing",
       list(g.windows, [](Window& w) { return window(w); })},
  }};
}

Table fleet(FleetConfig& f) {
  return {{{"announcements",
            "selector of the nodes' own metric",
            {text(f.announcements, check_selector)}},
           {"max_age",
            "older counts as not announcing",
            {duration(f.max_age, seconds{1}, hours{24})}}}};
}

Table router(RouterConfig& r) {
  return {{{"kind", "the routing daemon", {word(r.kind, {"bird", "frr"})}},
           {"socket", "its control socket; with frr /run/frr/bgpd.vty", {path(r.socket)}},
           {"config",
            "the operator's main file; read, never written; with frr /etc/frr/frr.conf",
            {path(r.config)}},
           {"fragment",
            "the only file that we write, and bird's main file includes it; with frr "
            "/run/anycastd/frr.conf, which FRR does not read",
            {path(r.fragment)}},
           {"templates", "folder of the fragment's templates", {path(r.templates)}},
           {"timeout",
            "for one exchange on the socket",
            {duration(r.timeout, milliseconds{10}, minutes{1})}}}};
}

Table rpki(RpkiConfig& r) {
  return {
      {{"router", "ask the routing daemon: BIRD's ROA tables, FRR's RPKI cache", {flag(r.router)}},
       {"table4", "BIRD's table of ROAs for IPv4", {text(r.table4, check_ident)}},
       {"table6", "the same for IPv6", {text(r.table6, check_ident)}},
       {"protocol",
        "BIRD's 'protocol rpki' that fills them and says how old they are; left out: they are "
        "static",
        {text(r.protocol, check_ident)}},
       {"validator",
        "file with the JSON export of a validator (rpki-client, routinator, stayrtr)",
        {path(r.validator)}},
       {"max_age", "older data says nothing", {duration(r.max_age, seconds{1}, hours{24 * 7})}},
       {"allow_not_found",
        "announce also what no ROA covers; left out: only what is valid",
        {flag(r.allow_not_found)}}}};
}

Table history(HistoryConfig& h) {
  return {
      {{"file", "database of decisions and of what must survive", {path(h.file)}},
       {"keep", "older decisions are removed", {duration(h.keep, hours{1}, hours{24 * 3660})}}}};
}

Scalar mode(Mode& target) {
  return choice([&target](int i) { target = static_cast<Mode>(i); },
                [&target] { return static_cast<int>(target); }, {"observe", "advise", "auto"});
}

}  // namespace

Table table(Document& d) {
  auto& c = d.config;
  const auto names = [](std::string& target) { return name(target); };
  return {{
      {"version", "of this form of file", {count(d.version, 1, 1)}},
      {"node", "who am I; default: the host's name", {name(c.self)}},
      {"mode", "observe measures, advise plans and a person applies, auto acts", {mode(c.mode)}},
      {"prefixes", "what is announced, by prefix", prefixes(c.prefixes), kRequired},
      {"prometheus", "where the samples are", {prometheus(c.prometheus)}, kRequired},
      {"evidence", "which samples, and how they are read", {evidence(c.evidence)}, kRequired},
      {"regions", "where probes are", list(c.regions, names), kRequired},
      {"carriers", "users' networks", list(c.carriers, names), kRequired},
      {"weights",
       "how many users there are where; left out: the same everywhere",
       {weights(c.weights)}},
      {"thresholds", "by carrier; 'default' for what is left out", thresholds(d)},
      {"upstreams", "ISPs that hear our prefixes, by name", named(c.upstreams, upstream),
       kRequired},
      {"nodes", "all nodes of the fleet, by name", named(c.nodes, node), kRequired},
      {"egress",
       "over which upstream packets to users leave; left out: your routing decides",
       {egress(c.egress)}},
      {"policy", "what is done about a bad carrier", {policy(c.policy)}},
      {"guards", "a step that breaks one is not taken", {guards(c.guards)}},
      {"fleet", "how the other nodes are seen", {fleet(c.fleet)}},
      {"router", "the routing daemon of this node", {router(c.router)}},
      {"rpki",
       "nothing is announced anew before ROAs authorise it; left out: nobody is asked",
       {rpki(c.rpki)}},
      {"web",
       "the page, /metrics, /healthz; read only",
       {Table{{{"listen", "loopback address and port", {text(c.web.listen, check_listen)}}}}}},
      {"control",
       "the socket of anycastctl",
       {Table{{{"socket", "its path", {path(c.control.socket)}},
               {"group", "members may read and write", {text(c.control.group, check_any)}}}}}},
      {"history", "what is written down", {history(c.history)}},
      {"shadow",
       "a second configuration, judged beside this one, that never acts; left out: none",
       {Table{{{"config",
                "file of what differs, laid over this configuration: thresholds, policy, guards, "
                "weights, cost and prepend_max of upstreams; relative to this file's folder",
                {path(c.shadow.config)}}}}}},
  }};
}

}  // namespace anycast::config
