#pragma once

#include "controller/ports/ports.hpp"

namespace anycast {

/// The wall clock of this host.
class SystemClock final : public Clock {
 public:
  Time now() const override;
};

}  // namespace anycast
