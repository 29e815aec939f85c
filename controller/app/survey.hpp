#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controller/app/text.hpp"
#include "controller/model/effect.hpp"

/// What an upstream's action communities do to users, found by asking for them and looking: the
/// findings of `anycastctl survey` and their words. Who answers at the anycast address is seen by
/// the round-trip time of its pings only, so that nodes equally far away look like one.
namespace anycast::survey {

using Json = text::Json;
using Felt = std::map<std::string, Users>;  ///< by carrier

/// Of a status report. What is missing or of another type there is left out.
Felt felt(const Json& status);

enum class Moved { no, yes, unknown };

/// Whether a carrier's users are answered from elsewhere: the intervals of the two medians do not
/// meet, and the medians are as far apart as the wider of them, and 2 ms or more. Queues that come
/// and go while a survey lasts shift a median, but widen its interval as well.
Moved moved(const Felt& before, const Felt& after, const std::string& carrier);

/// A carrier that loses a tenth of its pings more than before, or is not measured any more; or
/// empty.
std::string worse(const Felt& before, const Felt& now);

/// One step: `asked` is "CARRIER=VERB[:N]". Says verdict "works" (its carrier's users moved and
/// nobody else's), "none", "others" (more users moved than those who were meant) or "unknown".
Json step(const std::string& asked, const Felt& before, const Felt& with);

/// The carrier that a step means: what stands before '='.
std::string carrier_of(const std::string& asked);

/// The whole: `with` of each step as `step` made it, then what users feel when nothing is asked for
/// any more.
struct Found {
  std::string node;
  std::string upstream;
  std::vector<std::string> prefixes = {};
  std::vector<Json> steps = {};
  Felt before = {};
  Felt after = {};           ///< empty where that was not waited for
  std::string stopped = {};  ///< why before the last step, or empty
};
Json report(const Found& found);

/// Every step works.
bool proven(const Json& report);

}  // namespace anycast::survey
