#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/time.hpp"
#include "controller/model/stance.hpp"

namespace anycast {

/// What came of a step, by the users' own figures.
enum class Effect {
  open,        ///< not measured yet
  unmeasured,  ///< nobody pings the anycast address, or there is nothing to compare with
  unclear,     ///< the intervals confirm neither of the following
  sufficient,
  none,
  harmful
};
std::string to_string(Effect effect);

/// What the users of one carrier feel at the anycast address.
struct Users {
  int sent = 0;
  int lost = 0;
  Duration rtt = {};  ///< median, and its bounds
  Duration rtt_low = {};
  Duration rtt_high = {};
  Duration jitter = {};
  bool operator==(const Users&) const = default;
};

/// What a step is to do for one carrier's users, as a change of their score (median RTT + 20 ms per
/// % loss + jitter/2); less is better.
struct Aim {
  bool meant = false;      ///< the step was made for them; else they only must not suffer
  Duration expected = {};  ///< change of the score
  Users before = {};       ///< when the step was taken
  bool operator==(const Aim&) const = default;
};

/// Recorded with each automatic step, until it is measured or another step follows.
struct Prediction {
  std::uint64_t decision = 0;
  Stance from = {};
  Stance to = {};
  int rung = 0;  ///< before the step
  Time at = {};
  std::map<std::string, Aim> aims = {};  ///< by carrier that the session leads to
  std::map<std::string, Duration> controls =
      {};               ///< score then, of carriers that it does not touch
  bool looked = false;  ///< the early look has been taken
  bool operator==(const Prediction&) const = default;
};

/// How the last measured step of a session ended.
struct Finding {
  Effect effect = Effect::open;
  Time at = {};
  std::uint64_t decision = 0;
  Stance back = {};  ///< before the step; where a harmful one is taken back to
  int rung = 0;      ///< before the step
  std::string text = {};
  bool operator==(const Finding&) const = default;
};

/// What is remembered about a stance of a session toward a carrier.
struct Lesson {
  Effect effect = Effect::open;  ///< sufficient, none or harmful
  Time at = {};
  Time until = {};  ///< counts so long
  int times = 0;    ///< the same so often in a row; of those without effect by policy prefer only
  std::string text = {};
  bool operator==(const Lesson&) const = default;
};

/// What this node has learned about its own steps.
struct Learned {
  std::map<std::string, Prediction> open = {};   ///< by upstream
  std::map<std::string, Finding> findings = {};  ///< by upstream, the last
  std::map<std::string, Lesson> lessons = {};    ///< by "upstream stance carrier"
  std::vector<Time> far_off = {};                ///< predictions that failed by much, lately
  bool operator==(const Learned&) const = default;
};

}  // namespace anycast
