#pragma once

#include <string_view>

namespace anycast::render {

/// The text of templates/bird/fragment.tmpl as it was when this program was built.
std::string_view builtin_bird_fragment();

}  // namespace anycast::render
