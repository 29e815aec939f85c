#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controller/app/published.hpp"
#include "controller/base/error.hpp"
#include "controller/model/order.hpp"
#include "controller/ports/ports.hpp"

/// The values that every reader gets: the CLI, the page, scripts. One object each, "api":
/// "anycastd/v1" first, changed only by addition. Seconds and ratios, times in RFC 3339 (UTC), null
/// for "does not apply" and "not known".
namespace anycast::report {

using Json = nlohmann::ordered_json;

Json status(const Published& p);

/// The chain from evidence to announcement for one carrier or upstream of one node. An empty `node`
/// is this one, an empty `about` the worst carrier there. An error names what does exist.
Result<Json> explain(const Published& p, const std::string& node, const std::string& about);

/// The same for the upstream of a step that this cycle has taken, as text, to be kept: what was
/// known then.
std::string decided(const Published& p, const std::string& upstream);
/// What was kept of a decision, with what the history has about it since, oldest first.
Result<Json> decision(std::uint64_t number, const std::string& kept,
                      const std::vector<HistoryEntry>& entries);

/// The wanted steps with their guards and the difference of the fragment.
Json plan(const Published& p);

/// One record per probe and target, with sample counts and ages.
Json probes(const Published& p);

/// Newest first, as the store gives them.
Json history(const std::vector<HistoryEntry>& entries);

/// The configuration in force as complete YAML text, with its digest.
Json config(const Published& p);

Json order_reply(const OrderReply& reply);
Json error(const Error& error);

/// Text of a value; bytes that are not UTF-8 (a router's or server's words) become U+FFFD.
std::string dump(const Json& value);

}  // namespace anycast::report
