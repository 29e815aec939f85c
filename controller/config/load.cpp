#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "controller/base/text.hpp"
#include "controller/config/config.hpp"
#include "controller/config/rules.hpp"
#include "controller/config/table.hpp"

namespace anycast::config {
namespace {

/// Whether a configuration is read, or the last source is a shadow's overlay.
enum class Role { live, shadow };

/// All sources in one tree, or nothing where one of them is no YAML.
std::optional<Tree> read(const std::vector<Source>& sources, Role role, Report& report) {
  std::optional<Tree> all = Tree{};
  bool broken = false;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto tree = parse(sources[i], static_cast<int>(i), report);
    broken |= !tree.has_value();
    if (broken) continue;
    if (role == Role::shadow && i + 1 == sources.size()) check_overlay(*tree, report);
    const bool is_empty = tree->kind == Tree::Kind::empty;
    if (i == 0 || (all->kind == Tree::Kind::empty && !is_empty)) {
      all = std::move(tree);
    } else if (tree->kind == Tree::Kind::map || (is_empty && all->kind == Tree::Kind::map)) {
      if (!is_empty) merge(*all, std::move(*tree));
    } else if (!is_empty) {
      report.error(tree->at, "type", "a drop-in must be a map of keys");
    }
  }
  return broken ? std::nullopt : std::move(all);
}

/// Where FRR keeps what has other places with BIRD.
void complete_router(RouterConfig& router, const Bound& bound) {
  if (router.kind != "frr") return;
  if (!bound.set("router.socket")) router.socket = "/run/frr/bgpd.vty";
  if (!bound.set("router.config")) router.config = "/etc/frr/frr.conf";
  if (!bound.set("router.fragment")) router.fragment = "/run/anycastd/frr.conf";
}

/// A default gives way to the window that somebody wrote.
void complete_windows(Config& config, const Bound& bound) {
  auto& evidence = config.evidence;
  if (!bound.set("egress.settle"))
    config.egress.settle = std::max(config.egress.settle, evidence.window);
  if (!bound.set("evidence.fast_window"))
    evidence.fast_window = std::min(evidence.fast_window, evidence.window);
  if (!bound.set("evidence.slow_window"))
    evidence.slow_window = std::max(evidence.slow_window, evidence.window);
}

/// Values that follow from others: windows, one entry of thresholds per carrier, names of
/// protocols, days.
void complete(Document& d, Bound& bound) {
  complete_router(d.config.router, bound);
  complete_windows(d.config, bound);
  for (const auto& carrier : d.config.carriers) d.config.thresholds.emplace(carrier, d.base);
  for (auto& [name, node] : d.config.nodes) {
    for (auto& [upstream, session] : node.sessions) {
      const auto path = "nodes." + name + ".sessions." + upstream + ".protocol";
      if (!bound.set(path)) session.protocol = upstream;
    }
  }
  for (auto& window : d.config.guards.windows) {
    if (window.days.empty()) window.days = {0, 1, 2, 3, 4, 5, 6};
  }
}

/// Where each value comes from; what a carrier takes from thresholds.default is found at both.
std::map<std::string, Place> origins(const Config& config, const Bound& bound,
                                     const Report& report) {
  std::map<std::string, Place> out;
  for (const auto& [path, span] : bound.where) out[path] = report.place(span);
  const std::string base = "thresholds.default.";
  for (const auto& [path, span] : bound.where) {
    if (!path.starts_with(base)) continue;
    for (const auto& [carrier, thresholds] : config.thresholds) {
      out.emplace("thresholds." + carrier + "." + path.substr(base.size()), report.place(span));
    }
  }
  return out;
}

std::string find_self(const Config& config, const LoadOptions& options) {
  if (!options.self.empty()) return options.self;
  if (!config.self.empty()) return config.self;
  if (config.nodes.contains(options.host_name)) return options.host_name;
  return options.host_name.substr(0, options.host_name.find('.'));
}

void check_self(const Checked& c, const LoadOptions& options, const std::string& from_file) {
  const auto& self = c.config.self;
  if (c.config.nodes.contains(self) || !c.bound.good("nodes") || !c.bound.good("node")) return;
  const bool in_file = options.self.empty() && !from_file.empty();
  if (!options.needs_self && !in_file) return;
  std::vector<std::string> names;
  for (const auto& [name, node] : c.config.nodes) names.push_back(name);
  const auto at = c.bound.at(in_file ? "node" : "nodes");
  const auto* what = !options.self.empty() ? "the node" : in_file ? "node" : "the host's name";
  c.report.error(at, "node-unknown", fmt::format("{} '{}' is not in 'nodes'", what, self),
                 {defined(c, at, self, "nodes", names),
                  "the file may say it (node: NAME), or the command line"});
}

Result<Source> read_source(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot read '{}': it is a folder", path.string()));
  }
  std::ifstream stream{path, std::ios::binary};
  if (!stream) {
    return fail(Remedy::look_at_host, fmt::format("cannot read '{}': {}", path.string(),
                                                  std::generic_category().message(errno)));
  }
  Source source{.name = path.string(), .text = {}};
  source.text.assign(std::istreambuf_iterator<char>{stream}, {});
  return source;
}

