#include "adapters/frr/objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "controller/base/net.hpp"
#include "controller/base/text.hpp"
#include "controller/render/frr_text.hpp"

namespace anycast::frr {
namespace {

using Words = std::vector<std::string>;

// Names that FRR prints for communities (bgpd/bgp_community.c), in place of the numbers.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kKnown{
    {{"graceful-shutdown", "65535:0"},
     {"accept-own", "65535:1"},
     {"llgr-stale", "65535:6"},
     {"no-llgr", "65535:7"},
     {"blackhole", "65535:666"},
     {"no-export", "65535:65281"},
     {"no-advertise", "65535:65282"},
     {"local-AS", "65535:65283"}}};

Words words_of(std::string_view text) {
  Words words;
  for (auto& word : split(text, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

std::string joined(const Words& words, std::size_t from) {
  if (from >= words.size()) return {};
  return join({words.begin() + static_cast<std::ptrdiff_t>(from), words.end()}, " ");
}

/// The line of an entry with its communities as sorted numbers.
std::string normal(Words words) {
  const bool communities = words.size() > 2 && words[0] == "set" &&
                           (words[1] == "community" || words[1] == "large-community");
  if (communities) {
    for (auto& word : words) {
      const auto known = std::ranges::find(kKnown, word, [](const auto& k) { return k.first; });
      if (known != kKnown.end()) word = known->second;
    }
    std::sort(words.begin() + 2, words.end() - (words.back() == "additive" ? 1 : 0));
  }
  return joined(words, 0);
}

class Reader {
 public:
  Running run(std::string_view text) {
    for (const auto& line : split(text, '\n')) {
      const auto words = words_of(printable(line));
      if (words.empty() || words[0].starts_with('!')) continue;
      line.front() == ' ' ? inside(words) : begin(words);
    }
    return std::move(out_);
  }

 private:
  void begin(const Words& words) {
    entry_ = nullptr;
    if (words[0] == "exit-address-family") return;
    bgp_ = false;
    unicast_ = false;
    const auto at = [&](std::size_t i) { return i < words.size() ? words[i] : std::string{}; };
    if (words[0] == "route-map" && words.size() >= 4) {
      int sequence = 0;
      const auto& text = words[3];
      std::from_chars(text.data(), text.data() + text.size(), sequence);
      if (!render::is_frr_name(words[1])) return;
      entry_ = &out_.objects.maps[words[1]][sequence];
      entry_->permit = words[2] == "permit";
    } else if ((words[0] == "ip" || words[0] == "ipv6") && at(1) == "prefix-list" &&
               render::is_frr_name(at(2))) {
      out_.objects.lists[joined({words[0], words[1], words[2]}, 0)].insert(joined(words, 3));
    } else if (words[0] == "bgp" && at(1) == "as-path" && at(2) == "access-list" &&
               render::is_frr_name(at(3))) {
      out_.objects.lists["bgp as-path access-list " + at(3)].insert(joined(words, 4));
    } else if (words[0] == "router" && at(1) == "bgp") {
      // Another instance is not ours to look at.
      bgp_ = at(3) != "vrf" && at(3) != "view";
      if (bgp_) out_.instance = joined(words, 0);
    }
  }

  void inside(const Words& words) {
    if (words[0] == "call" && words.size() > 1 && render::is_frr_name(words[1])) {
      out_.attached.insert(words[1]);
    }
    if (entry_ != nullptr) entry_->lines.insert(normal(words));
    if (!bgp_) return;
    if (words[0] == "address-family") {
      unicast_ = words.size() > 2 && words[2] == "unicast";
    } else if (words[0] == "exit-address-family") {
      unicast_ = false;
    } else if (words[0] == "network" && words.size() > 1 && unicast_) {
      out_.objects.networks[words[1]] = joined(words, 2);
    } else if (words[0] == "neighbor" && words.size() > 3 && words[2] == "route-map" &&
               render::is_frr_name(words[3])) {
      out_.attached.insert(words[3]);
    }
  }

  Running out_ = {};
  Entry* entry_ = nullptr;
  bool bgp_ = false;
  bool unicast_ = false;
};

bool is_marker(std::string_view map) { return map == render::kFrrRevisionMap; }

std::string head(const std::string& name, std::string_view action, int sequence) {
  return fmt::format("route-map {} {} {}", name, action, sequence);
}
std::string_view action(bool permit) { return permit ? "permit" : "deny"; }

/// What at most one line of an entry can say; FRR replaces it, and `no` takes it away.
std::string slot_of(const std::string& line) {
  for (const auto* slot : {"set as-path prepend", "set community", "set large-community",
                           "match ip address prefix-list", "match ipv6 address prefix-list",
                           "match as-path", "set local-preference", "description", "call"}) {
    if (line.starts_with(std::string{slot} + " ")) return slot;
  }
  return line;
}
/// The same of a line in a list: its sequence number.
std::string seq_of(const std::string& line) {
  const auto words = words_of(line);
  return words.size() > 1 && words[0] == "seq" ? words[1] : line;
}

/// Lines of `to` that `from` lacks, then what only `from` has, with `no`.
void edit(const std::set<std::string>& from, const std::set<std::string>& to, Words& out) {
  std::set<std::string> slots;
  for (const auto& line : to) {
    slots.insert(slot_of(line));
    if (!from.contains(line)) out.push_back(line);
  }
  for (const auto& line : from) {
    if (!to.contains(line) && !slots.contains(slot_of(line))) out.push_back("no " + slot_of(line));
  }
}

void change_entry(const std::string& name, int sequence, const Entry* from, const Entry& to,
                  Words& out) {
  if (from != nullptr && *from == to) return;
  const bool permitted = from != nullptr && from->permit && to.permit;
  out.push_back(head(name, action(permitted), sequence));
  edit(from != nullptr ? from->lines : std::set<std::string>{}, to.lines, out);
  if (to.permit && !permitted) out.push_back(head(name, action(true), sequence));
  out.emplace_back("exit");
}

void change_lists(const Objects& from, const Objects& to, Delta& out,
                  std::set<std::string>& lists) {
  static const std::set<std::string> kNothing;
  for (const auto& [list, lines] : to.lists) {
    const auto found = from.lists.find(list);
    const auto& before = found == from.lists.end() ? kNothing : found->second;
    std::set<std::string> numbers;
    for (const auto& line : lines) {
      numbers.insert(seq_of(line));
      if (!before.contains(line)) out.filters.push_back(list + " " + line);
    }
    for (const auto& line : before) {
      if (!lines.contains(line) && !numbers.contains(seq_of(line))) {
        out.removals.push_back("no " + list + " " + line);
      }
    }
    if (before != lines) lists.insert(words_of(list).back());
  }
}

void change_maps(const Objects& from, const Objects& to, Delta& out) {
  for (const auto& [name, entries] : to.maps) {
    const auto found = from.maps.find(name);
    const auto before = found == from.maps.end() ? std::map<int, Entry>{} : found->second;
    auto& commands = is_marker(name) ? out.revision : out.filters;
    for (const auto& [sequence, entry] : entries) {
      const auto old = before.find(sequence);
      change_entry(name, sequence, old == before.end() ? nullptr : &old->second, entry, commands);
    }
    for (const auto& [sequence, entry] : before) {
      if (entries.contains(sequence)) continue;
      out.removals.push_back("no " + head(name, action(entry.permit), sequence));
    }
    if (before != entries && !is_marker(name)) out.changed_maps.insert(name);
  }
}

/// A marker that stays while something else changes would vouch for it before the neighbours know.
void renew_marker(const Objects& from, const Objects& to, Delta& out) {
  const std::string marker{render::kFrrRevisionMap};
  const auto after = to.maps.find(marker);
  if (after == to.maps.end() || !from.maps.contains(marker)) return;
  if (out.empty() || !out.revision.empty()) return;
  out.filters.insert(out.filters.begin(), "no route-map " + marker);
  for (const auto& [sequence, entry] : after->second) {
    change_entry(marker, sequence, nullptr, entry, out.revision);
  }
}

/// `router bgp`, the lines of each family, `exit`; nothing without lines.
Words in_families(const std::string& instance, const Words& v4, const Words& v6) {
  Words out;
  if (v4.empty() && v6.empty()) return out;
  out.push_back(instance);
  for (const auto& [family, lines] : {std::pair{"ipv4", &v4}, std::pair{"ipv6", &v6}}) {
    if (lines->empty()) continue;
    out.push_back(fmt::format("address-family {} unicast", family));
    out.insert(out.end(), lines->begin(), lines->end());
    out.emplace_back("exit-address-family");
  }
  out.emplace_back("exit");
  return out;
}

bool is_v4(const std::string& prefix) { return prefix.find(':') == std::string::npos; }

}  // namespace

Running read_running(std::string_view text) { return Reader{}.run(text); }

std::string text_of(const Objects& objects) {
  std::string out;
  for (const auto& [list, lines] : objects.lists) {
    for (const auto& line : lines) out += fmt::format("{} {}\n", list, line);
  }
  for (const auto& [name, entries] : objects.maps) {
    for (const auto& [sequence, entry] : entries) {
      out += head(name, action(entry.permit), sequence) + "\n";
      for (const auto& line : entry.lines) out += fmt::format(" {}\n", line);
      out += "exit\n";
    }
  }
  Words v4;
  Words v6;
  for (const auto& [prefix, rest] : objects.networks) {
    (is_v4(prefix) ? v4 : v6).push_back(fmt::format(" network {} {}", prefix, rest));
  }
  for (const auto& line : in_families("router bgp", v4, v6)) {
    out += (line.starts_with("address-family") ? " " : "") + line + "\n";
  }
  return out;
}

Objects only(Objects objects, const std::map<std::string, std::string>& networks) {
  std::erase_if(objects.networks, [&](const auto& n) { return !networks.contains(n.first); });
  return objects;
}

std::uint32_t marker_of(const Objects& objects) {
  static constexpr std::string_view kWords = "description anycastd revision ";
  const auto map = objects.maps.find(std::string{render::kFrrRevisionMap});
  if (map == objects.maps.end() || map->second.size() != 1) return 0;
  for (const auto& line : map->second.begin()->second.lines) {
    std::uint32_t value = 0;
    const auto* end = line.data() + line.size();
    if (!line.starts_with(kWords)) continue;
    const auto [at, code] = std::from_chars(line.data() + kWords.size(), end, value);
    if (code == std::errc{} && at == end) return value;
  }
  return 0;
}

bool Delta::empty() const {
  return filters.empty() && origins.empty() && removals.empty() && revision.empty();
}

Delta delta(const Objects& from, const Objects& to, const std::string& instance) {
  Delta out;
  std::set<std::string> lists;
  change_lists(from, to, out, lists);
  change_maps(from, to, out);
  for (const auto& [name, entries] : to.maps) {
    for (const auto& [sequence, entry] : entries) {
      const bool touched = std::ranges::any_of(entry.lines, [&](const auto& line) {
        return line.starts_with("match ") && lists.contains(words_of(line).back());
      });
      if (touched) out.changed_maps.insert(name);
    }
  }
  for (const auto& [name, entries] : from.maps) {
    if (!to.maps.contains(name)) out.removals.push_back("no route-map " + name);
  }
  for (const auto& [list, lines] : from.lists) {
    if (!to.lists.contains(list)) out.removals.push_back("no " + list);
  }
  Words added[2];
  Words gone[2];
  for (const auto& [prefix, rest] : to.networks) {
    const auto found = from.networks.find(prefix);
    if (found != from.networks.end() && found->second == rest) continue;
    added[is_v4(prefix) ? 0 : 1].push_back(
        std::string{trim(fmt::format("network {} {}", prefix, rest))});
  }
  for (const auto& [prefix, rest] : from.networks) {
    if (to.networks.contains(prefix)) continue;
    gone[is_v4(prefix) ? 0 : 1].push_back("no network " + prefix);
  }
  out.origins = in_families(instance, added[0], added[1]);
  const auto last = in_families(instance, gone[0], gone[1]);
  out.removals.insert(out.removals.begin(), last.begin(), last.end());
  renew_marker(from, to, out);
  return out;
}

std::vector<std::string> without_networks(const Objects& objects, const std::string& instance) {
  Words v4;
  Words v6;
  for (const auto& [prefix, rest] : objects.networks) {
    (is_v4(prefix) ? v4 : v6).push_back("no network " + prefix);
  }
  return in_families(instance, v4, v6);
}

}  // namespace anycast::frr
