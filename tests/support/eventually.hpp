#pragma once

#include <functional>
#include <thread>

#include "controller/base/time.hpp"

namespace anycast::test {

/// Whether it becomes true within 20 s.
inline bool eventually(const std::function<bool()>& true_now) {
  for (int i = 0; i < 800; ++i) {
    if (true_now()) return true;
    std::this_thread::sleep_for(milliseconds{25});
  }
  return false;
}

}  // namespace anycast::test
