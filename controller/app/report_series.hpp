#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controller/app/published.hpp"
#include "controller/model/plot.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::report {

/// What plots show, made to be small: a line has its points as [number of the span, sent, lost,
/// p10, median, p90, jitter] with delays in units of 0.1 ms; a span without samples is left out.
nlohmann::ordered_json series(const Published& p, const PlotHistory& history,
                              const std::vector<HistoryEntry>& marks);

/// What a run that has ended offers: its moments in seconds from the first (there is one), and the
/// marks as in `series`.
nlohmann::ordered_json timeline(const std::string& about,
                                const std::vector<std::shared_ptr<const Published>>& moments,
                                const std::vector<HistoryEntry>& marks);

/// Kinds of events that are marked in plots: what changed an announcement, and who or what stopped
/// changes.
const std::vector<std::string>& marked_kinds();

}  // namespace anycast::report
