#pragma once

#include <functional>
#include <thread>

#include "controller/base/time.hpp"

namespace anycast::test {

/// Whether it becomes true in that time, of which what `true_now` takes itself is no part.
inline bool eventually(const std::function<bool()>& true_now, Duration within = seconds{20},
                       Duration between_looks = milliseconds{25}) {
  for (Duration waited{}; waited < within; waited += between_looks) {
    if (true_now()) return true;
    std::this_thread::sleep_for(between_looks);
  }
  return false;
}

}  // namespace anycast::test
