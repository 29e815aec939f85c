#include "controller/cmd/anycastctl.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>

#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl_top.hpp"

namespace anycast::cmd {
namespace {

/// The tree of commands; what was chosen ends up in `run`.
class Tree {
 public:
  Tree() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string{"anycastctl "} + ANYCASTD_VERSION);
    app_.add_option("-o,--output", o.output, "how to print")
        ->check(CLI::IsMember({"table", "wide", "json", "yaml", "plain"}))
        ->capture_default_str();
    app_.add_option("-s,--socket", o.socket, "the daemon's control socket")
        ->envname("ANYCASTCTL_SOCKET")
        ->capture_default_str();
    app_.add_option("--timeout", o.timeout, "for one answer of the daemon")
        ->check(duration())
        ->capture_default_str();
    app_.add_flag("--no-color", o.no_color, "no colours; NO_COLOR and TERM=dumb do the same");
    app_.add_flag("--utc", o.utc, "times in UTC, not in the local zone");
    app_.add_flag("-q,--quiet", o.quiet, "only what was asked for and errors");
    reading();
    orders();
    offline();
  }

  int parse_and_run(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    // Not a command of the tree: half-typed words of a shell must not be parsed.
    if (words.size() > 1 && words[0] == "__complete") {
      if (const char* socket = std::getenv("ANYCASTCTL_SOCKET")) o.socket = socket;
      return complete(app_, {words.begin() + 2, words.end()}, o);
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const auto better = error.get_exit_code() == 0 ? std::string{} : suggestion(app_, words);
      if (!better.empty()) return complain(kUsage, better);
      if (words.empty()) {
        std::cerr << app_.help();
        return kUsage;
      }
      return app_.exit(error, std::cout, std::cerr) == 0 ? kOk : kUsage;
    }
    return run_();
  }

 private:
  CLI::App* command(const std::string& name, const std::string& help,
                    std::function<int(const Options&)> what) {
    return command(app_, name, help, std::move(what));
  }

  CLI::App* command(CLI::App& above, const std::string& name, const std::string& help,
                    std::function<int(const Options&)> what) {
    auto* sub = above.add_subcommand(name, help);
    sub->fallthrough();
    sub->callback([this, sub, what = std::move(what)] {
      // A command's own callback comes after that of the command below it.
      if (sub->get_subcommands().empty()) run_ = [this, what] { return what(o); };
    });
    return sub;
  }

  static CLI::Validator duration() {
    return CLI::Validator(
        [](std::string& word) {
          return parse_duration(word) ? std::string{}
                                      : "'" + printable(word) + "' is no duration (45s, 10m, 2h)";
        },
        "DURATION");
  }

  void add_file(CLI::App* sub, const std::string& help) {
    sub->add_option_function<std::string>(
        "-c,--config",
        [this](const std::string& file) {
          o.config = file;
          o.config_given = true;
        },
        help);
  }

  void add_config(CLI::App* sub, const std::string& help) {
    add_file(sub, help);
    sub->add_option("--node", o.node, "as this node; default: the file's, then the host");
  }

  void reading() {
    auto* s = command("status", "what is announced, why, and what comes next", cmd::status);
    s->add_flag("--watch{2}", o.watch, "again each 2 (or =N) seconds");
    s->add_flag("--exit-code", o.exit_code, "exit 2 when not all is well");
    s->add_flag("--nagios", o.nagios, "one line and exit 0 to 3 for a monitoring system");
    auto* t = command("top", "the whole screen, worst first; ? shows its keys", cmd::top);
    t->add_option("--interval", o.watch, "seconds between two pictures; default: 2")
        ->check(CLI::Range(0.2, 3600.0));
    auto* e = command("explain", "the chain from evidence to announcement", cmd::explain);
    e->add_option("words", o.words, "[NODE] [CARRIER|UPSTREAM]; default: the worst here");
    e->add_option("-d,--decision", o.decision, "one that was taken, as it was seen then (#N)")
        ->check(CLI::PositiveNumber);
    auto* p = command("plan", "wanted steps, guards, difference; changes nothing", cmd::plan);
    p->alias("diff");
    p->add_flag("--exit-code", o.exit_code, "exit 2 when a step or change is wanted");
    add_config(p, "of this file, from live sources, without a daemon");
    auto* h = command("history", "decisions, their cause and author", cmd::history);
    h->alias("events");
    h->add_option("--since", o.since, "an age (2h) or a time (2026-06-01T12:00:00Z)");
    h->add_option("--until", o.until, "an age or a time");
    h->add_option("-n,--number", o.count, "at most so many")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    h->add_option("--upstream", o.upstream, "only about this upstream");
    h->add_option("--carrier", o.carrier, "only about this carrier");
    h->add_option("--kind", o.kind, "only of this kind");
    h->add_flag("-f,--follow", o.follow, "go on and print what happens, oldest first");
    measuring();
    command("config", "the configuration in force, with every default", cmd::config);
    auto* d = command("doctor", "check the surroundings; what is missing for auto", cmd::doctor);
    add_config(d, "the file to check too");
    command("version", "of this program and of the daemon", cmd::version);
  }

