#include "adapters/kernel/kernel.hpp"

#include <fmt/format.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <span>

#include "adapters/kernel/addresses.hpp"
#include "adapters/kernel/ipvs.hpp"

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
  if (const auto* vip = std::get_if<VipChange>(&change)) return vip->verb == InsideVerb::remove;
  if (const auto* service = std::get_if<ServiceChange>(&change))
    return service->verb == InsideVerb::remove;
  const auto& server = std::get<ServerChange>(change);
  return server.verb == InsideVerb::remove || server.settings.weight == 0;
}

std::optional<ServiceKey> service_of(const InsideChange& change) {
  if (const auto* service = std::get_if<ServiceChange>(&change)) return service->service;
  if (const auto* server = std::get_if<ServerChange>(&change)) return server->service;
  return std::nullopt;
}

bool is_address(const InsideChange& change) { return std::holds_alternative<VipChange>(change); }

/// The request for a change, or why there is none. `family` is the number of IPVS, and `failed` has
/// the services of which something else could not be done before.
Result<Message> request(const InsideChange& change, const Result<int>& family,
                        const std::set<ServiceKey>& failed) {
  if (const auto* vip = std::get_if<VipChange>(&change)) return address_message(*vip);
  if (!family) return tl::unexpected(family.error());
  if (takes_away(change) && failed.contains(*service_of(change)))
    return fail(Remedy::wait, fmt::format("\"{}\" waits for a change of the same service that "
                                          "has failed",
                                          to_string(change)));
  if (const auto* service = std::get_if<ServiceChange>(&change))
    return service_message(*family, *service);
  return server_message(*family, std::get<ServerChange>(change));
}

/// The changes from `from` on that can go together: the same socket, and nothing that takes away
/// before it is known that what should replace it is there.
std::size_t end_of_run(std::span<const InsideChange> changes, std::size_t from) {
  const auto alike = [&](const InsideChange& a, const InsideChange& b) {
    return takes_away(a) == takes_away(b) && is_address(a) == is_address(b);
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

Result<InsideView> NetlinkKernel::inside() {
  InsideView out;
  auto addresses = read_addresses(route_);
  if (!addresses) return tl::unexpected(std::move(addresses.error()));
  out.inside.vips = std::move(*addresses);
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
  return out;
}

std::vector<Result<void>> NetlinkKernel::send(std::span<const InsideChange> run,
                                              const std::set<ServiceKey>& failed) {
  const bool addresses = is_address(run.front());
  const auto number = addresses ? Result<int>{0} : family();
  std::vector<Result<void>> out(run.size());
  std::vector<Message> messages;
  std::vector<std::size_t> sent;
  for (std::size_t i = 0; i < run.size(); ++i) {
    if (auto message = request(run[i], number, failed)) {
      messages.push_back(std::move(*message));
      sent.push_back(i);
    } else {
      out[i] = tl::unexpected(std::move(message.error()));
    }
  }
  const auto errors = (addresses ? route_ : generic_).carry_out(messages);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (!errors) {
      out[sent[i]] = tl::unexpected(errors.error());
    } else if ((*errors)[i] != 0) {
      out[sent[i]] = tl::unexpected(refusal((*errors)[i], run[sent[i]]));
    }
  }
  return out;
}

}  // namespace anycast::kernel
