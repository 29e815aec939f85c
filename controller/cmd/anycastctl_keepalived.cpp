#include <fmt/format.h>

#include <iostream>

#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl.hpp"
#include "controller/render/builtin.hpp"
#include "controller/render/keepalived.hpp"

namespace anycast::cmd {
namespace {

/// The site's own where `router.templates` has one.
Result<render::Template> pair_template(const Config& config) {
  const auto path = config.router.templates + "/keepalived/pair.tmpl";
  if (!modified_at(path))
    return render::compile_keepalived("pair.tmpl (built in)", render::builtin_keepalived());
  const auto text = read_file(path, 1U << 20U);
  if (!text) return tl::unexpected(text.error());
  return render::compile_keepalived(path, *text);
}

Result<Address> address_of(const std::string& text) {
  const auto address = Address::parse(text);
  if (address) return *address;
  return fail(Remedy::fix_value, fmt::format("'{}' is no address", printable(text)));
}

Result<render::PairSite> site_of(const Options& o) {
  render::PairSite site{.link = o.link,
                        .id = o.router_id,
                        .priority = o.priority,
                        .advert = *parse_duration(o.advert),
                        .user = o.user};
  if (o.length > 0) site.length = o.length;
  if (!o.local.empty()) {
    const auto local = address_of(o.local);
    if (!local) return tl::unexpected(local.error());
    site.local = *local;
  }
  for (const auto& word : o.peers) {
    const auto peer = address_of(word);
    if (!peer) return tl::unexpected(peer.error());
    site.peers.push_back(*peer);
  }
  return site;
}

}  // namespace

int keepalived(const Options& o) {
  const auto config = config_to_render(o);
  if (!config) return config.error();
  const auto site = site_of(o);
  if (!site) return complain(kUsage, site.error());
  const auto text = pair_template(*config);
  if (!text) return complain(kConfig, text.error());
  const auto rendered = render::keepalived(*text, *config, *site);
  if (!rendered) return complain(kUsage, rendered.error());
  if (o.out.empty()) {
    std::cout << *rendered;
    return kOk;
  }
  if (const auto written = replace_file(o.out, *rendered); !written)
    return complain(kFailed, written.error());
  return kOk;
}

}  // namespace anycast::cmd
