#include "adapters/keepalived/notify.hpp"

#include <iterator>
#include <sstream>
#include <vector>

#include "controller/base/text.hpp"

namespace anycast::keepalived {

std::optional<VrrpState> state_in(std::string_view line, std::string_view instance) {
  constexpr std::string_view kHead = "INSTANCE \"";
  if (!line.starts_with(kHead)) return std::nullopt;
  line.remove_prefix(kHead.size());
  const auto end = line.find('"');
  if (end == std::string_view::npos || line.substr(0, end) != instance) return std::nullopt;
  line.remove_prefix(end + 1);
  for (const auto state :
       {VrrpState::master, VrrpState::backup, VrrpState::fault, VrrpState::stop}) {
    // A priority follows; MASTER_PRIORITY is another word.
    if (line.starts_with(" " + to_string(state) + " ")) return state;
  }
  return std::nullopt;
}

std::optional<int> fifo_before_user(std::string_view config) {
  int number = 0;
  for (const auto& line : split(config, '\n')) {
    ++number;
    std::istringstream words{std::string{line.substr(0, line.find_first_of("#!"))}};
    const std::vector<std::string> all{std::istream_iterator<std::string>{words}, {}};
    if (all.empty()) continue;
    if (all.front() == "script_user") return std::nullopt;
    const bool fifo = all.front() == "vrrp_notify_fifo" || all.front() == "notify_fifo";
    if (fifo && all.size() == 2) return number;
  }
  return std::nullopt;
}

}  // namespace anycast::keepalived
