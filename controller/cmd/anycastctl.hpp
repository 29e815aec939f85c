#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controller/app/text.hpp"
#include "controller/base/error.hpp"
#include "controller/base/time.hpp"
#include "controller/cmd/common.hpp"

namespace CLI {
class App;
}

/// The parts of anycastctl: what the command line said, the daemon behind its socket, one function
/// per command. Every function returns an exit code of `Exit`.
namespace anycast::cmd {

using Json = nlohmann::ordered_json;

/// Everything that options and positionals of any command can say; defaults are the documented
/// ones.
struct Options {
  std::string output = "table";
  std::string socket = "/run/anycastd/ctl.sock";
  std::string timeout = "5s";
  bool no_color = false;
  bool utc = false;
  bool quiet = false;

  std::string config = kConfigFile;
  bool config_given = false;
  std::string node;                ///< as an option or as a positional
  std::vector<std::string> words;  ///< positionals that may be left out
  std::string upstream;
  std::string host;
  std::string stance;
  std::string reason;
  std::string lasts;  ///< --for
  std::string confirm;
  std::string since;
  std::string until;
  std::string carrier;
  std::string kind;
  std::string out;
  std::string base = kConfigFile;  ///< replay --history: the configuration that was in force
  std::string shell;
  std::string purpose;               ///< probes render: --for
  std::string probe;                 ///< REGION/CARRIER
  std::string exporter;              ///< HOST:PORT with {region} and {carrier}
  std::string metrics;               ///< HOST:PORT with {node}
  std::string service;               ///< URL
  std::string link;                  ///< keepalived: the two hear each other there
  std::string local;                 ///< keepalived: --local, an address
  std::vector<std::string> peers;    ///< keepalived: --peer, addresses
  std::string advert = "1s";         ///< keepalived: --advert
  std::string user = "anycastd";     ///< keepalived: whom the FIFO belongs to
  std::uint32_t router_id = 51;      ///< keepalived: --id
  std::uint32_t priority = 0;        ///< keepalived: 0: by the order of the names
  std::uint32_t length = 0;          ///< keepalived: 0: a host's
  std::vector<std::string> stances;  ///< render: UPSTREAM=STANCE
  std::vector<std::string> prefixes;
  std::string settle;
  std::vector<std::string> allow;
  std::uint64_t decision = 0;
  std::string fixture = "calibrated-week";
  std::string expect;
  std::string plot;
  std::string serve;  ///< where; empty: nowhere
  std::string page;   ///< with --serve: the node
  double watch = 0;   ///< seconds between two pictures, 0: one picture
  std::uint64_t seed = 7;
  std::uint64_t simulated_seed = 1;
  int days = 7;
  int count = 20;
  bool yes = false;
  bool forever = false;
  bool now = false;
  bool force = false;
  bool exit_code = false;
  bool nagios = false;
  bool follow = false;
  bool strict = false;
  bool all_nodes = false;
  bool withdrawn = false;
  bool boot = false;  ///< render: withdrawn, where somebody will announce again
  bool if_missing = false;
  bool compare = false;
  bool own_history = false;  ///< replay: what this node has done, instead of a file
};

/// Width, colour and format for standard output as it is now.
text::Look look_of(const Options& options);
void print(const Json& report, const Options& options);
/// Text for people on standard output; on a terminal no line of it is wider than that.
void tell(const std::string& text);
/// The same on standard error.
void warn(const std::string& text);
/// So wide a line of a file may be quoted on a descriptor.
int quote_columns(int descriptor);
/// "anycastctl: ..." on standard error; returns `code`.
int complain(int code, const std::string& text);
int complain(int code, const Error& error);

int status(const Options& options);
int explain(const Options& options);
int plan(const Options& options);
int plan_of_file(const Options& options);
int history(const Options& options);
int probes(const Options& options);
int config(const Options& options);
int version(const Options& options);
int doctor(const Options& options);

/// By an order's kind: drain, undrain, pin, unpin, freeze, unfreeze, apply, confirm, undo,
/// blackhole, unblackhole.
int order(const std::string& kind, const Options& options);
int blackholes(const Options& options);
/// Asks an upstream for what its dictionary offers, step by step, and tells which users moved.
int survey(const Options& options);
int reload(const Options& options);

int check_config(const Options& options);
int render(const Options& options);
/// What a rendering command was told to load, or the exit code, after saying everything that is
/// wrong with it.
tl::expected<Config, int> config_to_render(const Options& options);
/// The configuration of the node's Keepalived.
int keepalived(const Options& options);
/// Configuration for what measures, and what it can see; from the fleet's file.
int probes_render(const Options& options);
int probes_sizing(const Options& options);
int schema();
int simulate(const Options& options);
int demo(const Options& options);

/// A span of evidence into a file, and such a file or the node's own past through the core.
int record(const Options& options);
int replay(const Options& options);

/// The script that a shell sources.
int completion(const Options& options);
/// What may stand for the last of `words`, one per line; walks the tree that parses.
int complete(const CLI::App& app, const std::vector<std::string>& words, const Options& options);
/// "unknown command 'statsu'; did you mean 'status'?", or empty where that is not the trouble.
std::string suggestion(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace anycast::cmd
