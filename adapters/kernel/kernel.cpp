#include "adapters/kernel/kernel.hpp"

#include <fmt/format.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <set>
#include <span>

#include "adapters/kernel/addresses.hpp"
#include "adapters/kernel/ipvs.hpp"
#include "adapters/kernel/routes.hpp"

namespace anycast::kernel {
namespace {

/// What an errno of the kernel means where it changes addresses and services.
std::string reason(int error, const InsideChange& change) {
  switch (error) {
    case EPERM: return "no right to do it: the process lacks CAP_NET_ADMIN";
    case EEXIST: return "it is there already";
    case ENOENT:
    case ESRCH:
      if (const auto* service = std::get_if<ServiceChange>(&change);
          service != nullptr && service->verb != InsideVerb::remove)
        return fmt::format(
            "no such service, or the kernel has no scheduler \"{}\" (module ip_vs_{})",
            service->settings.scheduler, service->settings.scheduler);
      return "it is not there";
    case EADDRNOTAVAIL: return "it is not there";
    case ENODEV: return "there is no such link";
    case ENETUNREACH:
    case EHOSTUNREACH: return "a next hop is in none of the networks of its link";
    case ENOMEM:
    case ENOBUFS: return "the kernel has no memory for it";
    default: return std::strerror(error);
  }
}

Error refusal(int error, const InsideChange& change) {
  return {.remedy = Remedy::look_at_host,
          .text = fmt::format("\"{}\": {}", to_string(change), reason(error, change))};
}

/// Whether it may leave users without something that they had.
bool takes_away(const InsideChange& change) {
  const auto* server = std::get_if<ServerChange>(&change);
  if (server != nullptr && server->settings.weight == 0) return true;
  return std::visit([](const auto& one) { return one.verb == InsideVerb::remove; }, change);
}

std::optional<ServiceKey> service_of(const InsideChange& change) {
  if (const auto* service = std::get_if<ServiceChange>(&change)) return service->service;
  if (const auto* server = std::get_if<ServerChange>(&change)) return server->service;
  return std::nullopt;
}

bool is_of_ipvs(const InsideChange& change) { return service_of(change).has_value(); }

std::vector<Message> alone(Message message) {
  std::vector<Message> out;
  out.push_back(std::move(message));
  return out;
}

/// The requests for a change, or why there are none. `family` is the number of IPVS, and `failed`
/// has the services of which something else could not be done before.
Result<std::vector<Message>> requests(const InsideChange& change, const Result<int>& family,
                                      const std::set<ServiceKey>& failed) {
  if (const auto* vip = std::get_if<VipChange>(&change)) return address_message(*vip).map(alone);
  if (const auto* route = std::get_if<RouteChange>(&change)) return route_messages(*route);
  if (const auto* rule = std::get_if<RuleChange>(&change)) return alone(rule_message(*rule));
  if (!family) return tl::unexpected(family.error());
  if (takes_away(change) && failed.contains(*service_of(change)))
    return fail(Remedy::wait, fmt::format("\"{}\" waits for a change of the same service that "
                                          "has failed",
                                          to_string(change)));
  if (const auto* service = std::get_if<ServiceChange>(&change))
    return alone(service_message(*family, *service));
  return alone(server_message(*family, std::get<ServerChange>(change)));
}

/// The changes from `from` on that can go together: the same socket, and nothing that takes away
/// before it is known that what should replace it is there.
std::size_t end_of_run(std::span<const InsideChange> changes, std::size_t from) {
  const auto alike = [&](const InsideChange& a, const InsideChange& b) {
    return takes_away(a) == takes_away(b) && is_of_ipvs(a) == is_of_ipvs(b);
  };
  auto to = from;
  while (to < changes.size() && alike(changes[from], changes[to])) ++to;
  return to;
}

}  // namespace

Result<std::unique_ptr<NetlinkKernel>> NetlinkKernel::open() {
  auto route = Netlink::open(NETLINK_ROUTE);
  if (!route) return tl::unexpected(std::move(route.error()));
  auto generic = Netlink::open(NETLINK_GENERIC);
  if (!generic) return tl::unexpected(std::move(generic.error()));
  return std::unique_ptr<NetlinkKernel>{new NetlinkKernel{std::move(*route), std::move(*generic)}};
}

/// The number of the IPVS family. Asked for each time: it changes when the module is loaded anew.
Result<int> NetlinkKernel::family() {
  const Message question{::nlmsg_alloc()};
  ::genlmsg_put(question.get(), NL_AUTO_PORT, NL_AUTO_SEQ, GENL_ID_CTRL, 0, 0, CTRL_CMD_GETFAMILY,
                1);
  nla_put_string(question.get(), CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME);
  int out = 0;
  const auto error = generic_.ask(question, [&](const nlmsghdr& message) {
    std::array<nlattr*, CTRL_ATTR_MAX + 1> a = {};
    auto* header = const_cast<nlmsghdr*>(&message);
    if (::genlmsg_parse(header, 0, a.data(), CTRL_ATTR_MAX, nullptr) == 0 &&
        a.at(CTRL_ATTR_FAMILY_ID) != nullptr)
      out = nla_get_u16(a.at(CTRL_ATTR_FAMILY_ID));
  });
  if (!error) return tl::unexpected(error.error());
  if (*error == ENOENT || out == 0)
    return fail(Remedy::look_at_host,
                "the kernel has no IPVS: 'modprobe ip_vs', and a line \"ip_vs\" in a file of "
                "/etc/modules-load.d");
  return out;
}

Result<InsideView> NetlinkKernel::inside(const std::set<std::uint32_t>& tables) {
  InsideView out;
  auto addresses = read_addresses(route_);
  if (!addresses) return tl::unexpected(std::move(addresses.error()));
  out.inside.vips = std::move(*addresses);
  if (auto routes = read_routes(route_, tables, out.inside); !routes)
    return tl::unexpected(std::move(routes.error()));
  if (auto services = read_services(out); !services) {
    out.inside.services.clear();
    out.load.clear();
    out.no_services = std::move(services.error());
  }
  return out;
}

Result<void> NetlinkKernel::read_services(InsideView& view) {
  const auto number = family();
  if (!number) return tl::unexpected(number.error());
  const auto dump = [&](const Message& question, const auto& each) -> Result<void> {
    const auto error = generic_.dump(question, each);
    if (!error) return tl::unexpected(error.error());
    if (*error == EPERM)
      return fail(Remedy::look_at_host, "no right to read IPVS: the process lacks CAP_NET_ADMIN");
    if (*error != 0)
      return fail(Remedy::look_at_host,
                  fmt::format("the kernel does not tell its services: {}", std::strerror(*error)));
    return {};
  };
  auto done = dump(services_question(*number), [&](const nlmsghdr& message) {
    if (auto entry = read_service(message)) {
      view.inside.services[entry->key].settings = std::move(entry->settings);
      view.load[entry->key].count = entry->count;
    }
  });
  for (auto& entry : view.inside.services) {
    if (!done) return done;
    const auto& key = entry.first;
    auto& service = entry.second;
    auto& load = view.load[key];
    done = dump(servers_question(*number, key), [&](const nlmsghdr& message) {
      if (const auto server = read_server(message, key)) {
        service.servers[server->key] = server->settings;
        load.servers[server->key] = server->load;
      }
    });
  }
  return done;
}

std::vector<Result<void>> NetlinkKernel::carry_out(const std::vector<InsideChange>& changes) {
  std::vector<Result<void>> out;
  std::set<ServiceKey> failed;
  for (std::size_t from = 0; from < changes.size(); from = out.size()) {
    const auto size = end_of_run(changes, from) - from;
    for (auto& result : send(std::span{changes}.subspan(from, size), failed)) {
      const auto service = service_of(changes[out.size()]);
      if (!result && service) failed.insert(*service);
      out.push_back(std::move(result));
    }
  }
  std::set<RouteKey> routes;
  for (const auto& change : changes) {
    if (const auto* route = std::get_if<RouteChange>(&change)) routes.insert(route->route);
  }
  // What is left unused harms nobody, and goes with the next change.
  if (!routes.empty()) [[maybe_unused]]
    const auto swept = sweep_objects(route_, routes);
  return out;
}

std::vector<Result<void>> NetlinkKernel::send(std::span<const InsideChange> run,
                                              const std::set<ServiceKey>& failed) {
  const bool of_ipvs = is_of_ipvs(run.front());
  const auto number = of_ipvs ? family() : Result<int>{0};
  std::vector<Result<void>> out(run.size());
  std::vector<Message> messages;
  std::vector<std::size_t> sent;  // the change of each message
  for (std::size_t i = 0; i < run.size(); ++i) {
    if (auto made = requests(run[i], number, failed)) {
      std::ranges::move(*made, std::back_inserter(messages));
      sent.resize(messages.size(), i);
    } else {
      out[i] = tl::unexpected(std::move(made.error()));
    }
  }
  const auto errors = (of_ipvs ? generic_ : route_).carry_out(messages);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (!out[sent[i]]) continue;
    if (!errors) {
      out[sent[i]] = tl::unexpected(errors.error());
    } else if ((*errors)[i] != 0) {
      out[sent[i]] = tl::unexpected(refusal((*errors)[i], run[sent[i]]));
    }
  }
  return out;
}

}  // namespace anycast::kernel
