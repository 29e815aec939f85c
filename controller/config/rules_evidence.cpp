#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "controller/config/rules.hpp"
#include "controller/config/scalars.hpp"

namespace anycast::config {
namespace {

// One-sided 95 %.
constexpr double kZ = 1.645;

/// Path of a threshold as somebody wrote it: the carrier's, or the default's.
std::string written(const Checked& c, const std::string& carrier, const std::string& field) {
  const auto own = "thresholds." + carrier + "." + field;
  return c.bound.set(own) ? own : "thresholds.default." + field;
}

std::string number(const Duration& d) { return print_duration(d); }
std::string number(Ppm share) { return print_share(share); }

std::string usual(Duration bad) {
  return print_duration(Duration{bad.count() * 8 / 10 / 1000 * 1000});
}
std::string usual(Ppm bad) { return print_share(bad * 8 / 10); }

template <class T>
void check_levels(const Checked& c, const std::string& carrier, const std::string& field,
                  const Levels<T>& levels) {
  const auto clear = written(c, carrier, field + ".clear");
  const auto warn = written(c, carrier, field + ".warn");
  const auto bad = written(c, carrier, field + ".bad");
  if (!c.bound.good(clear) || !c.bound.good(warn) || !c.bound.good(bad)) return;
  const auto limit = [&](Span from) {
    const auto it = c.bound.where.find(bad);
    if (it == c.bound.where.end()) return fmt::format("'bad' is left at its default");
    return fmt::format("'bad' is set at {}", c.report.refer(it->second, from));
  };
  if (levels.clear >= levels.bad) {
    const auto at = c.bound.at(c.bound.set(clear) ? clear : bad);
    c.report.error(
        at, "threshold-order",
        fmt::format("clear ({}) must be below bad ({})", number(levels.clear), number(levels.bad)),
        {fmt::format("{}; 80 % of it is usual ({}); without a gap the state flaps", limit(at),
                     usual(levels.bad))});
  }
  if (levels.warn > levels.bad) {
    const auto at = c.bound.at(c.bound.set(warn) ? warn : bad);
    c.report.error(at, "threshold-order",
                   fmt::format("warn ({}) must not be above bad ({})", number(levels.warn),
                               number(levels.bad)),
                   {limit(at)});
  }
}

void check_thresholds(const Checked& c, const std::string& carrier, const Thresholds& t) {
  check_levels(c, carrier, "rtt", t.rtt);
  check_levels(c, carrier, "loss", t.loss);
  check_levels(c, carrier, "jitter", t.jitter);
  const auto clear_for = written(c, carrier, "clear_for");
  const auto for_ = written(c, carrier, "for");
  if (c.bound.good(clear_for) && c.bound.good(for_) && t.clear_for < t.for_) {
    c.report.error(c.bound.at(c.bound.set(clear_for) ? clear_for : for_), "clear-longer",
                   fmt::format("clear_for ({}) must not be shorter than for ({})",
                               print_duration(t.clear_for), print_duration(t.for_)),
                   {"what turns good faster than it turned bad flaps"});
  }
  const auto regions = written(c, carrier, "regions");
  const auto have = c.config.regions.size();
  if (c.bound.good(regions) && c.bound.good("regions") &&
      static_cast<std::size_t>(t.regions) > have) {
    c.report.error(c.bound.at(c.bound.set(regions) ? regions : "regions"), "regions-quorum",
                   fmt::format("{} regions can never agree, there {} {}", t.regions,
                               have == 1 ? "is" : "are", have),
                   {"thresholds.regions says how many must see a path bad before we act"});
  }
}

/// Whole minutes from a minute on, else whole seconds.
Duration round_up(Duration d) {
  const Duration unit = d >= minutes{1} ? Duration{minutes{1}} : Duration{seconds{1}};
  return unit * ((d.count() + unit.count() - 1) / unit.count());
}

/// "5s scrape": what sets the time between two packets.
std::string pace(const EvidenceConfig& e) {
  return print_duration(e.packet()) + (e.source == Exporter::smokeping ? " ping" : " scrape");
}

std::string shown_share(double share) { return fmt::format("{:.2g} %", share * 100); }

/// Says that the window is too short for what `path` names, which takes `needed` packets.
void too_short(const Checked& c, const std::string& path, Ppm share, double needed,
               const std::string& text, const std::string& why) {
  const auto& e = c.config.evidence;
  const auto regions = static_cast<double>(c.config.regions.size());
  const auto span = std::ceil(needed / regions) * static_cast<double>(e.packet().count());
  const auto at =
      c.bound.at(c.bound.set("evidence.window") || !c.bound.set(path) ? "evidence.window" : path);
  const auto place = c.bound.set(path) ? " (" + c.report.refer(c.bound.at(path), at) + ")" : "";
  std::string hint = fmt::format("'{}'{} needs {:.0f} packets", path, place, needed);
  if (span < 8.64e10) {
    hint += fmt::format(": at a {} from {} region{}, {} or more", pace(e), c.config.regions.size(),
                        c.config.regions.size() == 1 ? "" : "s",
                        print_duration(round_up(Duration{static_cast<std::int64_t>(span)})));
  } else {
    hint += ", more than a day can hold";
  }
  c.report.error(at, "resolution",
                 fmt::format("{} is too short to {} {} %", print_duration(e.window), text,
                             static_cast<double>(share) / 1e4),
                 {hint, why});
}

/// The window must be able to show what a loss threshold names. Samples of all regions are pooled.
void check_resolution(const Checked& c, const std::string& carrier, const Thresholds& t) {
  const auto& e = c.config.evidence;
  if (!c.bound.good("evidence.window") || !c.bound.good("evidence.scrape")) return;
  if (!c.bound.good("regions") || c.config.regions.empty()) return;
  const auto regions = static_cast<std::int64_t>(c.config.regions.size());
  const auto n = static_cast<double>(regions * (e.window / e.packet()));
  const auto holds =
      fmt::format("{}: {} holds {:.0f}",
                  e.source == Exporter::smokeping ? "one packet each " + print_duration(e.ping)
                                                  : "one scrape is one packet",
                  print_duration(e.window), n);
  for (const auto& [field, share] :
       {std::pair{"warn", t.loss.warn}, std::pair{"bad", t.loss.bad}}) {
    const auto path = written(c, carrier, fmt::format("loss.{}", field));
    if (!c.bound.good(path) || share == 0) continue;
    const auto needed = std::ceil(1.0 / to_ratio(share));
    if (n >= needed) continue;
    const auto least =
        n > 0 ? fmt::format(", so the smallest loss it can show is {}", shown_share(1 / n))
              : std::string{};
    too_short(c, path, share, needed, "see a loss of", holds + least);
  }
  const auto path = written(c, carrier, "loss.clear");
  if (!c.bound.good(path)) return;
  if (t.loss.clear == 0) {
    c.report.error(c.bound.at(path), "resolution", "no window can prove a loss below 0 %",
                   {"a path would never be good again; 1 % is usual"});
    return;
  }
  // Wilson's upper bound with nothing lost is z^2 / (n + z^2).
  const auto clear = to_ratio(t.loss.clear);
  const auto needed = std::floor(kZ * kZ * (1 - clear) / clear) + 1;
  if (n >= needed) return;
  too_short(c, path, t.loss.clear, needed, "prove a loss below",
            fmt::format("{}; with none of them lost the loss may still be {} (Wilson, one-sided "
                        "95 %)",
                        holds, shown_share(kZ * kZ / (n + kZ * kZ))));
}

/// Only what somebody wrote can contradict: a default gave way to `evidence.window` before.
void check_windows(const Checked& c) {
  const auto& e = c.config.evidence;
  const auto contradicts = [&](const char* path, Duration span, bool wrong, const char* rule) {
    if (!c.bound.good("evidence.window") || !c.bound.good(path) || !c.bound.set(path) || !wrong)
      return;
    const auto at = c.bound.at(path);
    const auto place = c.bound.set("evidence.window")
                           ? " (" + c.report.refer(c.bound.at("evidence.window"), at) + ")"
                           : std::string{};
    c.report.error(at, "window-order",
                   fmt::format("{} must not be {} than evidence.window ({}){}",
                               print_duration(span), rule, print_duration(e.window), place),
                   {"fast_window, window and slow_window end at the same time, each longer than "
                    "the one before"});
  };
  contradicts("evidence.fast_window", e.fast_window, e.fast_window > e.window, "longer");
  contradicts("evidence.slow_window", e.slow_window, e.slow_window < e.window, "shorter");
}

void check_samples(const Checked& c) {
  const auto& e = c.config.evidence;
  if (!c.bound.good("evidence") || e.window / e.packet() >= e.min_samples) return;
  const auto at =
      c.bound.at(c.bound.set("evidence.min_samples") ? "evidence.min_samples" : "evidence.window");
  c.report.error(
      at, "resolution",
      fmt::format("{} never has {} samples of a region", print_duration(e.window), e.min_samples),
      {fmt::format("at a {} it holds {}: set evidence.min_samples below that", pace(e),
                   e.window / e.packet())});
}

bool is_loopback(const std::string& host) {
  const auto address = Address::parse(host);
  if (!address) return host == "localhost";
  return Prefix::parse("127.0.0.0/8")->contains(*address) || address == Address::parse("::1");
}

void check_prometheus(const Checked& c) {
  const auto& p = c.config.prometheus;
  const bool secret = !p.bearer_token_file.empty() || !p.username.empty();
  for (std::size_t i = 0; i < p.urls.size(); ++i) {
    const auto path = fmt::format("prometheus.urls.{}", i);
    if (!c.bound.good(path) || !secret || !p.urls[i].starts_with("http://")) continue;
    if (is_loopback(url_host(p.urls[i]))) continue;
    c.report.warning(c.bound.at(path), "scheme", "a token or password over plain http",
                     {"anybody on the way can read it; use https"});
  }
  if (p.username.empty() != p.password_file.empty() && c.bound.good("prometheus.basic")) {
    c.report.error(c.bound.at("prometheus.basic"), "missing",
                   "'username' and 'password_file' belong together");
  }
  if (!p.bearer_token_file.empty() && !p.username.empty()) {
    c.report.error(c.bound.at("prometheus.basic"), "auth",
                   "a bearer token and a password at the same time", {"take one of them out"});
  }
  if (!c.bound.good("prometheus.interval") || !c.bound.good("prometheus.timeout")) return;
  if (p.timeout >= p.interval) {
    c.report.error(c.bound.at(c.bound.set("prometheus.timeout") ? "prometheus.timeout"
                                                                : "prometheus.interval"),
                   "timeout",
                   fmt::format("timeout ({}) must be shorter than interval ({})",
                               print_duration(p.timeout), print_duration(p.interval)),
                   {"an answer that comes after its cycle serves nobody"});
  }
  const auto scrape = c.config.evidence.scrape;
  if (c.bound.good("prometheus.max_age") && c.bound.good("evidence.scrape") && p.max_age < scrape) {
    c.report.error(c.bound.at("prometheus.max_age"), "max-age",
                   fmt::format("max_age ({}) is shorter than one scrape ({})",
                               print_duration(p.max_age), print_duration(scrape)),
                   {"most samples would be too old when they are read; three scrapes are usual"});
  }
}

}  // namespace

void check_evidence(const Checked& c) {
  for (const auto& [carrier, t] : c.config.thresholds) {
    check_thresholds(c, carrier, t);
    check_resolution(c, carrier, t);
  }
  check_windows(c);
  check_samples(c);
  check_prometheus(c);
}

}  // namespace anycast::config
