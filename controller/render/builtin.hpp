#pragma once

#include <string_view>

namespace anycast::render {

/// The text of templates/bird/fragment.tmpl as it was when this program was built.
std::string_view builtin_bird_fragment();
/// The same of templates/frr/fragment.tmpl.
std::string_view builtin_frr_fragment();
/// The same of templates/keepalived/pair.tmpl.
std::string_view builtin_keepalived();
/// The text of probes/blackbox.yml, likewise.
std::string_view builtin_blackbox();

}  // namespace anycast::render
