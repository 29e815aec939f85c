#include "controller/render/egress.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/render/bird_text.hpp"
#include "controller/render/fragment.hpp"
#include "controller/render/frr_text.hpp"

namespace anycast::render {
namespace {

/// What the session to this upstream prefers, by carrier.
std::map<std::string, Preferred> preferred_by(const Config& config, const std::string& upstream,
                                              const EgressChoice& egress) {
  std::map<std::string, Preferred> out;
  for (const auto& [carrier, order] : config.me().egress) {
    const auto known = config.egress.carriers.find(carrier);
    if (order.empty() || known == config.egress.carriers.end()) continue;
    const auto chosen = egress.find(carrier);
    if ((chosen == egress.end() ? order.front() : chosen->second) != upstream) continue;
    Preferred one{known->second.as_path,
                  static_cast<std::uint32_t>(config.egress.local_preference)};
    std::ranges::sort(one.as_path);
    out.emplace(carrier, std::move(one));
  }
  return out;
}

std::string path_list(std::string_view carrier) {
  return fmt::format("{}{}", kFrrCarrierPath, carrier);
}

List path_of(const Preferred& one) {
  List out;
  for (const auto asn : one.as_path) {
    out.push_back({{"asn", Data{asn}},
                   {"more", Data{!out.empty()}},
                   {"sequence", Data{static_cast<std::uint32_t>(5 * (out.size() + 1))}}});
  }
  return out;
}

}  // namespace

std::map<std::string, std::vector<Preferred>> imports_of(const Config& config,
                                                         const EgressChoice& egress) {
  std::map<std::string, std::vector<Preferred>> out;
  for (const auto& [upstream, session] : config.me().sessions) {
    if (!may_leave_by(config, upstream)) continue;
    auto& list = out[import_name(config.router.kind, protocol_of(upstream, session))];
    for (const auto& [carrier, one] : preferred_by(config, upstream, egress)) list.push_back(one);
    std::ranges::sort(list);
  }
  return out;
}

void add_imports(Record& session, const Config& config, const std::string& upstream,
                 const EgressChoice& egress) {
  List list;
  for (const auto& [carrier, one] : preferred_by(config, upstream, egress)) {
    list.push_back({{"carrier", Data{carrier}},
                    {"list", Data{path_list(carrier)}},
                    {"path", Data{path_of(one)}},
                    {"preference", Data{one.local_preference}},
                    {"sequence", Data{static_cast<std::uint32_t>(10 * (list.size() + 1))}}});
  }
  const auto protocol = protocol_of(upstream, config.me().sessions.at(upstream));
  session["import"] = Data{import_name(config.router.kind, protocol)};
  session["has_egress"] = Data{may_leave_by(config, upstream)};
  session["egress"] = Data{std::move(list)};
}

List carrier_paths(const Config& config, const EgressChoice& egress) {
  List out;
  for (const auto& [upstream, session] : config.me().sessions) {
    for (const auto& [carrier, one] : preferred_by(config, upstream, egress))
      out.push_back({{"list", Data{path_list(carrier)}}, {"path", Data{path_of(one)}}});
  }
  return out;
}

std::string protocol_of(const std::string& upstream, const Session& session) {
  return session.protocol.empty() ? upstream : session.protocol;
}

std::string import_name(std::string_view kind, std::string_view protocol) {
  return fmt::format("{}{}", kind == "frr" ? kFrrImportMap : kBirdImport, protocol);
}

bool may_leave_by(const Config& config, const std::string& upstream) {
  return std::ranges::any_of(config.me().egress, [&](const auto& entry) {
    return std::ranges::find(entry.second, upstream) != entry.second.end();
  });
}

}  // namespace anycast::render
