#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/app/published.hpp"

namespace anycast::metrics {

/// Content type that Prometheus 3 insists on.
inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Writer of the Prometheus text format 0.0.4. A family without a sample is left out.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(const Labels& labels, double value) { line("", labels, value); }
  /// Buckets, sum and count of the current family, in seconds.
  void histogram(const Labels& labels, const Histogram& histogram);
  std::string take() { return std::move(out_); }

 private:
  void line(std::string_view suffix, const Labels& labels, double value);

  std::string out_;
  std::string name_;
  std::string header_;  ///< of the current family, until its first sample
};

/// What the kernel says about this process (proc(5): stat, statm, fd).
struct ProcessUse {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double open_fds = 0;
  double started_seconds = 0;  ///< Unix time; 0 where unknown
};
/// Reads /proc/self; what cannot be read stays 0.
ProcessUse read_process();

struct Context {
  Time now;  ///< of the scrape
  ProcessUse process = {};
  Counts http_requests = {};      ///< handler, code
  std::string fleet_digest = {};  ///< of the configuration in force, see config::fleet_digest
};

/// Every family of anycastd-metrics(7). What a source did not tell in this cycle is absent, never
/// an old value: `anycast_announces` speaks for the router's last answer only while cycles advance,
/// because other nodes lean on it. `published` may be null before the first cycle.
std::string render(const Published* published, const Context& context);

/// Whether cycles advance: the last one is younger than three intervals and a timeout.
bool alive(const Published& published, Time now);

}  // namespace anycast::metrics
