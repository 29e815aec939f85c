#include "controller/config/table_thresholds.hpp"

#include "controller/config/scalars.hpp"

namespace anycast::config {
namespace {

Table rtt_levels(Levels<Duration>& l) {
  const auto level = [](Duration& d) { return Value{duration(d, Duration{1}, minutes{1})}; };
  return {{{"warn", "from here on a warning", level(l.warn)},
           {"bad", "from here on bad", level(l.bad)},
           {"clear", "below this good again", level(l.clear)}}};
}

Table loss_levels(Levels<Ppm>& l) {
  return {{{"warn", "from here on a warning", {share(l.warn)}},
           {"bad", "from here on bad", {share(l.bad)}},
           {"clear", "below this good again", {share(l.clear)}}}};
}

}  // namespace

Table threshold(Thresholds& t) {
  return {{
      {"rtt", "median round-trip time of the window", {rtt_levels(t.rtt)}},
      {"loss", "share of the probes without a reply", {loss_levels(t.loss)}},
      {"jitter", "mean difference of neighbouring round-trip times", {rtt_levels(t.jitter)}},
      {"cusum",
       "evidence for 'bad' against 'clear' that is an alarm, as the logarithm of their ratio",
       {count(t.cusum, 1, 1000)}},
      {"regions", "so many regions must agree", {count(t.regions, 1, 1000)}},
      {"for", "bad this long before we act", {duration(t.for_, seconds{0}, hours{24})}},
      {"clear_for",
       "good this long before we go back",
       {duration(t.clear_for, seconds{0}, hours{24})}},
  }};
}

}  // namespace anycast::config
