#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl.hpp"
#include "controller/cmd/anycastctl_serve.hpp"
#include "controller/config/config.hpp"
#include "controller/sim/article.hpp"
#include "controller/sim/demo.hpp"
#include "controller/sim/plot.hpp"
#include "controller/sim/simulate.hpp"

namespace anycast::cmd {
namespace {

/// Everything is known to be right before a minute is spent on a long run.
struct Wanted {
  sim::SimulateOptions options;
  std::vector<sim::Expectation> expectations;
};

Result<Wanted> wanted(const Options& o) {
  Wanted out{.options = {.fixture = o.fixture,
                         .seed = o.simulated_seed,
                         .days = o.days,
                         .compare = o.compare},
             .expectations = {}};
  if (!o.expect.empty()) {
    auto parsed = sim::parse_expectations(o.expect);
    if (!parsed) return tl::unexpected(parsed.error());
    out.expectations = *std::move(parsed);
  }
  if (!o.plot.empty() && !sim::plot_format(o.plot)) {
    return fail(Remedy::fix_text,
                fmt::format("cannot plot to '{}': name a .svg or .html file", printable(o.plot)));
  }
  return out;
}

void told(const sim::Simulation& simulation, const Options& o) {
  if (o.output == "table" || o.output == "wide") {
    tell(sim::table(simulation, text::widened(look_of(o))));
  } else {
    print(sim::report(simulation), o);
  }
}

}  // namespace

int demo(const Options& o) {
  const auto setup = sim::article();
  if (!setup) return complain(kFailed, setup.error());
  const auto shown = show_of(o, setup->config, sim::kDemoNode);
  if (!shown) return shown.error();
  std::ostringstream out;
  const int code = sim::run_demo(out, {.seed = o.seed, .recording = shown->recording.get()});
  tell(out.str());
  return show(*shown, fmt::format("demo, seed {}", o.seed), code);
}

int simulate(const Options& o) {
  auto want = wanted(o);
  if (!want) return complain(kUsage, want.error());
  if (o.config_given) {
    const auto loaded = config::load_path(o.config, {.self = o.node, .host_name = host_name()});
    if (!loaded) return complain(kConfig, loaded.error());
    if (!loaded->config) {
      for (const auto& d : loaded->diagnostics)
        warn(config::to_string(d, quote_columns(STDERR_FILENO)));
      return complain(kConfig, "configuration refused; nothing was simulated");
    }
    want->options.config = loaded->config;
  }
  const auto world = sim::fixture(o.fixture, {.days = 1});
  if (!world) return complain(kUsage, world.error());
  const auto shown = show_of(o, world->config(), world->config().self);
  if (!shown) return shown.error();
  want->options.recording = shown->recording.get();
  const auto simulation = sim::simulate(want->options);
  if (!simulation) return complain(kUsage, simulation.error());
  told(*simulation, o);
  if (!o.plot.empty()) {
    const auto picture = sim::plot(*simulation, *sim::plot_format(o.plot));
    if (const auto written = replace_file(o.plot, picture); !written)
      return complain(kFailed, written.error());
  }
  const auto unmet = sim::unmet(*simulation, want->expectations);
  for (const auto& one : unmet) complain(kFailed, one);
  const auto about = fmt::format("{}, seed {}", o.fixture, o.simulated_seed);
  return show(*shown, about, unmet.empty() ? kOk : kFailed);
}

}  // namespace anycast::cmd
