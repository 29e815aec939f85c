#include "controller/cmd/common.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "adapters/bird/bird.hpp"
#include "adapters/frr/frr.hpp"
#include "adapters/http/gate.hpp"
#include "adapters/keepalived/listener.hpp"
#include "adapters/kernel/kernel.hpp"
#include "adapters/rpki/validator.hpp"
#include "adapters/system/file.hpp"
#include "controller/core/local.hpp"
#include "controller/render/builtin.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::cmd {

namespace {

std::string whole_host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

}  // namespace

std::string host_name() {
  const auto whole = whole_host_name();
  return whole.substr(0, whole.find('.'));
}

std::vector<std::string> host_names() {
  return names_of(whole_host_name(), read_file("/etc/hosts", 1U << 20U).value_or(""));
}

std::string template_file(const Config& config) {
  return fmt::format("{}/{}/fragment.tmpl", config.router.templates, config.router.kind);
}

namespace {

Result<render::Template> compiled(const Config& config) {
  const auto path = template_file(config);
  if (modified_at(path)) {
    const auto text = read_file(path, 1U << 20U);
    if (!text) return tl::unexpected(text.error());
    return render::compile_fragment(path, *text);
  }
  // A folder that somebody named has to be there; only the default may be missing.
  if (config.origins.contains("router.templates")) {
    auto error = fail(Remedy::fix_value, "no template '" + path + "'");
    error.value().place = config.origins.at("router.templates");
    return error;
  }
  return render::compile_fragment("fragment.tmpl (built in)",
                                  config.router.kind == "frr" ? render::builtin_frr_fragment()
                                                              : render::builtin_bird_fragment());
}

}  // namespace

Result<render::Template> load_template(const Config& config) {
  auto text = compiled(config);
  if (!text || !config.nodes.contains(config.self)) return text;
  if (auto ok = render::rehearse(*text, config); !ok) return tl::unexpected(ok.error());
  return text;
}

namespace {

/// Loads what `shadow.config` names; why there is none in `setup.shadow_fault`.
void add_shadow(const std::string& config_file, int columns, core::Setup& setup,
                std::string& problems) {
  const auto& file = setup.config.shadow.config;
  auto loaded = config::load_shadow_path(config_file, file, {.self = setup.config.self});
  if (!loaded) {
    setup.shadow_fault = to_string(loaded.error());
    problems += "shadow: error: " + setup.shadow_fault + "\n";
    return;
  }
  for (const auto& diagnostic : loaded->diagnostics)
    problems += config::to_string(diagnostic, columns);
  if (loaded->config) {
    setup.shadow = std::make_shared<const core::Setup>(
        core::Setup{.config = *std::move(loaded->config), .fragment = setup.fragment});
    return;
  }
  const auto first = std::ranges::find(loaded->diagnostics, config::Diagnostic::Severity::error,
                                       &config::Diagnostic::severity);
  setup.shadow_fault = fmt::format("{}: {}", to_string(first->place), first->text);
}

}  // namespace

Prepared prepare(const std::string& config_file, const std::string& node, int columns) {
  Prepared out;
  auto loaded = config::load_path(config_file, {.self = node, .host_name = host_name()});
  if (!loaded) {
    out.problems = to_string(loaded.error()) + "\n";
    return out;
  }
  for (const auto& diagnostic : loaded->diagnostics)
    out.problems += config::to_string(diagnostic, columns);
  if (!loaded->config) return out;
  auto fragment = load_template(*loaded->config);
  if (!fragment) {
    out.problems += to_string(fragment.error()) + "\n";
    return out;
  }
  auto setup = std::make_shared<core::Setup>(
      core::Setup{.config = *std::move(loaded->config), .fragment = *std::move(fragment)});
  if (!setup->config.shadow.config.empty()) add_shadow(config_file, columns, *setup, out.problems);
  out.setup = std::move(setup);
  return out;
}

Sources connect(const Config& config, std::function<bool()> pressing) {
  Sources out{.evidence = std::make_unique<PrometheusSource>(config, std::move(pressing)),
              .router = nullptr};
  if (config.router.kind == "frr") {
    out.router = std::make_unique<frr::FrrSpeaker>(frr::settings_of(config));
  } else {
    out.router = std::make_unique<bird::BirdSpeaker>(bird::settings_of(config));
  }
  if (!config.rpki.validator.empty())
    out.validator = std::make_unique<rpki::ValidatorExport>(config);
  return out;
}

Result<std::unique_ptr<health::Checker>> check_services(
    const Config& config, Health known, std::function<void(health::Checker::Turn)> changed) {
  const auto& services = config.me().services;
  if (services.empty()) return nullptr;
  return health::Checker::start(
      {.services = services, .known = std::move(known), .changed = std::move(changed)});
}

Result<std::unique_ptr<health::Checker>> check_services_once(const Config& config) {
  auto out = check_services(config, {}, {});
  if (!out || !*out) return out;
  Duration most{0};
  for (const auto& [name, service] : config.me().services) {
    const auto& check = service.check;
    most = std::max(most, std::max(check.rise, check.fall) * (check.fast_interval + check.timeout));
  }
  const auto known = [&] {
    const auto health = (*out)->health();
    return std::ranges::all_of(*health, [](const auto& service) {
      return std::ranges::all_of(
          service.second, [](const auto& entry) { return entry.second.alive != Alive::unknown; });
    });
  };
  const auto until = std::chrono::steady_clock::now() + std::min<Duration>(most, seconds{10});
  while (!known() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds{20});
  return out;
}

namespace {

/// A kernel that nobody can speak to.
class NoKernel : public Kernel {
 public:
  explicit NoKernel(Error why) : why_{std::move(why)} {}
  Result<InsideView> inside(const std::set<std::uint32_t>& /*tables*/) override {
    return tl::unexpected(why_);
  }
  std::vector<Result<void>> carry_out(const std::vector<InsideChange>& changes) override {
    return {changes.size(), tl::unexpected(why_)};
  }

 private:
  Error why_;
};

}  // namespace

std::unique_ptr<Kernel> open_kernel(const Config& config, const State& state) {
  if (!core::keeps_inside(config, state.inside)) return nullptr;
  auto opened = kernel::NetlinkKernel::open();
  if (!opened) return std::make_unique<NoKernel>(std::move(opened.error()));
  return *std::move(opened);
}

namespace {

/// A Keepalived that nobody can listen to.
class NoKeepalived : public VrrpSource {
 public:
  explicit NoKeepalived(Error why) : why_{std::move(why)} {}
  Result<VrrpView> vrrp() override { return tl::unexpected(why_); }
  Result<void> track(int) override { return tl::unexpected(why_); }

 private:
  Error why_;
};

}  // namespace

std::unique_ptr<VrrpSource> hear_keepalived(const Config& config, std::function<void()> changed) {
  const auto& keepalived = config.me().local.keepalived;
  if (keepalived.fifo.empty()) return nullptr;
  auto started = keepalived::Listener::start({keepalived, std::move(changed)});
  if (!started) return std::make_unique<NoKeepalived>(std::move(started.error()));
  return *std::move(started);
}

}  // namespace anycast::cmd
