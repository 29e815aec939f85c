#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl.hpp"
#include "controller/config/config.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::cmd {
namespace {

using config::Diagnostic;

/// All findings about some files, each once though several nodes may show it.
struct FileFindings {
  Json list = Json::array();
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::set<std::string> seen = {};
  std::string text = {};

  void add(const Diagnostic& d) {
    if (!seen.insert(config::to_string(d)).second) return;
    text += config::to_string(d, quote_columns(STDOUT_FILENO));
    const bool error = d.severity == Diagnostic::Severity::error;
    (error ? errors : warnings) += 1;
    list.push_back({{"file", d.place.file},
                    {"line", d.place.line},
                    {"column", d.place.column},
                    {"severity", error ? "error" : "warning"},
                    {"rule", d.rule},
                    {"text", d.text},
                    {"hints", d.hints}});
  }

  /// Away from the nodes their template is not there, which says nothing against the file.
  void missing(const std::string& file) {
    ++warnings;
    text += fmt::format("warning: no template '{}' on this host [template]\n", file);
    list.push_back({{"file", file},
                    {"line", 0},
                    {"column", 0},
                    {"severity", "warning"},
                    {"rule", "template"},
                    {"text", "no such template on this host"},
                    {"hints", Json::array()}});
  }

  void add(const Error& e) {
    ++errors;
    text += to_string(e) + "\n";
    list.push_back({{"file", e.place.file},
                    {"line", e.place.line},
                    {"column", e.place.column},
                    {"severity", "error"},
                    {"rule", "file"},
                    {"text", e.text},
                    {"hints", e.notes}});
  }
};

std::string plural(std::size_t count, const char* word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string summary(const Config& config, const std::string& file) {
  std::size_t sessions = 0;
  for (const auto& [unused, node] : config.nodes) sessions += node.sessions.size();
  return fmt::format(
      "{}  ok  mode {}, {}, {}, {}, {}", file, to_string(config.mode),
      plural(config.nodes.size(), "node"), plural(config.upstreams.size(), "upstream"),
      plural(sessions, "session"),
      config.prefixes.size() == 1 ? "1 prefix" : plural(config.prefixes.size(), "prefixe"));
}

void check_template(const Config& config, const Options& o, FileFindings& findings) {
  const auto fragment = load_template(config);
  if (fragment) return;
  const auto path = template_file(config);
  if (modified_at(path)) return findings.add(fragment.error());
  if (std::ranges::find(o.allow, "template") == o.allow.end()) findings.missing(path);
}

/// A shadow that is named has to be there and right; at a start it would only be told.
void check_shadow(const Config& config, const std::string& file, const config::LoadOptions& options,
                  FileFindings& findings) {
  if (config.shadow.config.empty()) return;
  const auto loaded = config::load_shadow_path(file, config.shadow.config, options);
  if (!loaded) return findings.add(loaded.error());
  for (const auto& d : loaded->diagnostics) findings.add(d);
}

void check(const std::string& file, const Options& o, FileFindings& findings, std::string& fine) {
  const bool named = !o.node.empty();
  const config::LoadOptions options{.self = o.node, .needs_self = named, .allow = o.allow};
  const auto loaded = config::load_path(file, options);
  if (!loaded) return findings.add(loaded.error());
  for (const auto& d : loaded->diagnostics) findings.add(d);
  if (!loaded->config) return;
  fine += summary(*loaded->config, file) + "\n";
  check_template(*loaded->config, o, findings);
  check_shadow(*loaded->config, file, options, findings);
  if (!o.all_nodes) return;
  for (const auto& [node, unused] : loaded->config->nodes) {
    const auto as_node = config::load_path(file, {.self = node, .allow = o.allow});
    if (!as_node) return findings.add(as_node.error());
    for (const auto& d : as_node->diagnostics) findings.add(d);
    if (as_node->config) fine += fmt::format("  as {}  ok\n", node);
  }
}

/// One stance per session of this node, as the options want them.
Result<std::map<std::string, Stance>> stances_of(const Config& config, const Options& o) {
  std::map<std::string, Stance> out;
  // In mode observe nobody would ever announce again what a boot does not.
  const bool silent = o.withdrawn || (o.boot && config.mode != Mode::observe);
  for (const auto& [upstream, unused] : config.me().sessions)
    out[upstream] = silent ? Stance{.kind = Stance::Kind::withdraw} : Stance{};
  for (const auto& word : o.stances) {
    const auto split_at = word.find('=');
    const auto upstream = word.substr(0, split_at);
    const auto stance =
        split_at == std::string::npos ? std::nullopt : parse_stance(word.substr(split_at + 1));
    if (!stance) {
      return fail(Remedy::fix_value,
                  fmt::format("'{}' is no UPSTREAM=STANCE, expected for example cmi=withdraw or "
                              "cmi=prepend=2",
                              printable(word)));
    }
    if (!out.contains(upstream)) {
      return fail(Remedy::fix_value,
                  fmt::format("node '{}' has no upstream '{}'", config.self, printable(upstream)));
    }
    out[upstream] = *stance;
  }
  return out;
}

}  // namespace

int check_config(const Options& o) {
  FileFindings findings;
  std::string fine;
  auto files = o.words;
  if (files.empty()) files = {o.config};
  for (const auto& file : files) check(file, o, findings, fine);
  if (o.output == "json" || o.output == "yaml") {
    print({{"api", "anycastd/v1"},
           {"kind", "ConfigCheck"},
           {"errors", findings.errors},
           {"warnings", findings.warnings},
           {"findings", findings.list}},
          o);
  } else {
    tell(findings.text);
    if (!o.quiet) {
      tell(fmt::format("{}{}, {} in {}\n", fine, plural(findings.errors, "error"),
                       plural(findings.warnings, "warning"), plural(files.size(), "file")));
    }
  }
  const bool refused = findings.errors > 0 || (o.strict && findings.warnings > 0);
  return refused ? kConfig : kOk;
}

tl::expected<Config, int> config_to_render(const Options& o) {
  auto loaded = config::load_path(o.config, {.self = o.node, .host_name = host_name()});
  if (!loaded) return tl::unexpected(complain(kConfig, loaded.error()));
  if (loaded->config) return *std::move(loaded->config);
  for (const auto& d : loaded->diagnostics)
    warn(config::to_string(d, quote_columns(STDERR_FILENO)));
  return tl::unexpected(complain(kConfig, "configuration refused; nothing was rendered"));
}

int render(const Options& o) {
  const auto loaded = config_to_render(o);
  if (!loaded) return loaded.error();
  const auto& config = *loaded;
  const auto fragment_template = load_template(config);
  if (!fragment_template) return complain(kConfig, fragment_template.error());
  const auto stances = stances_of(config, o);
  if (!stances) return complain(kUsage, stances.error());
  const auto fragment = render::fragment(*fragment_template, config, *stances);
  if (!fragment) return complain(kConfig, fragment.error());
  if (o.out.empty()) {
    std::cout << fragment->text;
    return kOk;
  }
  if (o.if_missing && modified_at(o.out)) return kOk;
  if (const auto written = replace_file(o.out, fragment->text); !written)
    return complain(kFailed, written.error());
  if (!o.quiet) warn(fmt::format("wrote {} ({:08x})\n", o.out, fragment->revision));
  return kOk;
}

int schema() {
  std::cout << config::schema();
  return kOk;
}

}  // namespace anycast::cmd
