#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/prometheus/http.hpp"
#include "adapters/prometheus/reply.hpp"
#include "adapters/prometheus/samples.hpp"
#include "controller/ports/ports.hpp"

namespace anycast {

/// What anycast_prometheus_requests_total and its neighbours print about one server.
struct PrometheusStats {
  std::string server = {};                             ///< "prom-a:9090"
  std::map<std::string, std::uint64_t> requests = {};  ///< by result, all results present
  Duration last_duration = {};                         ///< of the last request
};

/// Prometheus, Thanos or VictoriaMetrics over HTTP.
///
/// `evidence` asks for raw range vectors with their true sample times, the whole window once and
/// then only what is new since the last good answer of the same server; the whole window again
/// after an error, a partial answer, a jump backwards or a gap as long as the window. Servers are
/// asked in the order of the configuration, each for at most `prometheus.timeout` altogether.
/// Errors: `wait` where no server could be reached, `look_at_peer` where one answered nonsense,
/// `look_at_host` where a secret cannot be read, `fix_value` where no URL can be used.
/// One thread only.
class PrometheusSource final : public EvidenceSource {
 public:
  /// Nobody is waited for any more while `pressing` says yes.
  explicit PrometheusSource(const Config& config, std::function<bool()> pressing = {});
  PrometheusSource(const PrometheusSource&) = delete;
  PrometheusSource& operator=(const PrometheusSource&) = delete;

  Result<Evidence> evidence(Time at) override;
  Result<FleetView> fleet(Time at) override;

  /// In the order of the configured URLs.
  std::vector<PrometheusStats> stats() const { return stats_; }
  /// Samples that the last `evidence` received over the network.
  std::size_t fetched() const { return fetched_; }

 private:
  struct Query {
    std::string expression;
    std::vector<std::string> labels;
  };
  struct Asked {
    std::size_t server;
    std::vector<prometheus::Reply> replies;
  };

  /// Runs the queries that `queries(server)` gives against the first server that answers all.
  Result<Asked> ask(Time at, const std::function<std::vector<Query>(std::size_t)>& queries);
  tl::expected<std::vector<prometheus::Reply>, prometheus::Failure> ask_server(
      std::size_t server, Time at, const std::vector<Query>& queries,
      const prometheus::Credentials& credentials);
  tl::expected<prometheus::Reply, prometheus::Failure> ask_one(
      std::size_t server, Time at, const Query& query, const prometheus::Credentials& credentials,
      Duration deadline);
  /// Where the fetch from this server has to begin for a window that ends at `at`.
  Time fetch_from(std::size_t server, Time at) const;

  Config config_;
  std::vector<prometheus::Server> servers_;
  std::vector<PrometheusStats> stats_;
  prometheus::HttpClient http_;
  prometheus::SampleWindow window_;
  std::optional<std::size_t> last_server_;  ///< whose samples `window_` holds
  Time last_at_ = {};
  std::set<std::size_t> hung_;  ///< servers that timed out while asked for `hung_at_`
  Time hung_at_ = {};
  std::size_t fetched_ = 0;
};

}  // namespace anycast
