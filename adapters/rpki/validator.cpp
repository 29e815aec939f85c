#include "adapters/rpki/validator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "adapters/system/file.hpp"
#include "controller/base/number.hpp"
#include "controller/base/text.hpp"

namespace anycast::rpki {
namespace {

using Json = nlohmann::json;

// The whole of the RPKI is some 600,000 ROAs, 60 MB of JSON.
constexpr std::size_t kMaxBytes = 512U << 20U;
constexpr std::uint64_t kLatest = 4'000'000'000;  // seconds, year 2096

std::optional<Asn> asn_of(std::string_view text) {
  if (text.starts_with("AS")) text.remove_prefix(2);
  return parse_number<Asn>(text);
}

/// Takes what matters out of the stream of tokens: an export as a tree would take gigabytes.
class Reader final : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(const std::vector<Prefix>& prefixes) : prefixes_{prefixes} {}

  RoaSet out = {};
  std::string wrong = {};  ///< why it is no export, or empty
  std::size_t count = 0;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return refuse("a number below zero"); }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool number_unsigned(number_unsigned_t value) override {
    if (in_metadata() && key_ == "generated" && value < kLatest)
      out.generated = Time{seconds{static_cast<std::int64_t>(value)}};
    if (!in_roa()) return true;
    if (key_ == "maxLength") max_length_ = static_cast<int>(std::min<std::uint64_t>(value, 999));
    if (key_ == "asn" && value <= UINT32_MAX) asn_ = static_cast<Asn>(value);
    if (key_ == "expires")
      expires_ = Time{seconds{static_cast<std::int64_t>(std::min<std::uint64_t>(value, kLatest))}};
    return true;
  }
  bool string(string_t& text) override {
    if (in_metadata() && (key_ == "buildtime" || key_ == "generatedTime")) {
      // rpki-client and routinator write whole seconds: "2026-06-01T12:20:20Z".
      if (const auto time = parse_utc(text)) out.generated = time;
    }
    if (!in_roa()) return true;
    if (key_ == "prefix") prefix_ = Prefix::parse(text);
    if (key_ == "asn") asn_ = asn_of(text);
    return true;
  }
  bool key(string_t& name) override {
    if (depth_ == 1) part_ = name;
    key_ = name;
    return true;
  }
  bool start_object(std::size_t) override {
    ++depth_;
    if (!in_roa()) return true;
    prefix_.reset();
    asn_.reset();
    max_length_.reset();
    expires_.reset();
    return true;
  }
  bool end_object() override {
    const bool taken = !in_roa() || take();
    --depth_;
    return taken;
  }
  bool start_array(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t at, const std::string&,
                   const nlohmann::detail::exception&) override {
    return refuse(fmt::format("no JSON at byte {}", at));
  }

 private:
  bool in_metadata() const { return depth_ == 2 && part_ == "metadata"; }
  bool in_roa() const { return depth_ == 3 && part_ == "roas"; }

  bool refuse(std::string why) {
    if (wrong.empty()) wrong = std::move(why);
    return false;
  }

  bool take() {
    ++count;
    Exported one{.roa = {.prefix = prefix_.value_or(Prefix{}), .asn = asn_.value_or(0)},
                 .expires = expires_};
    one.roa.max_length = max_length_.value_or(one.roa.prefix.length);
    if (!prefix_ || !asn_ || !is_whole(one.roa))
      return refuse(fmt::format("ROA {} of 'roas' is none", count));
    const bool covers = std::ranges::any_of(
        prefixes_, [&](const Prefix& prefix) { return one.roa.prefix.contains(prefix); });
    if (covers) out.roas.push_back(one);
    return true;
  }

  const std::vector<Prefix>& prefixes_;
  int depth_ = 0;
  std::string part_;  ///< the member of the whole that is being read
  std::string key_;
  std::optional<Prefix> prefix_;
  std::optional<Asn> asn_;
  std::optional<int> max_length_;
  std::optional<Time> expires_;
};

}  // namespace

Result<RoaSet> read_export(std::string_view text, const std::vector<Prefix>& prefixes) {
  Reader reader{prefixes};
  const bool whole = Json::sax_parse(text, &reader);
  if (!whole || !reader.wrong.empty()) {
    return fail(Remedy::look_at_peer, fmt::format("not a validator's export: {}", reader.wrong));
  }
  if (reader.count == 0)
    return fail(Remedy::look_at_peer, "a validator's export without a single ROA");
  return std::move(reader.out);
}

ValidatorExport::ValidatorExport(const Config& config) : file_{config.rpki.validator} {
  for (const auto& p : config.prefixes) origins_[p.prefix] = p.origin_asn;
}

Result<OriginView> ValidatorExport::origins() {
  const auto modified = modified_at(file_);
  if (!modified) return fail(Remedy::look_at_host, fmt::format("no file '{}'", file_));
  if (modified != read_at_) {
    std::vector<Prefix> prefixes;
    for (const auto& [prefix, asn] : origins_) prefixes.push_back(prefix);
    export_ = read_file(file_, kMaxBytes).and_then([&](const std::string& text) {
      return read_export(text, prefixes);
    });
    if (!export_) export_.error().place.file = file_;
    read_at_ = modified;
  }
  if (!export_) return tl::unexpected(export_.error());
  const auto now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  std::vector<Roa> roas;
  for (const auto& one : export_->roas) {
    if (!one.expires || *one.expires > now) roas.push_back(one.roa);
  }
  OriginView out{.as_of = export_->generated.value_or(*modified)};
  for (const auto& [prefix, asn] : origins_)
    out.prefixes.emplace(prefix, judge_origin(prefix, asn, roas));
  return out;
}

}  // namespace anycast::rpki
