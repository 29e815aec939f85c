#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl_client.hpp"
#include "controller/sim/fixture.hpp"

namespace anycast::cmd {
namespace {

constexpr std::string_view kBash = R"(_anycastctl() {
  local IFS=$'\n'
  COMPREPLY=($(anycastctl __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _anycastctl anycastctl
)";
constexpr std::string_view kZsh = R"(#compdef anycastctl
_anycastctl() {
  local -a found
  found=("${(@f)$(anycastctl __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a found
}
compdef _anycastctl anycastctl
)";
constexpr std::string_view kFish = R"(complete -c anycastctl -f -a '(
  set -l words (commandline -opc) (commandline -ct)
  anycastctl __complete -- $words[2..-1] 2>/dev/null
)'
)";

constexpr const char* kLiveTimeout = "300ms";  // a shell must not hang on a slow daemon

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  std::vector<const CLI::App*> out;
  for (const auto* sub : app.get_subcommands(
           [](const CLI::App* one) { return !one->get_name().starts_with("__"); })) {
    out.push_back(sub);
  }
  return out;
}

const CLI::App* command_of(const CLI::App& app, const std::string& word) {
  for (const auto* sub : commands_of(app)) {
    if (sub->check_name(word)) return sub;
  }
  return nullptr;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> out;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  }
  return out;
}

/// Names of nodes, carriers and upstreams, from the daemon if it is there.
void live_names(const std::string& command, const Options& options, std::set<std::string>& out) {
  const std::set<std::string> asked = {"explain", "pin", "unpin", "drain", "undrain"};
  if (!asked.contains(command)) return;
  auto quick = options;
  quick.quiet = true;
  quick.timeout = kLiveTimeout;
  const auto answer = Daemon{quick}.ask("GET", "/v1/status", nullptr);
  if (!answer || answer->status != 200) return;
  const auto& status = answer->body;
  const auto add = [&](const char* list) {
    for (const auto& one : status.value(list, Json::array())) out.insert(one.value("name", ""));
  };
  if (command == "drain" || command == "undrain") {
    out.insert(status.value("node", ""));
    return;
  }
  add("upstreams");
  if (command != "explain") return;
  add("nodes");
  for (const auto& carrier : status.value("carriers", Json::array()))
    out.insert(carrier.is_string() ? carrier.get<std::string>() : "");
}

}  // namespace

int completion(const Options& options) {
  if (options.shell == "bash") std::cout << kBash;
  if (options.shell == "zsh") std::cout << kZsh;
  if (options.shell == "fish") std::cout << kFish;
  return kOk;
}

int complete(const CLI::App& app, const std::vector<std::string>& words, const Options& options) {
  const CLI::App* command = &app;
  const auto last = words.empty() ? std::string{} : words.back();
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (const auto* sub = command_of(*command, words[i])) command = sub;
  }
  std::set<std::string> found;
  if (last.starts_with('-')) {
    for (const auto& name : option_names(*command)) found.insert(name);
    for (const auto& name : option_names(app)) found.insert(name);
  } else if (const auto below = commands_of(*command); !below.empty()) {
    for (const auto* sub : below) found.insert(sub->get_name());
  } else if (command->get_name() == "completion") {
    found = {"bash", "zsh", "fish"};
  } else if (command->get_name() == "simulate") {
    for (const auto& name : sim::fixture_names()) found.insert(name);
  } else {
    live_names(command->get_name(), options, found);
    if (command->get_name() == "pin")
      found.merge(
          std::set<std::string>{"announced", "prepend=1", "prepend=2", "drained", "withdrawn"});
  }
  for (const auto& word : found) {
    if (!word.empty() && word.starts_with(last)) std::cout << printable(word) << "\n";
  }
  return kOk;
}

std::string suggestion(const CLI::App& app, const std::vector<std::string>& words) {
  const std::set<std::string> with_value = {"-o", "--output", "-s", "--socket", "--timeout"};
  const CLI::App* command = &app;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (with_value.contains(word)) {
      ++i;
    } else if (word.starts_with("--")) {
      const auto name = word.substr(0, word.find('='));
      auto known = option_names(*command);
      std::ranges::copy(option_names(app), std::back_inserter(known));
      if (std::ranges::find(known, name) != known.end()) continue;
      const auto close = nearest(name, known);
      return "unknown option '" + printable(name) + "'" +
             (close.empty() ? "" : "; did you mean '" + close + "'?");
    } else if (!word.starts_with('-') && !commands_of(*command).empty()) {
      const auto* above = command;
      command = command_of(*above, word);
      if (command != nullptr) continue;
      std::vector<std::string> known;
      for (const auto* sub : commands_of(*above)) known.push_back(sub->get_name());
      const auto close = nearest(word, known);
      return "unknown command '" + printable(word) + "'" +
             (close.empty() ? "; anycastctl --help lists them" : "; did you mean '" + close + "'?");
    }
  }
  return {};
}

}  // namespace anycast::cmd
