#include <string_view>

#include "adapters/bird/readout.hpp"
#include "controller/base/text.hpp"

namespace anycast::bird {

Result<std::optional<Duration>> read_roa_age(const Reply& reply) {
  if (reply.code() == 8003) return std::nullopt;
  if (reply.code() != 0) return tl::unexpected(unexpected("show protocols all", reply));
  constexpr std::string_view kLabel = "Last update:";
  for (const auto& line : reply.lines) {
    auto text = trim(line.text);
    if (line.code != 1006 || !text.starts_with(kLabel)) continue;
    // "before 1.079 s", or "---" while nothing has come.
    text = trim(text.substr(kLabel.size()));
    if (text == "---") return std::nullopt;
    if (text.starts_with("before ")) text = trim(text.substr(7));
    if (text.ends_with(" s")) text = trim(text.substr(0, text.size() - 2));
    const auto age = parse_duration(std::string{text} + "s");
    if (!age) return tl::unexpected(unexpected("show protocols all", reply));
    return age;
  }
  return std::nullopt;
}

Result<bool> read_truth(const Reply& reply) {
  const auto text = reply.code() == 23 ? reply.text(23) : std::nullopt;
  if (text && trim(*text) == "TRUE") return true;
  if (text && trim(*text) == "FALSE") return false;
  return tl::unexpected(unexpected("eval roa_check", reply));
}

Result<std::vector<Roa>> read_roas(const Reply& reply) {
  std::vector<Roa> out;
  if (reply.code() != 0) return tl::unexpected(unexpected("show route table", reply));
  for (const auto& line : reply.lines) {
    const auto text = trim(line.text);
    if (line.code != 1007 || text.empty() || text.starts_with("Table ")) continue;
    // "203.0.113.0/24-24 AS64500  [rtr1 03:56:19.910] * (100)"
    const auto end = text.find(' ', text.find(" AS") + 1);
    const auto roa = parse_roa(text.substr(0, end));
    // Without a prefix in front it is the same ROA by another protocol.
    if (!roa && text.starts_with('[')) continue;
    if (!roa) return tl::unexpected(unexpected("show route table", reply));
    out.push_back(*roa);
  }
  return out;
}

}  // namespace anycast::bird
