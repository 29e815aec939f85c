#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "controller/model/stance.hpp"

namespace anycast {

/// What a person asked for through the control socket.
struct Order {
  enum class Kind {
    drain,
    undrain,
    pin,
    unpin,
    freeze,
    unfreeze,
    apply,
    confirm,
    undo,
    blackhole,
    unblackhole
  };
  Kind kind;
  std::uint64_t id = 0;                  ///< ticket that the reply names
  std::string upstream = {};             ///< pin, unpin, blackhole, unblackhole
  Prefix host = {};                      ///< blackhole, unblackhole
  Stance stance = {};                    ///< pin
  std::optional<Duration> lasts = {};    ///< none: until taken back
  std::optional<Duration> confirm = {};  ///< apply: a person has to confirm within this time
  std::uint64_t decision = 0;            ///< undo: which; 0 the last
  bool now = false;    ///< drain: withdraw at once, without GRACEFUL_SHUTDOWN first
  bool force = false;  ///< drain, undrain, pin, unpin, apply, undo: beyond the flap-damping budget
  std::string reason = {};
  std::string actor = {};  ///< who, for the history; from the peer's credentials
};
std::string to_string(Order::Kind kind);
std::optional<Order::Kind> parse_order_kind(std::string_view text);

/// What became of an order, in words for the person who gave it.
struct OrderReply {
  enum class Outcome { done, refused, failed };
  std::uint64_t id;
  Outcome outcome;
  std::string text;
  std::uint64_t decision = 0;
};

}  // namespace anycast
