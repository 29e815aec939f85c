#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace anycast {

using Asn = std::uint32_t;

/// An IPv4 or IPv6 address. IPv4 takes the first four bytes; the rest is zero.
struct Address {
  enum class Family { v4, v6 };
  Family family = Family::v4;
  std::array<std::uint8_t, 16> bytes = {};
  auto operator<=>(const Address&) const = default;

  int bits() const { return family == Family::v4 ? 32 : 128; }
  static std::optional<Address> parse(std::string_view text);
};

/// An address with a length; `parse` accepts host bits, `is_network` tells whether there are any.
struct Prefix {
  Address address;
  int length = 0;
  auto operator<=>(const Prefix&) const = default;

  static std::optional<Prefix> parse(std::string_view text);
  Prefix network() const;
  bool is_network() const { return network() == *this; }
  bool contains(const Address& other) const;
  bool contains(const Prefix& other) const;
};

std::string to_string(const Address& address);
std::string to_string(const Prefix& prefix);

/// RFC 6996 and RFC 7300: no ROA can authorise these.
bool is_private_asn(Asn asn);
/// RFC 5398 ASNs, RFC 5737 and RFC 3849 prefixes: they stand for real ones in examples and labs.
bool is_documentation(Asn asn);
bool is_documentation(const Prefix& prefix);

}  // namespace anycast
