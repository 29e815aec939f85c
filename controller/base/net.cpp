#include "controller/base/net.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "controller/base/number.hpp"

namespace anycast {

std::optional<Address> Address::parse(std::string_view text) {
  if (text.size() > 45) return std::nullopt;
  const std::string owned{text};
  Address out;
  if (inet_pton(AF_INET, owned.c_str(), out.bytes.data()) == 1) return out;
  out.family = Family::v6;
  if (inet_pton(AF_INET6, owned.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Address::parse(text.substr(0, slash));
  const auto length = parse_number<int>(text.substr(slash + 1));
  if (!address || !length || *length < 0 || *length > address->bits()) return std::nullopt;
  return Prefix{*address, *length};
}

Prefix Prefix::network() const {
  Prefix out = *this;
  for (int bit = length; bit < address.bits(); ++bit) {
    auto& byte = out.address.bytes.at(static_cast<std::size_t>(bit / 8));
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> static_cast<unsigned>(bit % 8)));
  }
  return out;
}

bool Prefix::contains(const Address& other) const {
  if (other.family != address.family) return false;
  return Prefix{other, length}.network() == network();
}

bool Prefix::contains(const Prefix& other) const {
  return other.length >= length && contains(other.address);
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.family == Address::Family::v4 ? AF_INET : AF_INET6, address.bytes.data(),
            text.data(), text.size());
  return text.data();
}

std::string to_string(const Prefix& prefix) {
  return fmt::format("{}/{}", to_string(prefix.address), prefix.length);
}

bool is_private_asn(Asn asn) { return (asn >= 64512 && asn <= 65535) || asn >= 4'200'000'000U; }

bool is_documentation(Asn asn) {
  return (asn >= 64496 && asn <= 64511) || (asn >= 65536 && asn <= 65551);
}

bool is_documentation(const Prefix& prefix) {
  constexpr std::array kBlocks = {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
                                  "2001:db8::/32"};
  return std::ranges::any_of(
      kBlocks, [&](const char* block) { return Prefix::parse(block)->contains(prefix); });
}

}  // namespace anycast
