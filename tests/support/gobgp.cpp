#include "tests/support/gobgp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

namespace anycast::test {

const char* const kGobgpText = R"([global.config]
  as = 64501
  router-id = "192.0.2.2"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "192.0.2.1"
    peer-as = 64500
  [neighbors.transport.config]
    local-address = "192.0.2.2"
    passive-mode = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "192.0.2.5"
    peer-as = 64500
    local-as = 64502
  [neighbors.transport.config]
    local-address = "192.0.2.6"
    passive-mode = true
[[neighbors]]
  [neighbors.config]
    neighbor-address = "2001:db8::1"
    peer-as = 64500
    local-as = 64502
  [neighbors.transport.config]
    local-address = "2001:db8::2"
    passive-mode = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
)";

namespace {

using Json = nlohmann::json;

// Path attributes by their numbers (RFC 4271, 1997, 8092).
constexpr int kAsPath = 2;
constexpr int kCommunities = 8;
constexpr int kLargeCommunities = 32;

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command.c_str(), "r"), ::pclose};
  std::string out;
  std::array<char, 4096> part;
  for (std::size_t n = 0; pipe && (n = std::fread(part.data(), 1, part.size(), pipe.get())) > 0;)
    out.append(part.data(), n);
  return out;
}

void add_attribute(Export& out, const Json& attribute) {
  switch (attribute.at("type").get<int>()) {
    case kAsPath:
      for (const auto& segment : attribute.at("as_paths")) {
        for (const auto& asn : segment.at("asns")) out.as_path.push_back(asn);
      }
      break;
    case kCommunities:
      for (const std::uint32_t value : attribute.at("communities"))
        out.communities.push_back(fmt::format("{}:{}", value >> 16U, value & 0xffffU));
      break;
    case kLargeCommunities:
      for (const auto& value : attribute.at("value")) {
        out.communities.push_back(fmt::format("{}:{}:{}", value.at("ASN").get<Asn>(),
                                              value.at("LocalData1").get<std::uint32_t>(),
                                              value.at("LocalData2").get<std::uint32_t>()));
      }
      break;
    default:  // origin, next hop: no stance changes them
      break;
  }
}

Export route(const Json& path) {
  Export out{.prefix = Prefix::parse(path.at("nlri").at("prefix").get<std::string>()).value()};
  for (const auto& attribute : path.at("attrs")) add_attribute(out, attribute);
  std::ranges::sort(out.communities);
  return out;
}

}  // namespace

std::vector<Export> heard_by_gobgp(const std::string& socket, const std::string& table) {
  static const std::map<std::string, std::string> neighbors{
      {"t_cmi", "192.0.2.1 adj-in"},
      {"t_ntt", "192.0.2.5 adj-in"},
      {"t_ntt6", "2001:db8::1 adj-in -a ipv6"}};
  const auto text = output_of(
      fmt::format("gobgp --target unix://{} neighbor {} -j 2>&1", socket, neighbors.at(table)));
  const auto reply = Json::parse(text, nullptr, false);
  if (!reply.is_object() || reply.contains("error")) return {Export{.prefix = {}}};
  std::vector<Export> out;
  for (const auto& paths : reply) {
    for (const auto& path : paths) out.push_back(route(path));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace anycast::test
