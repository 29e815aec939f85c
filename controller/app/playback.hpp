#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/api.hpp"

namespace anycast {

/// The API and the status page over a run that has ended, at any moment of it. What the daemon
/// answers as GET is answered here, as it was at the moment that `at` names (RFC 3339, UTC; the
/// newest kept before it; without it the last), by the same functions. Nothing is written, and no
/// event is waited for.
///
/// GET /v1/replay: the moments that are kept, in seconds from the first, and what was done
class Playback {
 public:
  struct Run {
    std::string about;                                      ///< a sentence
    std::vector<std::shared_ptr<const Published>> moments;  ///< by time; one at least
    std::function<Result<std::vector<HistoryEntry>>(const HistoryQuery&)> history;
    std::function<Result<std::optional<std::string>>(std::uint64_t)> explanation;
    std::function<Result<PlotHistory>(Time from, Time until)> plots;
  };

  explicit Playback(Run run);
  Playback(const Playback&) = delete;
  Playback& operator=(const Playback&) = delete;
  /// Refers to this object, which must outlive it.
  HttpHandler handler();
  HttpResponse handle(const HttpRequest& request);

 private:
  const std::shared_ptr<const Published>& picture() const { return run_.moments[moment_]; }
  Time end() const;
  HttpResponse timeline();
  Result<std::vector<HistoryEntry>> history(HistoryQuery query) const;
  Result<std::optional<std::string>> explanation(std::uint64_t decision) const;
  Result<PlotHistory> plots(Time from, Time until) const;
  void turn_to(std::optional<Time> at);

  Run run_;
  std::size_t moment_;  ///< that is asked about
  Api api_;
};

}  // namespace anycast
