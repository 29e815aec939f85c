#include "controller/render/frr_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "controller/base/number.hpp"
#include "controller/base/text.hpp"

namespace anycast::render {
namespace {

// FRR 8.4 takes commands of up to 4,095 bytes; nothing that we render comes near.
constexpr std::size_t kMaxLine = 900;
constexpr std::uint32_t kMaxSequence = 65535;

using Words = std::vector<std::string>;

struct Line {
  std::string text;
  std::size_t indent;
  Words words;
  int number;
};

std::optional<std::uint32_t> number_in(std::string_view text, std::uint32_t most) {
  const auto value = parse_number<std::uint32_t>(text);
  return value && *value <= most && std::to_string(*value) == text ? value : std::nullopt;
}

/// "65535:0" with both halves below 65536.
bool is_community(std::string_view text) {
  const auto halves = split(text, ':');
  return halves.size() == 2 && number_in(halves[0], 0xFFFFU) && number_in(halves[1], 0xFFFFU);
}

/// "64500:1:2", each below 2^32 (RFC 8092).
bool is_large_community(std::string_view text) {
  const auto parts = split(text, ':');
  return parts.size() == 3 && std::ranges::all_of(parts, [](const auto& part) {
           return number_in(part, 0xFFFFFFFFU).has_value();
         });
}

bool starts(const Words& words, std::initializer_list<std::string_view> with) {
  return words.size() >= with.size() && std::equal(with.begin(), with.end(), words.begin());
}

class FrrReader {
 public:
  Result<FragmentText> run(std::string_view text) {
    for (const auto& line : split(text, '\n')) {
      read_line(line);
      if (failed_) return tl::unexpected(*failed_);
    }
    if (inside_ != Inside::nothing) refuse("'exit' before the end of the text");
    if (!failed_ && !own_path_) refuse(fmt::format("a definition of '{}'", kFrrOwnPath));
    if (!failed_ && !revision_) refuse(fmt::format("a route-map '{}'", kFrrRevisionMap));
    for (auto& [name, exports] : out_.filters) {
      for (const auto& route : exports) {
        const bool known = std::ranges::find(out_.routes, route.prefix) != out_.routes.end();
        if (!known) refuse(fmt::format("a 'network {}'", to_string(route.prefix)));
      }
      std::ranges::sort(exports);
    }
    for (auto& [name, preferred] : out_.imports) {
      if (last_[name] != kMaxSequence) refuse(fmt::format("'route-map {} permit 65535'", name));
      std::ranges::sort(preferred);
    }
    if (failed_) return tl::unexpected(*failed_);
    std::ranges::sort(out_.routes);
    return std::move(out_);
  }

 private:
  enum class Inside { nothing, map, import, revision, bgp, family4, family6 };

  // The first error stands.
  void refuse(std::string_view expected) {
    if (failed_) return;
    const auto what = line_.text.empty() ? "end of the text" : printable(line_.text);
    failed_ = Error{
        .remedy = Remedy::fix_text,
        .text = fmt::format("'{}' is not expected here, expected {}", clip(what, 80), expected),
        .place = {"rendered fragment", line_.number, 1}};
  }

  void read_line(const std::string& text) {
    line_ = {.text = text, .indent = 0, .words = {}, .number = line_.number + 1};
    const bool clean = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    if (!clean || text.size() > kMaxLine) {
      return refuse(fmt::format("at most {} printable characters", kMaxLine));
    }
    if (text.empty() || text.starts_with('!')) return;
    line_.indent = std::min(text.find_first_not_of(' '), text.size());
    line_.words = split(text.substr(line_.indent), ' ');
    if (std::ranges::find(line_.words, "") != line_.words.end()) return refuse("single blanks");
    switch (inside_) {
      case Inside::nothing: return top();
      case Inside::map: return map_line();
      case Inside::import: return import_line();
      case Inside::revision: return revision_line();
      case Inside::bgp: return bgp_line();
      case Inside::family4:
      case Inside::family6: return family_line();
    }
  }

  bool is(std::size_t indent, std::initializer_list<std::string_view> words) const {
    return line_.indent == indent && line_.words.size() == words.size() &&
           starts(line_.words, words);
  }

  void top() {
    const auto& w = line_.words;
    if (line_.indent != 0) return refuse("no indentation");
    if (is(0, {"bgp", "as-path", "access-list", kFrrOwnPath, "seq", "5", "permit", "^$"})) {
      if (std::exchange(own_path_, true)) refuse("it once");
    } else if (w.size() == 8 && starts(w, {"bgp", "as-path", "access-list"})) {
      carrier_path();
    } else if (w.size() == 7 && (w[0] == "ip" || w[0] == "ipv6") && w[1] == "prefix-list") {
      list();
    } else if (is(0, {"route-map", kFrrRevisionMap, "deny", "1"})) {
      if (revision_) return refuse("it once");
      inside_ = Inside::revision;
    } else if (w.size() == 4 && w[0] == "route-map") {
      entry();
    } else if (is(0, {"router", "bgp"})) {
      if (std::exchange(bgp_, true)) return refuse("it once");
      inside_ = Inside::bgp;
    } else {
      refuse("a list, a route-map or 'router bgp'");
    }
  }

