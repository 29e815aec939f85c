#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/app/api.hpp"
#include "controller/app/report.hpp"
#include "tests/unit/app/published_builder.hpp"

namespace anycast::testing {

/// An Api over a published value, with orders kept and answered as the test says.
struct ApiFixture {
  std::shared_ptr<const Published> published = std::make_shared<Published>(evening());
  Time now = noon() + seconds{3};
  std::vector<Order> orders = {};
  std::map<std::uint64_t, OrderReply> replies = {};
  HistoryQuery asked = {};
  Duration plot_span = kPlotSpan;
  Result<std::string> reloaded = std::string{"took configuration 7c1f0a2"};
  Api api{{.published = [this] { return published; },
           .post =
               [this](Order order) {
                 orders.push_back(std::move(order));
                 return std::uint64_t{orders.size()};
               },
           .reply = [this](std::uint64_t ticket) -> std::optional<OrderReply> {
             const auto found = replies.find(ticket);
             if (found == replies.end()) return std::nullopt;
             return found->second;
           },
           .history = [this](const HistoryQuery& query) -> Result<std::vector<HistoryEntry>> {
             asked = query;
             return std::vector<HistoryEntry>{
                 {.row = 7,
                  .at = noon(),
                  .event = {.kind = "step", .priority = 5, .text = "prepended 2 on cmi"}}};
           },
           .explanation = [this](std::uint64_t number) -> Result<std::optional<std::string>> {
             if (number != 7) return std::nullopt;
             return report::decided(*published, "cmi");
           },
           .plots = [this](Time from, Time until) -> Result<PlotHistory> {
             return PlotHistory{.from = from, .until = until, .span = plot_span};
           },
           .reload = [this] { return reloaded; },
           .now = [this] { return now; }}};

  HttpResponse get(const std::string& path, std::map<std::string, std::string> query = {}) {
    return api.handle({.method = "GET", .path = path, .query = std::move(query)});
  }
  HttpResponse post(const std::string& path, const std::string& body) {
    return api.handle({.method = "POST",
                       .path = path,
                       .body = body,
                       .local = true,
                       .may_write = true,
                       .uid = 1004,
                       .user = "lin"});
  }
};

}  // namespace anycast::testing
