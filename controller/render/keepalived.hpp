#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/base/time.hpp"
#include "controller/model/config.hpp"
#include "controller/render/template.hpp"

namespace anycast::render {

/// What the fleet's file does not say about a host of a pair.
struct PairSite {
  std::string link = {};         ///< where the two hear each other, and the address is
  std::uint32_t id = 51;         ///< virtual_router_id, the same on both: 1 to 255
  std::uint32_t priority = 0;    ///< 1 to 254; 0: 150 for the first of the two by name, else 100
  Duration advert = seconds{1};  ///< between two adverts: whole tenths of a second
  std::optional<Address> local = {};  ///< of this host on `link`, where `peers` are named
  std::vector<Address> peers = {};    ///< who hears the adverts; none: all on the link (multicast)
  std::optional<std::uint32_t> length = {};  ///< of the address's prefix; none: a host's
  std::string user = "anycastd";             ///< whom the FIFO belongs to
};

/// Compiles templates/keepalived/pair.tmpl, or a site's own.
Result<Template> compile_keepalived(std::string name, std::string_view text);

/// The configuration of this node's Keepalived. An error where `local.keepalived` is not
/// configured, and for everything that Keepalived could read as something else: nothing is quoted
/// in its language.
Result<std::string> keepalived(const Template& text, const Config& config, const PairSite& site);

}  // namespace anycast::render