  void measuring() {
    auto* p = command("probes", "evidence per probe, sample counts, ages", cmd::probes);
    auto* r = command(*p, "render", "the probes' configuration, from the fleet's file",
                      cmd::probes_render);
    r->add_option("--for", o.purpose, "blackbox, agent (it pushes) or prometheus")
        ->check(CLI::IsMember({"blackbox", "agent", "prometheus"}))
        ->required();
    r->add_option("--probe", o.probe, "REGION/CARRIER; default: all");
    r->add_option("--exporter", o.exporter, "its HOST:PORT, with {region} and {carrier}");
    r->add_option("--metrics", o.metrics, "HOST:PORT of a node's /metrics, with {node}");
    r->add_option("--service", o.service, "URL to fetch through the anycast address");
    add_file(r, "default: /etc/anycastd/anycastd.yaml");
    auto* s = command(*p, "sizing", "which probes see which loss in what time", cmd::probes_sizing);
    add_file(s, "default: /etc/anycastd/anycastd.yaml");
  }

  CLI::App* give(const std::string& kind, const std::string& help) {
    return give(app_, kind, kind, help);
  }

  CLI::App* give(CLI::App& above, const std::string& name, const std::string& kind,
                 const std::string& help) {
    auto* sub = command(above, name, help,
                        [kind](const Options& options) { return cmd::order(kind, options); });
    sub->add_option("--reason", o.reason, "why, for the history (asked for on a terminal)");
    sub->add_flag("-y,--yes", o.yes, "do not ask");
    return sub;
  }

  void may_force(CLI::App* sub) {
    sub->add_flag("--force", o.force, "even where routers may suppress us for flapping");
  }

  void orders() {
    auto* a = give("apply", "carry out the plan, on probation");
    a->add_option("--confirm", o.confirm, "go back unless 'confirm' follows within this")
        ->check(duration());
    may_force(a);
    give("confirm", "keep what is on probation");
    auto* u = give("undo", "go back to what was before");
    u->add_option("--decision", o.decision, "of this decision; default: the last");
    may_force(u);
    auto* d = give("drain", "stop announcing on this node");
    d->add_option("node", o.node, "must be the daemon's own node");
    d->add_option("--for", o.lasts, "back by itself after this")->check(duration());
    d->add_flag("--now", o.now, "withdraw at once, without GRACEFUL_SHUTDOWN first");
    may_force(d);
    auto* end = give("undrain", "end a drain");
    end->add_option("node", o.node, "must be the daemon's own node");
    may_force(end);
    auto* p = give("pin", "fix what a session says, within the guards");
    p->add_option("upstream", o.upstream, "of this node")->required();
    p->add_option("stance", o.stance, "announced, prepend=N, drained, withdrawn")->required();
    auto* lasts = p->add_option("--for", o.lasts, "until then")->check(duration());
    p->add_flag("--forever", o.forever, "until unpin")->excludes(lasts);
    may_force(p);
    auto* free = give("unpin", "give a session back to the engine");
    free->add_option("upstream", o.upstream, "of this node")->required();
    may_force(free);
    give("freeze", "change nothing by itself")
        ->add_option("--for", o.lasts, "until then")
        ->check(duration());
    give("unfreeze", "end a freeze");
    blackholes();
    surveys();
    command("reload", "take the configuration file again, if it is right", cmd::reload);
  }

  void blackholes() {
    auto* b =
        command("blackhole", "hosts of ours that an upstream drops (RFC 7999)", cmd::blackholes);
    auto* add = give(*b, "add", "blackhole", "let an upstream drop a host's traffic, for a time");
    add->add_option("host", o.host, "an address of our prefixes")->required();
    add->add_option("--upstream", o.upstream, "of this node")->required();
    add->add_option("--for", o.lasts, "it ends by itself then")->check(duration())->required();
    auto* del = give(*b, "del", "unblackhole", "end it before its time");
    del->add_option("host", o.host, "as it was given")->required();
    del->add_option("--upstream", o.upstream, "of this node")->required();
    command(*b, "list", "those in force, with their end and author", cmd::blackholes);
  }

  void surveys() {
    auto* s = command("survey", "prove an upstream's communities, step by step", cmd::survey);
    s->add_option("upstream", o.upstream, "of this node")->required();
    s->add_option("steps", o.words, "CARRIER=VERB[:N] each, mildest first")->required();
    s->add_option("--prefix", o.prefixes, "what will move: all prefixes of this node")->required();
    s->add_option("--settle", o.settle, "a step's time; default: two windows of evidence")
        ->check(duration());
    s->add_option("--out", o.out, "append the findings to this file, one JSON line");
    s->add_option("--reason", o.reason, "why, for the history");
    s->add_flag("-y,--yes", o.yes, "do not ask before each step");
  }

