#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <string>

#include "controller/cmd/anycastd_daemon.hpp"
#include "controller/cmd/common.hpp"

namespace anycast::cmd {
namespace {

struct Arguments {
  std::string config = kConfigFile;
  std::string node;
  bool dry_run = false;
  bool once = false;
};

int run(const Arguments& arguments) {
  auto prepared = prepare(arguments.config, arguments.node);
  std::cerr << prepared.problems;
  if (!prepared.setup) {
    std::cerr << "anycastd: configuration refused; nothing was started\n";
    return kConfig;
  }
  if (arguments.dry_run || arguments.once) return dry_run(prepared.setup, arguments.once);
  return daemon({.config_file = arguments.config, .node = arguments.node}, prepared.setup);
}

}  // namespace

int program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{"steers the announcements of one anycast node by measured path quality", "anycastd"};
  Arguments arguments;
  app.set_version_flag("--version", std::string{"anycastd "} + ANYCASTD_VERSION);
  app.add_option("-c,--config", arguments.config,
                 "the fleet's file; drop-ins: conf.d/*.yaml beside it")
      ->capture_default_str();
  app.add_option("-n,--node", arguments.node, "as this node; default: the file's, then the host");
  app.add_flag("--dry-run", arguments.dry_run, "live sources, printed decisions, nothing written");
  app.add_flag("--once", arguments.once, "one cycle of --dry-run");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, std::cout, std::cerr);
    return code == 0 ? kOk : kUsage;
  }
  return run(arguments);
}

}  // namespace anycast::cmd

int main(int argc, char** argv) { return anycast::cmd::program(argc, argv); }
