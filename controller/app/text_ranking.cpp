#include "controller/app/text_ranking.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace anycast::text {
namespace {

constexpr std::size_t kShown = 8;

}  // namespace

std::vector<std::string> ranking(const Json& r, const Json& choice, const Look& look) {
  const auto carrier = str(at(choice, "carrier"));
  std::vector<std::string> out;
  const auto node = str(at(r, "about", "node"));
  std::size_t index = 0;
  for (const auto& one : items(at(choice, "ranked"))) {
    const auto role = str(at(one, "role"));
    const bool chosen = role == "primary" || role == "secondary";
    if (index++ >= kShown && !chosen && str(at(one, "node")) != node) continue;
    auto line = fmt::format("{} {} over {} {}", carrier, role, str(at(one, "node")),
                            str(at(one, "upstream")));
    const auto& score = at(one, "score");
    if (!score.is_null()) {
      line += fmt::format(": score {} ({} to {})", ms(at(score, "value_seconds")),
                          ms(at(score, "low_seconds")), ms(at(score, "high_seconds")));
    }
    if (number(at(one, "extra_seconds")).value_or(0) > 0)
      line += fmt::format(", {} of it cost and load", ms(at(one, "extra_seconds")));
    const auto handicap = count(at(one, "handicap"));
    line += handicap == 100 ? ", not announced"
            : handicap == 0 ? ", announced plainly"
                            : fmt::format(", handicap {}", handicap);
    if (!at(one, "worse_since").is_null())
      line += ", surely worse since " + clock(r, at(one, "worse_since"), look);
    out.push_back(line);
  }
  const auto why = str(at(choice, "why"));
  if (!why.empty()) out.push_back(carrier + ": " + why);
  if (!at(choice, "earliest").is_null()) {
    out.push_back(fmt::format("{}: moves at {} if that lasts", carrier,
                              clock(r, at(choice, "earliest"), look)));
  }
  return out;
}

}  // namespace anycast::text