Loaded load(const std::vector<Source>& sources, const LoadOptions& options, Role role) {
  Loaded out;
  if (sources.empty()) {
    out.diagnostics.push_back({.place = {}, .rule = "missing", .text = "no configuration file"});
    return out;
  }
  Report report{sources};
  Document document;
  const auto tree = read(sources, role, report);
  if (!tree) {
    out.diagnostics = report.take(options.allow);
    return out;
  }
  auto bound = bind(table(document), *tree, report);
  complete(document, bound);
  auto& config = document.config;
  const auto from_file = config.self;
  config.self = find_self(config, options);

  const Checked checked{.config = config, .bound = bound, .report = report};
  check_self(checked, options, from_file);
  check_references(checked);
  check_addresses(checked);
  check_dictionary(checked);
  check_evidence(checked);
  check_smokeping(checked);
  check_policy(checked);
  check_services(checked);
  check_routes(checked);
  check_egress(checked);
  out.diagnostics = report.take(options.allow);
  if (report.failed()) return out;

  if (!config.nodes.contains(config.self)) config.self.clear();
  config.origins = origins(config, bound, report);
  std::string all;
  for (const auto& source : sources) all += source.text;
  config.digest = hash64_hex(all);
  out.config = std::move(config);
  return out;
}

/// The main file and its drop-ins, in their order.
Result<std::vector<Source>> read_sources(const std::string& path) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files{path};
  std::error_code error;
  const auto folder = fs::path{path}.parent_path() / "conf.d";
  std::vector<fs::path> drop_ins;
  fs::directory_iterator entry{folder, error};
  for (; !error && entry != fs::directory_iterator{}; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name.ends_with(".yaml") && !name.starts_with('.')) drop_ins.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail(Remedy::look_at_host,
                fmt::format("cannot list '{}': {}", folder.string(), error.message()));
  }
  std::ranges::sort(drop_ins);
  files.insert(files.end(), drop_ins.begin(), drop_ins.end());
  std::vector<Source> sources;
  for (const auto& file : files) {
    auto source = read_source(file);
    if (!source) return tl::unexpected(source.error());
    sources.push_back(std::move(*source));
  }
  return sources;
}

}  // namespace

Loaded load(const std::vector<Source>& sources, const LoadOptions& options) {
  return load(sources, options, Role::live);
}

Result<Loaded> load_path(const std::string& path, const LoadOptions& options) {
  const auto sources = read_sources(path);
  if (!sources) return tl::unexpected(sources.error());
  return load(*sources, options);
}

Loaded load_shadow(const std::vector<Source>& sources, const Source& overlay,
                   const LoadOptions& options) {
  auto all = sources;
  all.push_back(overlay);
  auto out = load(all, options, Role::shadow);
  std::erase_if(out.diagnostics, [&](const Diagnostic& d) {
    return d.severity == Diagnostic::Severity::warning && d.place.file != overlay.name;
  });
  // What it would do is asked for, however far the configuration in force may go.
  if (out.config) out.config->mode = Mode::automatic;
  return out;
}

Result<Loaded> load_shadow_path(const std::string& path, const std::string& shadow,
                                const LoadOptions& options) {
  namespace fs = std::filesystem;
  const auto sources = read_sources(path);
  if (!sources) return tl::unexpected(sources.error());
  const auto overlay = read_source(fs::path{path}.parent_path() / shadow);
  if (!overlay) return tl::unexpected(overlay.error());
  for (const auto& source : *sources) {
    std::error_code error;
    if (!fs::equivalent(source.name, overlay->name, error)) continue;
    return fail(Remedy::fix_value,
                fmt::format("the shadow '{}' is a file of the configuration in force: what it says "
                            "would act; keep it out of conf.d",
                            overlay->name));
  }
  return load_shadow(*sources, *overlay, options);
}

}  // namespace anycast::config
