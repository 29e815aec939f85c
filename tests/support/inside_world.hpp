#pragma once

#include <functional>

#include "controller/model/inside.hpp"

namespace anycast::test {

/// A number from 0 to one less than what is asked for, by whatever chance the test has.
using Below = std::function<int(int)>;

/// A state of a few addresses, links, services and real servers, so that any two states overlap.
Inside drawn_inside(const Below& below);
/// All addresses that may be drawn.
std::set<Vip> drawn_vips();

/// What a wish names is named from then on.
void name(Inside& named, const Inside& wish);
/// The part of a state that no wish has ever named.
Inside unnamed(const Inside& state, const Inside& named);
/// The wish with all that stays from elsewhere; a service that stays only for that keeps the
/// settings which the kernel has.
Inside expected(const Inside& wish, const Inside& foreign, const Inside& kernel);

}  // namespace anycast::test
