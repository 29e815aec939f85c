#include "adapters/prometheus/prometheus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"

namespace anycast {
namespace {

using prometheus::Credentials;
using prometheus::Ending;
using prometheus::Failure;
using prometheus::HttpAnswer;
using prometheus::Reply;
using std::chrono::duration_cast;
using std::chrono::steady_clock;

constexpr std::size_t kMaxSecret = 64U << 10U;
// A scrape is stored up to one interval after its time stamp; one more for a late one.
constexpr int kOverlapScrapes = 2;

/// A secret from its file, read anew each time so that it can be replaced. A line break or another
/// control character inside would end up in the request's head.
Result<std::string> read_secret(const std::string& path) {
  if (path.empty()) return std::string{};
  auto text = read_file(path, kMaxSecret);
  if (!text) return tl::unexpected(text.error());
  std::string secret{trim(*text)};
  if (secret.empty()) return fail(Remedy::look_at_host, fmt::format("'{}' is empty", path));
  if (std::ranges::any_of(secret, [](unsigned char c) { return std::iscntrl(c) != 0; })) {
    return fail(Remedy::look_at_host,
                fmt::format("'{}' holds a control character, expected one line", path));
  }
  return secret;
}

Result<Credentials> read_credentials(const PrometheusConfig& config) {
  auto bearer = read_secret(config.bearer_token_file);
  if (!bearer) return tl::unexpected(bearer.error());
  auto password = read_secret(config.password_file);
  if (!password) return tl::unexpected(password.error());
  return Credentials{
      .bearer = std::move(*bearer), .username = config.username, .password = std::move(*password)};
}

/// Milliseconds, as all that Prometheus keeps.
std::string seconds_text(Time at) {
  const auto ms = std::chrono::floor<milliseconds>(at.time_since_epoch()).count();
  return fmt::format("{}.{:03}", ms / 1000, ms % 1000);
}

std::string range_selector(const std::string& selector, Duration range) {
  return fmt::format("{}[{}ms]", selector, std::chrono::ceil<milliseconds>(range).count());
}

std::string media_type(const HttpAnswer& answer) {
  const auto type = split(answer.content_type, ';').front();
  std::string out{trim(type)};
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string describe(const HttpAnswer& answer) {
  const auto type = media_type(answer);
  return fmt::format("answered {} ({})", answer.status, type.empty() ? "no type" : printable(type));
}

/// An answer of whatever kind as what it means.
tl::expected<Reply, Failure> understand(const HttpAnswer& answer,
                                        const std::vector<std::string>& labels) {
  const bool is_json = media_type(answer) == "application/json" || answer.content_type.empty();
  const auto wrong = [&](Ending ending, std::string text) {
    return tl::unexpected(Failure{ending, std::move(text)});
  };
  const Ending ending = answer.status == 200 ? Ending::bad_answer : Ending::http_error;
  if (answer.status >= 300 && answer.status < 400) {
    return wrong(ending, describe(answer) + ", redirects are not followed");
  }
  if (!is_json) {
    return wrong(ending,
                 answer.status == 200 ? describe(answer) + ", expected JSON" : describe(answer));
  }
  auto reply = prometheus::parse_reply(answer.body, labels);
  if (answer.status != 200 && (!reply || reply->refusal.empty())) {
    return wrong(ending, describe(answer));
  }
  if (!reply) return wrong(ending, fmt::format("{}: {}", describe(answer), reply.error().text));
  if (!reply->refusal.empty()) {
    constexpr std::size_t kMaxText = 200;
    return wrong(ending,
                 fmt::format("answered {}, {}", answer.status, reply->refusal.substr(0, kMaxText)));
  }
  return std::move(*reply);
}

PrometheusStats empty_stats(const std::string& name) {
  PrometheusStats stats{.server = name};
  for (const auto ending : {Ending::ok, Ending::timeout, Ending::http_error, Ending::bad_answer,
                            Ending::tls, Ending::refused}) {
    stats.requests[to_string(ending)] = 0;
  }
  return stats;
}

}  // namespace

PrometheusSource::PrometheusSource(const Config& config, std::function<bool()> pressing)
    : config_{config}, http_{std::move(pressing)}, window_{config_} {
  for (const auto& url : config_.prometheus.urls) {
    servers_.push_back(prometheus::parse_server(url));
    stats_.push_back(empty_stats(servers_.back().name));
  }
}

tl::expected<Reply, Failure> PrometheusSource::ask_one(std::size_t server, Time at,
                                                       const Query& query,
                                                       const Credentials& credentials,
                                                       Duration deadline) {
  // partial_response concerns Thanos, nocache VictoriaMetrics; the others take no notice.
  const prometheus::Form form{{"query", query.expression},
                              {"time", seconds_text(at)},
                              {"partial_response", "false"},
                              {"nocache", "1"}};
  const auto begin = steady_clock::now();
  auto answer = http_.post(servers_[server], form, credentials, config_.prometheus, deadline);
  auto reply = answer ? understand(*answer, query.labels)
                      : tl::expected<Reply, Failure>{tl::unexpected(answer.error())};
  auto& stats = stats_[server];
  stats.last_duration = duration_cast<Duration>(steady_clock::now() - begin);
  ++stats.requests[to_string(reply ? Ending::ok : reply.error().ending)];
  return reply;
}

tl::expected<std::vector<Reply>, Failure> PrometheusSource::ask_server(
    std::size_t server, Time at, const std::vector<Query>& queries,
    const Credentials& credentials) {
  const auto begin = steady_clock::now();
  const Duration whole = config_.prometheus.timeout;
  std::vector<Reply> replies;
  for (const auto& query : queries) {
    const auto left = whole - duration_cast<Duration>(steady_clock::now() - begin);
    if (left <= Duration{0}) {
      return tl::unexpected(
          Failure{Ending::timeout, fmt::format("did not answer within {}", print_duration(whole))});
    }
    auto reply = ask_one(server, at, query, credentials, left);
    if (!reply) return tl::unexpected(reply.error());
    replies.push_back(std::move(*reply));
  }
  return replies;
}

Result<PrometheusSource::Asked> PrometheusSource::ask(
    Time at, const std::function<std::vector<Query>(std::size_t)>& queries) {
  const auto credentials = read_credentials(config_.prometheus);
  if (!credentials) return tl::unexpected(credentials.error());
  if (hung_at_ != at) hung_.clear();
  hung_at_ = at;
  std::vector<std::string> reasons;
  auto remedy = Remedy::fix_value;
  for (std::size_t server = 0; server < servers_.size(); ++server) {
    if (servers_[server].query_url.empty()) {
      reasons.push_back(fmt::format("prometheus.urls[{}] is not an http or https URL", server));
      continue;
    }
    const auto& name = servers_[server].name;
    if (remedy == Remedy::fix_value) remedy = Remedy::wait;
    if (hung_.contains(server)) {
      reasons.push_back(name + " did not answer a moment ago");
      continue;
    }
    auto replies = ask_server(server, at, queries(server), *credentials);
    if (replies) return Asked{.server = server, .replies = std::move(*replies)};
    const auto ending = replies.error().ending;
    if (ending == Ending::timeout) hung_.insert(server);
    if (ending != Ending::timeout && ending != Ending::refused) remedy = Remedy::look_at_peer;
    reasons.push_back(fmt::format("{} {}", name, replies.error().text));
  }
  if (reasons.empty()) return fail(Remedy::fix_value, "prometheus.urls names no server");
  return fail(remedy, join(reasons, "; "));
}

Time PrometheusSource::fetch_from(std::size_t server, Time at) const {
  const Time oldest = at - config_.evidence.longest();
  if (last_server_ != server || at < last_at_) return oldest;
  return std::max(oldest, last_at_ - kOverlapScrapes * config_.evidence.scrape);
}

Result<Evidence> PrometheusSource::evidence(Time at) {
  at = std::chrono::floor<milliseconds>(at);
  fetched_ = 0;
  // Loss first: a scrape that is stored between the two queries then shows as an RTT of which
  // nothing else is known yet, and not as a reply without RTT.
  auto asked = ask(at, [&](std::size_t server) {
    const Duration range = at - fetch_from(server, at);
    const auto labels = window_.labels();
    return std::vector<Query>{{range_selector(config_.evidence.loss, range), labels},
                              {range_selector(config_.evidence.rtt, range), labels}};
  });
  if (!asked) {
    last_server_.reset();
    window_.clear();
    return tl::unexpected(asked.error());
  }
  const Time from = fetch_from(asked->server, at);
  if (last_server_ != asked->server || at < last_at_) window_.clear();
  window_.merge(asked->replies[0], asked->replies[1], from, at);
  auto out = window_.evidence(at);
  out.server = servers_[asked->server].shown;
  for (const auto& reply : asked->replies) {
    fetched_ += reply.points;
    for (const auto& warning : reply.warnings) {
      out.partial = true;
      auto line = fmt::format("{} warned: {}", servers_[asked->server].name, warning);
      // Both queries usually hear the same.
      if (std::ranges::find(out.faults, line) == out.faults.end()) {
        out.faults.push_back(std::move(line));
      }
    }
  }
  last_at_ = at;
  last_server_ = asked->server;
  // What was missing in a partial answer would stay missing.
  if (out.partial) last_server_.reset();
  return out;
}

Result<FleetView> PrometheusSource::fleet(Time at) {
  at = std::chrono::floor<milliseconds>(at);
  const Query query{range_selector(prometheus::fleet_selector(config_.fleet.announcements),
                                   config_.fleet.max_age),
                    prometheus::fleet_labels()};
  auto asked = ask(at, [&](std::size_t) { return std::vector<Query>{query}; });
  if (!asked) return tl::unexpected(asked.error());
  return prometheus::read_fleet(asked->replies.front(), config_, at);
}

}  // namespace anycast
