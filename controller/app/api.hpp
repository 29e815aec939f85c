#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "controller/app/published.hpp"
#include "controller/base/error.hpp"
#include "controller/model/order.hpp"
#include "controller/model/plot.hpp"
#include "controller/ports/http.hpp"
#include "controller/ports/ports.hpp"

namespace anycast {

/// The HTTP API "anycastd/v1" on the control socket (read and write) and the page's port (read
/// only). Everything it answers is a function of the last published cycle; it never waits for the
/// next one. Lives on the serve thread.
///
/// GET  /v1/status, /v1/explain?node=&carrier=&upstream=, /v1/plan, /v1/probes, /v1/config
/// GET  /v1/explain?decision=N: what was known when it was taken, and what followed
/// GET  /v1/history?since=&until=&upstream=&carrier=&kind=&after=&n=
/// GET  /: the status page, with its files /page.css, /page.js, /words.js, /page.svg
/// Reports take format=text and width=: what anycastctl prints, times in UTC.
/// GET  /v1/series?hours=: what plots show, of every cell, with thresholds and marks of actions
/// GET  /v1/events: server-sent events, "status" with the picture of each cycle (id: its number)
/// GET  /metrics, /healthz (cycles advance), /readyz (evidence fresh, router answers)
/// POST /v1/orders -> 202 {"ticket": N};  GET /v1/orders/N -> 200 reply, 202 not decided yet
/// POST /v1/reload -> 200 {"text": ...}, 422 where the new file was refused
///
/// Errors are {"kind": "Error", "text", "remedy", "place", "notes"}: 400 request, 403 not a writer,
/// 404 no such thing, 405 wrong method, 503 before the first cycle.
class Api {
 public:
  struct Wiring {
    std::function<std::shared_ptr<const Published>()> published;  ///< null before the first cycle
    std::function<std::uint64_t(Order)> post;                     ///< returns the ticket
    std::function<std::optional<OrderReply>(std::uint64_t)> reply;
    std::function<Result<std::vector<HistoryEntry>>(const HistoryQuery&)> history;
    std::function<Result<std::optional<std::string>>(std::uint64_t)> explanation;
    std::function<Result<PlotHistory>(Time from, Time until)> plots;
    std::function<Result<std::string>()> reload;  ///< a sentence about what was taken
    std::function<Time()> now;
  };

  explicit Api(Wiring wiring) : wiring_(std::move(wiring)) {}
  /// Refers to this object, which must outlive it.
  HttpHandler handler();
  HttpResponse handle(const HttpRequest& request);
  /// The picture as an event of /v1/events.
  static std::string event(const Published& p);

 private:
  HttpResponse route(const HttpRequest& request);
  HttpResponse read(const HttpRequest& request);
  HttpResponse write(const HttpRequest& request);
  HttpResponse history(const HttpRequest& request);
  HttpResponse decision(const HttpRequest& request);
  HttpResponse series(const Published& p, const HttpRequest& request);
  HttpResponse order_state(const std::string& ticket);
  HttpResponse health(bool ready);
  HttpResponse metrics();
  const std::string& fleet_digest(const std::shared_ptr<const Config>& config);

  Wiring wiring_;
  Counts requests_;                                              ///< handler, code
  std::pair<std::shared_ptr<const Config>, std::string> fleet_;  ///< a configuration, its digest
};

}  // namespace anycast
