#pragma once

#include <string>
#include <string_view>

#include "controller/render/fragment.hpp"
#include "tests/support/bird_config.hpp"
#include "tests/support/texts.hpp"

namespace anycast::test {

/// What becomes of the template that is shipped for this node, with `by` in place of `what`.
inline std::string refusal(const Config& config, std::string_view what, std::string_view by) {
  const auto text = render::compile_fragment("fragment.tmpl",
                                             replaced(template_text(config.router.kind), what, by));
  if (!text) return to_string(text.error());
  const auto out = render::fragment(*text, config, all_say({Stance::Kind::prepend, 2}));
  return out ? "accepted" : to_string(out.error());
}

}  // namespace anycast::test
