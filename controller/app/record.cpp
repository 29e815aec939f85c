#include "controller/app/record.hpp"

#include <algorithm>
#include <utility>

namespace anycast {
namespace {

constexpr int kTries = 3;
constexpr Duration kBetweenTries = seconds{1};
constexpr std::size_t kMostFaults = 20;

Result<Evidence> read_page(EvidenceSource& source, Time at, const RecordHooks& hooks) {
  for (int tries = 1;; ++tries) {
    auto evidence = source.evidence(at);
    if (evidence || tries == kTries) return evidence;
    hooks.wait(kBetweenTries);
  }
}

}  // namespace

Result<Recorded> record(EvidenceSource& source, const Config& config, TraceHead head,
                        std::ostream& out, const RecordHooks& hooks) {
  // Half a window: the source then still holds the older half, which counters need.
  const auto span = config.evidence.longest() / 2;
  auto at = std::min(head.from + span, head.to);
  auto first = read_page(source, at, hooks);
  if (!first) return tl::unexpected(first.error());
  head.server = first->server;
  TraceWriter writer{out, head};
  Recorded done;
  for (auto evidence = std::move(first);; evidence = read_page(source, at, hooks)) {
    if (!evidence) return tl::unexpected(evidence.error());
    writer.page(*evidence);
    for (const auto& fault : evidence->faults) {
      const bool known = std::ranges::find(done.faults, fault) != done.faults.end();
      if (!known && done.faults.size() < kMostFaults) done.faults.push_back(fault);
    }
    hooks.progress(at);
    if (at == head.to) break;
    at = std::min(at + span, head.to);
  }
  if (auto ended = writer.end(); !ended) return tl::unexpected(ended.error());
  done.series = writer.series();
  done.samples = writer.samples();
  return done;
}

}  // namespace anycast
