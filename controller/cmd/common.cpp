#include "controller/cmd/common.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "adapters/bird/bird.hpp"
#include "adapters/frr/frr.hpp"
#include "adapters/rpki/validator.hpp"
#include "adapters/system/file.hpp"
#include "controller/render/builtin.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::cmd {

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  const std::string whole = name.data();
  return whole.substr(0, whole.find('.'));
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

Prepared prepare(const std::string& config_file, const std::string& node) {
  Prepared out;
  auto loaded = config::load_path(config_file, {.self = node, .host_name = host_name()});
  if (!loaded) {
    out.problems = to_string(loaded.error()) + "\n";
    return out;
  }
  for (const auto& diagnostic : loaded->diagnostics) out.problems += config::to_string(diagnostic);
  if (!loaded->config) return out;
  auto fragment = load_template(*loaded->config);
  if (!fragment) {
    out.problems += to_string(fragment.error()) + "\n";
    return out;
  }
  out.setup = std::make_shared<const core::Setup>(
      core::Setup{.config = *std::move(loaded->config), .fragment = *std::move(fragment)});
  return out;
}

Sources connect(const Config& config) {
  Sources out{.evidence = std::make_unique<PrometheusSource>(config), .router = nullptr};
  if (config.router.kind == "frr") {
    out.router = std::make_unique<frr::FrrSpeaker>(frr::settings_of(config));
  } else {
    out.router = std::make_unique<bird::BirdSpeaker>(bird::settings_of(config));
  }
  if (!config.rpki.validator.empty())
    out.validator = std::make_unique<rpki::ValidatorExport>(config);
  return out;
}

}  // namespace anycast::cmd
