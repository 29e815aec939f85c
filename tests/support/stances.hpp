#pragma once

#include "controller/model/stance.hpp"

// What tests say of a session, over and over.
namespace anycast::test {

inline const Stance kPlain{};
inline const Stance kPrepend2{.kind = Stance::Kind::prepend, .prepend = 2};
inline const Stance kDrain{.kind = Stance::Kind::drain};
inline const Stance kWithdraw{.kind = Stance::Kind::withdraw};
inline const Stance kAskMobile{.asks = {{"mobile", {.verb = Verb::local_pref}}}};

}  // namespace anycast::test
