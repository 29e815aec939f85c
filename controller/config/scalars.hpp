#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "controller/config/value.hpp"

namespace anycast::config {

// Each binds one field of the model. The target must outlive the scalar.

using Check = std::optional<Wrong> (*)(const std::string&);

/// Text that passes the check; unset means empty and is not written.
Scalar text(std::string& target, Check check, std::string pattern = {});
/// A word that becomes a name elsewhere, see `is_name`.
Scalar name(std::string& target);
/// One of the words; the target holds the word itself.
Scalar word(std::string& target, std::vector<std::string> words);
/// One of the words; the target holds its position.
Scalar choice(std::function<void(int)> set, std::function<int()> get,
              std::vector<std::string> words);
Scalar count(int& target, int min, int max);
Scalar optional_count(std::optional<int>& target, int min, int max);
Scalar asn(Asn& target);
Scalar duration(Duration& target, Duration min, Duration max);
Scalar share(Ppm& target);
Scalar optional_share(std::optional<Ppm>& target);
/// true or false.
Scalar flag(bool& target);
/// A standard or large BGP community; the target holds its canonical form.
Scalar community(std::string& target);
/// "32MiB"; the target is in bytes.
Scalar bytes(std::int64_t& target, std::int64_t min, std::int64_t max);
Scalar address(Address& target);
Scalar optional_address(std::optional<Address>& target);
Scalar prefix(Prefix& target);
Scalar optional_prefix(std::optional<Prefix>& target);
/// An address, also as a prefix of full length.
Scalar host(Address& target);
/// "19:30" as the time since midnight, to "24:00".
Scalar clock(Duration& target);

inline constexpr std::string_view kNamePattern = "^[A-Za-z_][A-Za-z0-9_-]{0,31}$";
inline constexpr std::string_view kPrefixPattern = "^[0-9A-Fa-f:.]+/[0-9]{1,3}$";

/// Checks for `text`; each accepts or says what is wrong.
std::optional<Wrong> check_any(const std::string& value);
std::optional<Wrong> check_name(const std::string& value);
std::optional<Wrong> check_ident(const std::string& value);
std::optional<Wrong> check_label(const std::string& value);
std::optional<Wrong> check_prefix(const std::string& value);
std::optional<Wrong> check_url(const std::string& value);
std::optional<Wrong> check_listen(const std::string& value);
/// An instant vector selector: metric name, optional matchers, nothing else (Prometheus querying
/// basics).
std::optional<Wrong> check_selector(const std::string& value);
/// A name of the time zone database.
std::optional<Wrong> check_zone(const std::string& value);

/// Host of a URL that passed `check_url`, without brackets.
std::string url_host(std::string_view url);

}  // namespace anycast::config
