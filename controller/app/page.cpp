#include "controller/app/page.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/markup.hpp"

namespace anycast::page {
namespace {

using text::at;
using text::items;
using text::Json;
using text::str;

constexpr std::string_view kHole = "{{picture}}";
constexpr std::string_view kLive = R"(<div id="page" hidden>)";
constexpr std::string_view kReplay = R"(<div id="page" data-replay="" hidden>)";

std::string element(std::string_view tag, std::string_view text) {
  return fmt::format("<{0}>{1}</{0}>", tag, markup_text(text));
}

std::string cell(const Json& status, const std::string& node, const std::string& carrier) {
  for (const auto& one : items(at(status, "cells"))) {
    if (str(at(one, "node")) != node || str(at(one, "carrier")) != carrier) continue;
    auto words = text::verdict(at(one, "state")).text;
    if (!at(one, "rtt_seconds").is_null()) words += " RTT " + text::ms(at(one, "rtt_seconds"));
    if (!at(one, "loss_ratio").is_null()) words += " loss " + text::share(at(one, "loss_ratio"));
    if (!at(one, "jitter_seconds").is_null())
      words += " jitter " + text::ms(at(one, "jitter_seconds"));
    return element("td", words);
  }
  return element("td", "-");
}

std::string matrix(const Json& status) {
  std::string out = "<table>\n<tr><th>node</th>";
  for (const auto& carrier : items(at(status, "carriers"))) out += element("th", str(carrier));
  out += "</tr>\n";
  for (const auto& node : items(at(status, "nodes"))) {
    const auto name = str(at(node, "name"));
    out += "<tr>" + element("th", name);
    for (const auto& carrier : items(at(status, "carriers")))
      out += cell(status, name, str(carrier));
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

}  // namespace

std::string index(const Json& status) {
  std::string picture = element("p", "no cycle has finished yet; load this again in a moment");
  if (!status.is_null()) {
    picture = matrix(status) +
              element("pre", text::print(status, {.format = text::Format::wide, .utc = true}));
  }
  std::string out{files().at("/").text};
  return out.replace(out.find(kHole), kHole.size(), picture);
}

std::string replay_index(const Json& status) {
  auto out = index(status);
  return out.replace(out.find(kLive), kLive.size(), kReplay);
}

}  // namespace anycast::page
