#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "controller/app/trace.hpp"
#include "controller/model/config.hpp"

namespace anycast {

struct Recorded {
  std::size_t series = 0;
  std::size_t samples = 0;
  std::vector<std::string> faults = {};  ///< what the source told, each once, in its first words
};

/// What happens between two tries of a page, and after each page: the time it reached.
struct RecordHooks {
  std::function<void(Duration)> wait;
  std::function<void(Time)> progress;
};

/// Reads the evidence in (head.from, head.to] in pages of half a window, on times that are aligned
/// to each other, and writes it as a trace. A page is tried three times, each within the deadlines
/// of the source; an error then ends it.
Result<Recorded> record(EvidenceSource& source, const Config& config, TraceHead head,
                        std::ostream& out, const RecordHooks& hooks);

}  // namespace anycast
