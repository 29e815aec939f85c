#pragma once

#include <functional>
#include <set>
#include <string>

#include "controller/model/inside.hpp"

namespace anycast::test {

/// 192.0.2.`last`, port 80.
inline ServerKey server(int last) {
  return {*Address::parse("192.0.2." + std::to_string(last)), 80};
}
/// An anycast address as a node of sim::article_fleet() may keep it.
inline const Vip kVip{*Prefix::parse("203.0.113.1/32"), "vip0"};

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