  void offline() {
    auto* c = command("check-config", "all faults of the file at once", cmd::check_config);
    c->add_option("files", o.words, "default: /etc/anycastd/anycastd.yaml");
    c->add_option("--node", o.node, "as this node");
    c->add_option("--allow", o.allow, "leave out warnings of this rule");
    c->add_flag("--strict", o.strict, "warnings are errors");
    c->add_flag("--all-nodes", o.all_nodes, "as every node in turn");
    auto* r = command("render", "the fragment, without a daemon", cmd::render);
    add_config(r, "default: /etc/anycastd/anycastd.yaml");
    r->add_flag("--withdrawn", o.withdrawn, "announce nothing on any session");
    r->add_flag("--boot", o.boot, "the same, but in mode observe all");
    r->add_option("--stance", o.stances, "UPSTREAM=STANCE, for example cmi=prepend=2");
    auto* out = r->add_option("--out", o.out, "write this file in one step");
    r->add_flag("--if-missing", o.if_missing, "do nothing where the file exists")->needs(out);
    pair();
    recorded();
    command("schema", "JSON schema of the configuration, for editors",
            [](const Options&) { return cmd::schema(); });
    auto* d = command("demo", "an evening in a built-in world; needs no root", cmd::demo);
    d->add_option("--seed", o.seed, "another evening")->capture_default_str();
    may_serve(d);
    simulations();
    command("completion", "script for a shell", cmd::completion)
        ->add_option("shell", o.shell, "bash, zsh or fish")
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->required();
  }

  void pair() {
    auto* k = command("keepalived", "the configuration of a pair's Keepalived", cmd::keepalived);
    add_config(k, "default: /etc/anycastd/anycastd.yaml");
    k->add_option("--link", o.link, "where the two hosts hear each other")->required();
    k->add_option("--length", o.length, "of the address's prefix; default: a host's");
    k->add_option("--local", o.local, "this host's address there, with --peer");
    k->add_option("--peer", o.peers, "the other host's; default: multicast");
    k->add_option("--id", o.router_id, "virtual_router_id, the same on both")
        ->capture_default_str();
    k->add_option("--priority", o.priority, "default: 150 and 100, in order of the names");
    k->add_option("--advert", o.advert, "between two adverts")
        ->check(duration())
        ->capture_default_str();
    k->add_option("--user", o.user, "who reads the FIFO")->capture_default_str();
    k->add_option("--out", o.out, "write this file in one step");
  }

  void may_serve(CLI::App* sub) {
    auto* serve = sub->add_option("--serve", o.serve, "the run on the status page, then")
                      ->expected(0, 1)
                      ->default_str("127.0.0.1:9478");
    sub->add_option("--page", o.page, "of this node")->needs(serve);
  }

  void simulations() {
    auto* s = command("simulate", "a week in a built-in world, really decided", cmd::simulate);
    s->add_option("fixture", o.fixture, "calibrated-week or load-feedback")->capture_default_str();
    s->add_option("--seed", o.simulated_seed, "another week")->capture_default_str();
    s->add_option("--days", o.days, "so long")->check(CLI::Range(1, 60))->capture_default_str();
    add_config(s, "try the thresholds, policy and guards of this file");
    s->add_flag("--compare", o.compare, "beside everything else one might do");
    s->add_option("--expect", o.expect, "fail unless so, for example rtt<=115ms,loss<=0.8%");
    s->add_option("--plot", o.plot, "write a picture: FILE.svg or FILE.html");
    may_serve(s);
  }

  void span(CLI::App* sub) {
    auto* from = sub->add_option("--from", o.since, "an age (24h) or a time, the begin");
    sub->add_option("--to", o.until, "an age or a time; default: now")->needs(from);
    sub->add_option("--last", o.since, "the newest span of this length")
        ->check(duration())
        ->excludes(from);
  }

  void recorded() {
    auto* r = command("record", "evidence of a span, from Prometheus into a file", cmd::record);
    add_config(r, "default: /etc/anycastd/anycastd.yaml");
    span(r);
    r->add_option("--out", o.out, "the file, for replay")->required();
    auto* p = command("replay", "what nodes would have done over a recorded span", cmd::replay);
    p->add_option("file", o.words, "written by record");
    p->add_flag("--history", o.own_history, "what this node has done, evidence from Prometheus");
    p->add_option("--base", o.base, "with --history: the file that was in force")
        ->capture_default_str();
    span(p);
    add_config(p, "another one: what would have been different");
    p->add_flag("--exit-code", o.exit_code, "exit 2 when something would have been different");
    may_serve(p);
  }

  CLI::App app_{"asks and steers the anycastd of this node", "anycastctl"};
  Options o;
  std::function<int()> run_ = [] { return static_cast<int>(kUsage); };
};

}  // namespace
}  // namespace anycast::cmd

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  return anycast::cmd::Tree{}.parse_and_run(argc, argv);
}
