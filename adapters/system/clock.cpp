#include "adapters/system/clock.hpp"

namespace anycast {

Time SystemClock::now() const {
  return std::chrono::floor<Duration>(std::chrono::system_clock::now());
}

}  // namespace anycast
