#include "controller/app/text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/app/text_parts.hpp"
#include "controller/base/text.hpp"

namespace anycast::text {
namespace {

std::string dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Block style; scalars and keys are JSON strings, which YAML reads as they are (YAML 1.2, 1.3).
void yaml(std::string& out, const Json& value, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  const auto member = [&](const std::string& lead, const Json& inner) {
    out += margin + lead;
    if (inner.is_structured() && !inner.empty()) {
      out += "\n";
      yaml(out, inner, indent + 2);
    } else {
      out += " " + dump(inner, -1) + "\n";
    }
  };
  if (value.is_array()) {
    for (const auto& inner : value) member("-", inner);
    return;
  }
  for (const auto& [key, inner] : value.items()) member(dump(Json(key), -1) + ":", inner);
}

std::string print_error(const Json& r, const Look& look) {
  const auto place = str(at(r, "place"));
  std::string out;
  // Faults of a configuration come with its lines and a caret below them: these are no prose.
  const auto& text = at(r, "text");
  if (const auto lines = split(text.is_string() ? text.get<std::string>() : "", '\n');
      lines.size() > 1) {
    for (const auto& line : lines) out += printable(line) + "\n";
  } else {
    out = fold("", (place.empty() ? "" : place + ": ") + str(text), look.width);
  }
  for (const auto& note : strings(at(r, "notes"))) out += fold("  ", note, look.width);
  return out;
}

std::string print_reply(const Json& r, const Look& look) {
  const auto decision = str(at(r, "decision"));
  const auto lead = str(at(r, "outcome")) + ": ";
  auto words = str(at(r, "text"));
  if (!words.starts_with(lead)) words = lead + words;
  return fold(decision.empty() ? "" : "#" + decision + " ", words, look.width);
}

std::string table(const Json& r, const Look& look) {
  const auto kind = str(at(r, "kind"));
  if (kind == "Status") return print_status(r, look);
  if (kind == "Blackholes") return print_blackholes(r, look);
  if (kind == "Explain") return print_explain(r, look);
  if (kind == "Plan") return print_plan(r, look);
  if (kind == "Probes") return print_probes(r, look);
  if (kind == "History") return print_history(r, look);
  if (kind == "Survey") return print_survey(r, look);
  if (kind == "OrderReply") return print_reply(r, look);
  if (kind == "Error") return print_error(r, look);
  if (kind == "Config" && at(r, "yaml").is_string()) return at(r, "yaml").get<std::string>();
  return dump(r, 2) + "\n";
}

}  // namespace

std::optional<Format> parse_format(std::string_view word) {
  if (word == "table") return Format::table;
  if (word == "wide") return Format::wide;
  if (word == "json") return Format::json;
  if (word == "yaml") return Format::yaml;
  if (word == "plain") return Format::plain;
  return std::nullopt;
}

Look widened(Look look) {
  constexpr int kEndless = 100'000;
  if (look.format == Format::wide) look.width = kEndless;
  return look;
}

std::string print(const Json& report, const Look& look) {
  switch (look.format) {
    case Format::json: return dump(report, 2) + "\n";
    case Format::plain: return plain(report, look);
    case Format::yaml: {
      std::string out;
      yaml(out, report, 0);
      return out;
    }
    case Format::table:
    case Format::wide: break;
  }
  return table(report, widened(look));
}

}  // namespace anycast::text