  /// "bgp as-path access-list anycastd.carrier.C seq N permit _ASN_".
  void carrier_path() {
    const auto& w = line_.words;
    auto& path = paths_[w[3]];
    const auto text = w[7].size() > 2 ? w[7].substr(1, w[7].size() - 2) : std::string{};
    const auto asn = number_in(text, 0xFFFFFFFEU);
    const bool whole = w[3].starts_with(kFrrCarrierPath) && w[4] == "seq" &&
                       w[5] == std::to_string(5 * (path.size() + 1)) && w[6] == "permit" && asn &&
                       w[7] == fmt::format("_{}_", *asn);
    if (!whole) {
      return refuse(
          fmt::format("'bgp as-path access-list {}C seq 5, 10, ... permit _N_'", kFrrCarrierPath));
    }
    path.push_back(*asn);
  }

  void list() {
    const auto& w = line_.words;
    const auto prefix = Prefix::parse(w[6]);
    if (!prefix || !prefix->is_network() || to_string(*prefix) != w[6]) {
      return refuse("a prefix without host bits");
    }
    const bool v4 = prefix->address.family == Address::Family::v4;
    const bool exact = w[0] == (v4 ? "ip" : "ipv6") && w[2] == frr_list_name(*prefix) &&
                       w[3] == "seq" && w[4] == "5" && w[5] == "permit";
    if (!exact) {
      return refuse(fmt::format("'{} prefix-list {} seq 5 permit {}'", v4 ? "ip" : "ipv6",
                                frr_list_name(*prefix), w[6]));
    }
    if (!lists_.emplace(w[2], *prefix).second) refuse("each list once");
  }

  void entry() {
    const auto& w = line_.words;
    const auto sequence = number_in(w[3], kMaxSequence);
    if (!is_frr_name(w[1])) return refuse("a name that begins with 'anycastd_'");
    if (!sequence || *sequence == 0) return refuse("a sequence number");
    if (w[2] != "permit" && w[2] != "deny") return refuse("'permit' or 'deny'");
    if (last_[w[1]] >= *sequence) return refuse("rising sequence numbers");
    last_[w[1]] = *sequence;
    if (w[1].starts_with(kFrrImportMap)) return import_entry();
    out_.filters.try_emplace(w[1]);
    map_ = w[1];
    permit_ = w[2] == "permit";
    matched_.reset();
    own_ = false;
    communities_ = false;
    large_ = false;
    export_ = {.prefix = {}};
    inside_ = Inside::map;
  }

  /// Everything is permitted on the way in.
  void import_entry() {
    const auto& w = line_.words;
    if (w[2] != "permit") return refuse("'permit': what comes in is the operator's to refuse");
    map_ = w[1];
    out_.imports.try_emplace(map_);
    preferred_ = {};
    inside_ = Inside::import;
  }

  void import_line() {
    const auto& w = line_.words;
    const bool last = last_[map_] == kMaxSequence;
    if (is(0, {"exit"})) {
      const bool whole = !preferred_.as_path.empty() && preferred_.local_preference != 0;
      if (!last && !whole) return refuse("a match and a preference before");
      if (!last) out_.imports[map_].push_back(preferred_);
      inside_ = Inside::nothing;
      return;
    }
    if (last || line_.indent != 1) return refuse("'exit', or one blank before a line");
    if (w.size() == 3 && starts(w, {"match", "as-path"})) {
      const auto path = paths_.find(w[2]);
      if (path == paths_.end() || !preferred_.as_path.empty())
        return refuse("one list that is defined before");
      preferred_.as_path = path->second;
      std::ranges::sort(preferred_.as_path);
    } else if (w.size() == 3 && starts(w, {"set", "local-preference"})) {
      const auto value = number_in(w[2], 0xFFFFFFFFU);
      if (!value || *value == 0 || preferred_.local_preference != 0) return refuse("one number");
      preferred_.local_preference = *value;
    } else {
      refuse("a match for a carrier's path, or its preference");
    }
  }

