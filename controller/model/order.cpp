#include "controller/model/order.hpp"

#include <array>
#include <utility>

namespace anycast {
namespace {
using Kind = Order::Kind;
constexpr std::array<std::pair<Kind, std::string_view>, 11> kKinds = {
    {{Kind::drain, "drain"},
     {Kind::undrain, "undrain"},
     {Kind::pin, "pin"},
     {Kind::unpin, "unpin"},
     {Kind::freeze, "freeze"},
     {Kind::unfreeze, "unfreeze"},
     {Kind::apply, "apply"},
     {Kind::confirm, "confirm"},
     {Kind::undo, "undo"},
     {Kind::blackhole, "blackhole"},
     {Kind::unblackhole, "unblackhole"}}};
}  // namespace

std::string to_string(Order::Kind kind) {
  for (const auto& [k, word] : kKinds) {
    if (k == kind) return std::string{word};
  }
  return "?";
}

std::optional<Order::Kind> parse_order_kind(std::string_view text) {
  for (const auto& [k, word] : kKinds) {
    if (word == text) return k;
  }
  return std::nullopt;
}

}  // namespace anycast
