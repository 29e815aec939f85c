#include "adapters/kernel/ipvs.hpp"

#include <fmt/format.h>
#include <netlink/genl/genl.h>

#include <random>

#include "tests/support/catch.hpp"
#include "tests/support/inside_world.hpp"

using namespace anycast;
using namespace anycast::kernel;

namespace {

const ServiceKey kWeb{Protocol::tcp, *Address::parse("198.51.100.1"), 80};

/// What follows the headers of netlink and generic netlink, attribute by attribute: length, type
/// and value, nested ones indented.
std::string dump(const nlattr* first, int size, const std::string& indent) {
  std::string out;
  for (const auto* a = first; ::nla_ok(a, size); a = ::nla_next(a, &size)) {
    out += fmt::format("{}{}:", indent, ::nla_type(a));
    if (indent.empty()) {
      out += "\n" + dump(static_cast<const nlattr*>(::nla_data(a)), ::nla_len(a), "  ");
      continue;
    }
    const auto* bytes = static_cast<const std::uint8_t*>(::nla_data(a));
    for (int i = 0; i < ::nla_len(a); ++i) out += fmt::format(" {:02x}", bytes[i]);
    out += "\n";
  }
  return out;
}
std::string dump(const Message& message) {
  auto* header = ::nlmsg_hdr(message.get());
  auto* generic = static_cast<genlmsghdr*>(::nlmsg_data(header));
  return fmt::format("family {} command {} version {}\n", header->nlmsg_type, generic->cmd,
                     generic->version) +
         dump(::genlmsg_attrdata(generic, 0), ::genlmsg_attrlen(generic, 0), "");
}

}  // namespace

TEST_CASE("the messages are those of linux/ip_vs.h, byte by byte") {
  CHECK(dump(service_message(
            33, {InsideVerb::add,
                 kWeb,
                 {.scheduler = "wrr", .persistence = Persistence{seconds{60}, 24}}})) ==
        "family 33 command 1 version 1\n"
        "1:\n"
        "  1: 02 00\n"
        "  2: 06 00\n"
        "  3: c6 33 64 01 00 00 00 00 00 00 00 00 00 00 00 00\n"
        "  4: 00 50\n"
        "  6: 77 72 72 00\n"
        "  7: 01 00 00 00 ff ff ff ff\n"
        "  8: 3c 00 00 00\n"
        "  9: ff ff ff 00\n");
  CHECK(dump(service_message(33,
                             {InsideVerb::remove, ServiceKey::of_mark(Address::Family::v6, 7)})) ==
        "family 33 command 3 version 1\n"
        "1:\n"
        "  1: 0a 00\n"
        "  5: 07 00 00 00\n");
  CHECK(dump(server_message(33, {InsideVerb::edit,
                                 ServiceKey::of_mark(Address::Family::v6, 7),
                                 {*Address::parse("192.0.2.11"), 0},
                                 {.forwarding = Forwarding::tunnel,
                                  .weight = 3,
                                  .upper = 100,
                                  .lower = 50,
                                  .tunnel = {Tunnel::Kind::gue, 6080, Tunnel::Checksum::full}}})) ==
        "family 33 command 6 version 1\n"
        "1:\n"
        "  1: 0a 00\n"
        "  5: 07 00 00 00\n"
        "2:\n"
        "  11: 02 00\n"
        "  1: c0 00 02 0b 00 00 00 00 00 00 00 00 00 00 00 00\n"
        "  2: 00 00\n"
        "  3: 02 00 00 00\n"
        "  4: 03 00 00 00\n"
        "  5: 64 00 00 00\n"
        "  6: 32 00 00 00\n"
        "  13: 01\n"
        "  14: 17 c0\n"
        "  15: 01 00\n");
}

TEST_CASE("what is written is what would be read") {
  std::mt19937 chance{7};
  const auto below = [&](int n) { return static_cast<int>(chance() % static_cast<unsigned>(n)); };
  int servers = 0;
  for (int i = 0; i < 200; ++i) {
    for (const auto& [key, service] : test::drawn_inside(below).services) {
      const auto message = service_message(33, {InsideVerb::add, key, service.settings});
      const auto read = read_service(*::nlmsg_hdr(message.get()));
      REQUIRE(read.has_value());
      CHECK(read->key == key);
      CHECK(read->settings == service.settings);
      for (const auto& [at, settings] : service.servers) {
        const auto sent = server_message(33, {InsideVerb::add, key, at, settings});
        const auto seen = read_server(*::nlmsg_hdr(sent.get()), key);
        REQUIRE(seen.has_value());
        CHECK(seen->key == at);
        CHECK(seen->settings == settings);
        ++servers;
      }
    }
  }
  CHECK(servers > 500);
}

TEST_CASE("what is no answer of IPVS is none") {
  const auto message = servers_question(33, kWeb);
  CHECK_FALSE(read_server(*::nlmsg_hdr(message.get()), kWeb).has_value());
  CHECK(read_service(*::nlmsg_hdr(message.get()))->settings == ServiceSettings{.scheduler = ""});
  const auto empty = services_question(33);
  CHECK_FALSE(read_service(*::nlmsg_hdr(empty.get())).has_value());
}
