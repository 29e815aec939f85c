#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "controller/base/text.hpp"
#include "controller/config/rules.hpp"

namespace anycast::config {
namespace {

using Does = Community::Does;

/// "prepend_to 2 toward mobile", "local_pref".
std::string meaning(const Community& c) {
  auto text = to_string(c.does);
  if (c.does == Does::prepend_to) text += fmt::format(" {}", c.count);
  return c.carrier.empty() ? text : text + " toward " + c.carrier;
}

/// One upstream's dictionary.
class Dictionary {
 public:
  Dictionary(const Checked& c, const std::string& name, const Upstream& upstream)
      : c_{c}, name_{name}, upstream_{upstream}, path_{"upstreams." + name + ".communities."} {}

  void check() {
    for (std::size_t i = 0; i < upstream_.communities.size(); ++i) {
      const auto& entry = upstream_.communities[i];
      const auto path = path_ + std::to_string(i);
      if (!c_.bound.good(path)) continue;
      check_count(entry, path);
      check_carrier(entry, path);
      check_value(entry, path);
      if (c_.bound.good(path)) check_once(entry, path);
      const bool steers = entry.does != Does::blackhole;
      if (!steers || entry.tested || c_.config.mode != Mode::automatic) continue;
      c_.report.warning(
          c_.bound.at(path + ".value"), "community-untested",
          fmt::format("{} ({}) is untested, so automation does not use it", entry.value,
                      meaning(entry)),
          {fmt::format("see that it works (anycastctl pin {}), then: tested: true", name_)});
    }
  }

 private:
  void refuse(const std::string& path, const std::string& key, std::string rule, std::string text,
              std::vector<std::string> hints) {
    c_.report.error(c_.bound.at(path + key), std::move(rule), std::move(text), std::move(hints));
    c_.bound.failed.insert(path);
  }

  void check_count(const Community& entry, const std::string& path) {
    const bool set = c_.bound.set(path + ".count");
    if (entry.does == Does::prepend_to && !set) {
      refuse(path, {}, "missing", "'prepend_to' needs a 'count'",
             {"count: how often the upstream prepends, 1 to 10"});
    } else if (entry.does != Does::prepend_to && set) {
      refuse(path, ".count", "type", "only 'prepend_to' has a 'count'", {});
    }
  }

  void check_carrier(const Community& entry, const std::string& path) {
    if (entry.carrier.empty()) return;
    const auto at = c_.bound.at(path + ".carrier");
    const auto& known = c_.config.carriers;
    if (c_.bound.keys_known("carriers") && std::ranges::count(known, entry.carrier) == 0) {
      return refuse(path, ".carrier", "reference",
                    fmt::format("'{}' is not in 'carriers'", entry.carrier),
                    {defined(c_, at, entry.carrier, "carriers", known)});
    }
    if (!c_.bound.good("upstreams." + name_ + ".carries")) return;
    if (std::ranges::count(upstream_.carries, entry.carrier) > 0) return;
    refuse(path, ".carrier", "community-carrier",
           fmt::format("'{}' does not carry '{}'", name_, entry.carrier),
           {fmt::format("it carries {}", join(upstream_.carries, ", "))});
  }

  void check_value(const Community& entry, const std::string& path) {
    if (entry.value != "65535:666" || entry.does == Does::blackhole) return;
    refuse(path, ".value", "community",
           "65535:666 drops the traffic (RFC 7999), it does not steer it",
           {"do: blackhole, or the upstream's own value"});
  }

  /// Every value has one meaning, and every meaning one value; to drop traffic an upstream may want
  /// its own and the well-known one.
  void check_once(const Community& entry, const std::string& path) {
    const auto at = c_.bound.at(path + ".value");
    const auto [means, new_value] = values_.emplace(entry.value, path);
    if (!new_value) {
      refuse(path, ".value", "community-twice",
             fmt::format("{} has a meaning already", entry.value),
             {"given at " + c_.report.refer(c_.bound.at(means->second + ".value"), at)});
    }
    if (entry.does == Does::blackhole) return;
    const auto [first, new_meaning] = meanings_.emplace(meaning(entry), path);
    if (new_meaning) return;
    refuse(path, ".do", "community-twice",
           fmt::format("a second community for '{}'", meaning(entry)),
           {"the first is at " +
            c_.report.refer(c_.bound.at(first->second + ".value"), c_.bound.at(path + ".do"))});
  }

  const Checked& c_;
  const std::string& name_;
  const Upstream& upstream_;
  std::string path_;
  std::map<std::string, std::string> values_ = {};
  std::map<std::string, std::string> meanings_ = {};
};

void check_weights(const Checked& c, const std::string& table,
                   const std::map<std::string, Ppm>& given, const std::vector<std::string>& names) {
  const auto path = "weights." + table;
  if (given.empty() || !c.bound.good(path) || !c.bound.good(table)) return;
  Ppm sum = 0;
  for (const auto& [name, weight] : given) {
    sum += weight;
    const auto at = c.bound.at(path + "." + name);
    if (std::ranges::count(names, name) == 0) {
      c.report.error(at, "reference", fmt::format("'{}' is not in '{}'", name, table),
                     {defined(c, at, name, table, names)});
    } else if (weight == 0) {
      c.report.error(at, "weights", fmt::format("'{}' without any users", name),
                     {fmt::format("take it out of '{}', or give it its share", table)});
    }
  }
  for (const auto& name : names) {
    if (given.contains(name)) continue;
    c.report.error(c.bound.at(path), "weights", fmt::format("no share for '{}'", name),
                   {"give all of them, or none: then all count the same"});
  }
  // A rounding in the last digit is no mistake.
  constexpr Ppm kSlack = 5'000;
  if (std::abs(sum - kAll) <= kSlack) return;
  c.report.warning(c.bound.at(path), "weights",
                   fmt::format("the shares add up to {}", format_share(sum)),
                   {"they count in proportion to each other; capacities are shares of 100 %"});
}

void check_capacity(const Checked& c) {
  if (!c.bound.good("nodes")) return;
  Ppm sum = 0;
  bool all = !c.config.nodes.empty();
  for (const auto& [name, node] : c.config.nodes) {
    all = all && node.capacity.has_value();
    sum += node.capacity.value_or(0);
    if (!node.capacity || *node.capacity > 0) continue;
    c.report.error(c.bound.at("nodes." + name + ".capacity"), "capacity",
                   fmt::format("'{}' that can serve nobody", name),
                   {"take it out of 'nodes', or give it its share of all users"});
  }
  if (!all || sum >= kAll || sum == 0) return;
  c.report.warning(c.bound.at("nodes"), "capacity",
                   fmt::format("all nodes together serve {} of the users", format_share(sum)));
}

}  // namespace

void check_dictionary(const Checked& c) {
  for (const auto& [name, upstream] : c.config.upstreams) Dictionary{c, name, upstream}.check();
  check_weights(c, "carriers", c.config.weights.carriers, c.config.carriers);
  check_weights(c, "regions", c.config.weights.regions, c.config.regions);
  check_capacity(c);
}

}  // namespace anycast::config
