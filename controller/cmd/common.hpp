#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/health/checker.hpp"
#include "adapters/prometheus/prometheus.hpp"
#include "controller/config/config.hpp"
#include "controller/core/step.hpp"
#include "controller/ports/keepalived.hpp"
#include "controller/ports/kernel.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::cmd {

/// Exit codes of all programs; the same numbers as sysexits.h where it has one.
enum Exit : int {
  kOk = 0,
  kFailed = 1,
  kNotClean = 2,
  kUsage = 64,
  kUnavailable = 69,
  kTryLater = 75,
  kNotPermitted = 77,
  kConfig = 78,
};

inline constexpr const char* kConfigFile = "/etc/anycastd/anycastd.yaml";

/// What this host calls itself, up to the first dot.
std::string host_name();
/// All the names by which this host knows itself.
std::vector<std::string> host_names();

/// A configuration that loaded, with its template compiled and its shadow beside it, or everything
/// that is wrong with it. A shadow that is wrong keeps nothing from starting: `shadow_fault` of the
/// setup has the reason.
struct Prepared {
  std::shared_ptr<const core::Setup> setup = {};
  std::string problems = {};  ///< printed diagnostics, errors and warnings
};
/// Quoted lines are at most as wide as `columns`.
Prepared prepare(const std::string& config_file, const std::string& node,
                 int columns = config::kWidestQuote);

/// A journal that is not there: who only looks tells what it thinks on standard output.
class NoJournal final : public Journal {
 public:
  void write(const Event&) override {}
};

/// The template under `router.templates` for the kind of daemon.
std::string template_file(const Config& config);
/// The packaged template, or the file under `router.templates` where there is one; rehearsed where
/// the configuration is that of a node.
Result<render::Template> load_template(const Config& config);

/// The real adapters that a configuration asks for.
struct Sources {
  std::unique_ptr<PrometheusSource> evidence;
  std::unique_ptr<RouteSpeaker> router;
  std::unique_ptr<RoaSource> validator = nullptr;  ///< where the configuration names one
};
/// While `pressing` says yes, nobody waits for an answer from another host.
Sources connect(const Config& config, std::function<bool()> pressing = {});

/// Begins to ask this node's real servers; null where it has none. `known` is from before a reload,
/// `changed` is called in another thread whenever a verdict turns.
Result<std::unique_ptr<health::Checker>> check_services(
    const Config& config, Health known, std::function<void(health::Checker::Turn)> changed);
/// For a look that is taken once: the same, and waits until every real server has a verdict, or has
/// had the time for one, but 10 s at most.
Result<std::unique_ptr<health::Checker>> check_services_once(const Config& config);

/// This host's kernel; null where this node keeps nothing in it. Where it cannot be spoken to, all
/// that is asked for fails with the reason.
std::unique_ptr<Kernel> open_kernel(const Config& config, const State& state);

/// This host's Keepalived; null where none decides who serves. `changed` is called in another
/// thread.
std::unique_ptr<VrrpSource> hear_keepalived(const Config& config, std::function<void()> changed);

}  // namespace anycast::cmd
