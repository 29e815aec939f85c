#pragma once

#include <string>
#include <vector>

#include "controller/model/seen.hpp"

namespace anycast::test {

/// A node that announces plainly on these sessions.
inline NodeView announcing(const std::vector<std::string>& upstreams) {
  NodeView out;
  for (const auto& upstream : upstreams) out.stances[upstream] = {};
  return out;
}

}  // namespace anycast::test
