#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/text_table.hpp"
#include "controller/base/time.hpp"

/// What the printers of the single reports share. Every reader of JSON here takes what is missing
/// or of another type as null, and every foreign text comes out printable.
namespace anycast::text {

/// The member, or a null value.
const Json& at(const Json& object, const char* key);
const Json& at(const Json& object, const char* key, const char* inner);
/// Members of an array; empty for anything else.
const std::vector<Json>& items(const Json& array);
/// Text of a string or number, empty for null.
std::string str(const Json& value);
std::vector<std::string> strings(const Json& array);
std::optional<double> number(const Json& value);
std::int64_t count(const Json& value);
bool truth(const Json& value);
std::optional<Time> time(const Json& value);

/// "231ms", "6.8%", "3m 14s" from base units; "-" for null.
std::string ms(const Json& seconds);
std::string share(const Json& ratio);
std::string age(const Json& seconds);
/// Time between `since` and the report's own time.
std::string ago(const Json& report, const Json& since);
/// "20:17:06", with the date where it is another day than the report's.
std::string clock(const Json& report, const Json& t, const Look& look);
/// "+08:00" or "UTC".
std::string zone(const Json& t, const Look& look);

/// "prepended 2", "withdrawn" from {state, prepend}; "prepend 2", "withdraw" as an order.
std::string state_of(const Json& stance);
std::string action_of(const Json& stance);

/// BAD is the only word in capitals; grep finds it.
Cell verdict(const Json& state);
/// The report's notices, worst first, each behind a '!' (or '-' for information).
std::string notices(const Json& report, const Look& look);
/// "label        text", folded with the text's own margin.
std::string labelled(const std::string& label, const std::string& text, int margin,
                     const Look& look);

/// A unified difference in colours, each line clipped to the width; empty for null.
std::string diff_text(const Json& text, const Look& look);

std::string print_status(const Json& report, const Look& look);
/// A line for each host that an upstream is to drop; empty without any.
std::string blackhole_lines(const Json& report, const Look& look);
/// A line for each carrier whose egress has an order; empty without any.
std::string egress_lines(const Json& report, const Look& look);
/// What the shadow would have done; empty without one.
std::string shadow_lines(const Json& report, const Look& look);
std::string print_blackholes(const Json& report, const Look& look);
std::string print_explain(const Json& report, const Look& look);
std::string print_plan(const Json& report, const Look& look);
std::string print_survey(const Json& report, const Look& look);
std::string print_probes(const Json& report, const Look& look);
std::string print_history(const Json& report, const Look& look);

/// Records for -o plain: fields are tab-separated, tabs and line ends inside become spaces.
std::string record(const std::vector<std::string>& fields);
std::string plain(const Json& report, const Look& look);

}  // namespace anycast::text
