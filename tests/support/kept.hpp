#pragma once

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"
#include "controller/ports/ports.hpp"
#include "tests/support/catch.hpp"

namespace anycast::test {

/// Applied and confirmed.
inline void keep(RouteSpeaker& speaker, const Fragment& fragment) {
  const auto applied = speaker.apply(fragment, seconds{30});
  INFO((applied ? "" : to_string(applied.error())));
  REQUIRE(applied);
  REQUIRE(speaker.confirm());
}

}  // namespace anycast::test