  void map_line() {
    const auto& w = line_.words;
    if (is(0, {"exit"})) return end_of_entry();
    if (line_.indent != 1) return refuse("one blank before a line of a route-map");
    if (is(1, {"match", "as-path", kFrrOwnPath})) {
      if (std::exchange(own_, true)) refuse("it once");
    } else if (w.size() == 5 && w[0] == "match" && w[2] == "address" && w[3] == "prefix-list") {
      const auto list = lists_.find(w[4]);
      if (list == lists_.end() || matched_) return refuse("one list that is defined before");
      const bool v4 = list->second.address.family == Address::Family::v4;
      if (w[1] != (v4 ? "ip" : "ipv6")) return refuse("the list's own family");
      matched_ = list->second;
    } else if (permit_ && w.size() > 3 && starts(w, {"set", "as-path", "prepend"})) {
      if (!export_.as_path.empty()) return refuse("one prepend");
      for (std::size_t i = 3; i < w.size(); ++i) {
        const auto asn = number_in(w[i], 0xFFFFFFFEU);
        if (!asn || *asn == 0) return refuse("AS numbers");
        export_.as_path.push_back(*asn);
      }
    } else if (permit_ && w.size() > 3 && starts(w, {"set", "community"}) &&
               w.back() == "additive") {
      if (std::exchange(communities_, true)) return refuse("one line of communities");
      communities("communities like 65535:0", is_community);
    } else if (permit_ && w.size() > 3 && starts(w, {"set", "large-community"}) &&
               w.back() == "additive") {
      if (std::exchange(large_, true)) return refuse("one line of large communities");
      communities("large communities like 64500:1:2", is_large_community);
    } else {
      refuse("a match for one of our lists, or for what a permitted route gets");
    }
  }

  void communities(std::string_view expected, bool (*valid)(std::string_view)) {
    const auto& w = line_.words;
    for (std::size_t i = 2; i + 1 < w.size(); ++i) {
      if (!valid(w[i])) return refuse(expected);
      export_.communities.push_back(w[i]);
    }
  }

  void end_of_entry() {
    if (!matched_ || !own_) return refuse("a match for a prefix-list and for our own path before");
    auto& exports = out_.filters[map_];
    const bool again = std::ranges::find(seen_[map_], *matched_) != seen_[map_].end();
    if (again) return refuse("each prefix once in a route-map");
    seen_[map_].push_back(*matched_);
    export_.prefix = *matched_;
    std::ranges::sort(export_.communities);
    if (permit_) exports.push_back(export_);
    inside_ = Inside::nothing;
  }

  void revision_line() {
    const auto& w = line_.words;
    if (is(0, {"exit"}) && revision_) {
      inside_ = Inside::nothing;
      return;
    }
    const auto value = w.size() == 4 ? number_in(w[3], 0xFFFFFFFFU) : std::nullopt;
    if (!starts(w, {"description", "anycastd", "revision"}) || line_.indent != 1 || !value ||
        revision_) {
      return refuse("'description anycastd revision N' once");
    }
    revision_ = true;
    out_.revision = *value;
  }

  void bgp_line() {
    if (is(0, {"exit"})) {
      inside_ = Inside::nothing;
    } else if (is(1, {"address-family", "ipv4", "unicast"})) {
      inside_ = Inside::family4;
    } else if (is(1, {"address-family", "ipv6", "unicast"})) {
      inside_ = Inside::family6;
    } else {
      refuse("an address family");
    }
  }

  void family_line() {
    if (is(1, {"exit-address-family"})) {
      inside_ = Inside::bgp;
      return;
    }
    const auto& w = line_.words;
    const auto prefix = w.size() == 2 ? Prefix::parse(w[1]) : std::nullopt;
    if (w[0] != "network" || line_.indent != 2 || !prefix || !prefix->is_network()) {
      return refuse("'network' and a prefix without host bits");
    }
    if ((prefix->address.family == Address::Family::v4) != (inside_ == Inside::family4)) {
      return refuse("a prefix of this family");
    }
    if (std::ranges::find(out_.routes, *prefix) != out_.routes.end()) return refuse("it once");
    out_.routes.push_back(*prefix);
  }

  Line line_ = {.text = {}, .indent = 0, .words = {}, .number = 0};
  Inside inside_ = Inside::nothing;
  FragmentText out_ = {};
  bool own_path_ = false;
  bool revision_ = false;
  bool bgp_ = false;
  std::map<std::string, Prefix> lists_ = {};
  std::map<std::string, std::vector<Asn>> paths_ = {};
  std::map<std::string, std::uint32_t> last_ = {};
  std::map<std::string, std::vector<Prefix>> seen_ = {};
  std::string map_ = {};
  bool permit_ = false;
  bool own_ = false;
  bool communities_ = false;
  bool large_ = false;
  std::optional<Prefix> matched_ = {};
  Export export_ = {.prefix = {}};
  Preferred preferred_ = {};
  std::optional<Error> failed_ = {};
};

}  // namespace

std::string frr_list_name(const Prefix& prefix) {
  return fmt::format("anycastd.{}-{}", to_string(prefix.address), prefix.length);
}

bool is_frr_name(std::string_view name) {
  return name.starts_with("anycastd_") || name.starts_with("anycastd.");
}

Result<FragmentText> parse_frr(std::string_view text) { return FrrReader{}.run(text); }

}  // namespace anycast::render
