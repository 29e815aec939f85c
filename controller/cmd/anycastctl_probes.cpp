#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "controller/app/text_table.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl.hpp"
#include "controller/config/config.hpp"
#include "controller/core/sizing.hpp"
#include "controller/render/probes.hpp"

namespace anycast::cmd {
namespace {

std::optional<Config> fleet_of(const Options& o) {
  const auto loaded = config::load_path(o.config, {.needs_self = false});
  if (!loaded) {
    complain(kConfig, loaded.error());
    return std::nullopt;
  }
  if (!loaded->config) {
    for (const auto& d : loaded->diagnostics)
      warn(config::to_string(d, quote_columns(STDERR_FILENO)));
    complain(kConfig, "configuration refused; nothing was rendered");
  }
  return loaded->config;
}

Result<std::string> rendered(const Config& config, const Options& o) {
  const auto slash = o.probe.find('/');
  const render::ProbeSites sites{
      .region = o.probe.substr(0, slash),
      .carrier = slash == std::string::npos ? std::string{} : o.probe.substr(slash + 1),
      .exporter = o.exporter,
      .metrics = o.metrics,
      .service = o.service};
  if (o.purpose == "blackbox") return render::blackbox_config(config);
  if (o.purpose == "agent") return render::agent_config(config, sites);
  return render::prometheus_config(config, sites);
}

constexpr auto kLegend =
    "*: as configured. one lost: the share that one lost packet is of the window.\n"
    "Under each loss: usual time until the path is bad; -: not for sure. proven\n"
    "clear: time without any loss that proves it to be below 'clear'. Losses are\n"
    "taken as independent of each other; bursts make everything slower.\n";

/// Carriers that have the same to say about loss, in order of their names.
std::vector<std::pair<Thresholds, std::vector<std::string>>> alike(const Config& config) {
  std::vector<std::pair<Thresholds, std::vector<std::string>>> out;
  for (const auto& [carrier, thresholds] : config.thresholds) {
    const auto found = std::ranges::find_if(out, [&t = thresholds](const auto& group) {
      return group.first.loss == t.loss && group.first.cusum == t.cusum &&
             group.first.for_ == t.for_;
    });
    if (found == out.end()) {
      out.push_back({thresholds, {carrier}});
    } else {
      found->second.push_back(carrier);
    }
  }
  return out;
}

/// One to six probes a carrier at usual paces, and what the configuration has.
std::vector<core::Sizing> sizings(const Config& config, const Thresholds& thresholds) {
  std::vector<core::Sizing> out;
  const auto& evidence = config.evidence;
  const auto own = static_cast<int>(config.regions.size());
  out.push_back(core::sizing(thresholds, evidence, own, evidence.packet()));
  for (const int probes : {1, 3, 6}) {
    if (probes < thresholds.regions) continue;  // too few to agree on anything
    for (const auto every : {seconds{1}, seconds{2}, seconds{5}, seconds{15}})
      out.push_back(core::sizing(thresholds, evidence, probes, every));
  }
  return out;
}

Json as_json(const std::vector<std::string>& carriers, const std::vector<Ppm>& losses,
             const std::vector<core::Sizing>& rows) {
  Json list = Json::array();
  for (const auto& row : rows) {
    Json seen = Json::array();
    for (std::size_t i = 0; i < losses.size(); ++i) {
      seen.push_back({{"loss_ratio", to_ratio(losses[i])},
                      {"seconds", row.seen[i] ? Json(to_seconds(*row.seen[i])) : Json(nullptr)}});
    }
    list.push_back({{"carriers", carriers},
                    {"probes", row.probes},
                    {"every_seconds", to_seconds(row.every)},
                    {"smallest_loss_ratio", to_ratio(row.smallest)},
                    {"seen", seen},
                    {"clear_seconds", to_seconds(row.clear)}});
  }
  return list;
}

std::string as_table(const std::vector<Ppm>& losses, const std::vector<core::Sizing>& rows,
                     const text::Look& look) {
  using text::Column;
  constexpr auto kRight = Column::Align::right;
  std::vector<Column> columns{{.title = "probes", .align = kRight},
                              {.title = "every", .align = kRight},
                              {.title = "one lost", .align = kRight}};
  for (const auto loss : losses) columns.push_back({.title = format_share(loss), .align = kRight});
  columns.push_back({.title = "proven clear", .align = kRight});
  text::Table table{columns};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    std::vector<text::Cell> cells{{(i == 0 ? "* " : "") + std::to_string(row.probes)},
                                  {print_duration(row.every)},
                                  {fmt::format("{:.2g}%", 100 * to_ratio(row.smallest))}};
    for (const auto& after : row.seen) cells.push_back({after ? format_age(*after) : "-"});
    cells.push_back({format_age(row.clear)});
    table.add(std::move(cells));
  }
  return table.render(look);
}

}  // namespace

int probes_render(const Options& o) {
  const auto config = fleet_of(o);
  if (!config) return kConfig;
  const auto text = rendered(*config, o);
  if (!text) return complain(kUsage, text.error());
  std::cout << *text;
  return kOk;
}

int probes_sizing(const Options& o) {
  const auto config = fleet_of(o);
  if (!config) return kConfig;
  Json all = Json::array();
  std::string words;
  for (const auto& [thresholds, carriers] : alike(*config)) {
    const auto losses = core::sizing_losses(thresholds);
    const auto rows = sizings(*config, thresholds);
    for (const auto& row : as_json(carriers, losses, rows)) all.push_back(row);
    words +=
        fmt::format("{}{}: loss bad {}, clear {}, window {}\n", words.empty() ? "" : "\n",
                    join(carriers, ", "), print_share(thresholds.loss.bad),
                    print_share(thresholds.loss.clear), print_duration(config->evidence.window)) +
        as_table(losses, rows, look_of(o));
  }
  if (o.output == "json" || o.output == "yaml") {
    print({{"api", "anycastd/v1"}, {"kind", "Sizing"}, {"rows", all}}, o);
  } else {
    tell(words + kLegend);
  }
  return kOk;
}

}  // namespace anycast::cmd
