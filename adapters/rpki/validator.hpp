#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/config.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::rpki {

/// A ROA of an export, and until when it counts, where the export says so.
struct Exported {
  Roa roa;
  std::optional<Time> expires = {};
  bool operator==(const Exported&) const = default;
};

struct RoaSet {
  std::vector<Exported> roas = {};     ///< those that cover one of the prefixes
  std::optional<Time> generated = {};  ///< by the export's own word
};

/// Reads the JSON that rpki-client, routinator and stayrtr share:
/// {"metadata":{"generated"|"buildtime":..},"roas":[{"asn":"AS64500","prefix":"203.0.113.0/24",
/// "maxLength":24,"expires":..},..]}. An error where it is cut, where one ROA cannot be, and where
/// it has none at all: a set that was emptied by mistake must not look like the world's.
Result<RoaSet> read_export(std::string_view text, const std::vector<Prefix>& prefixes);

/// The file that a validator writes again and again. It is read when it has changed; its data is as
/// old as it says itself, or else the file.
class ValidatorExport final : public RoaSource {
 public:
  explicit ValidatorExport(const Config& config);
  Result<OriginView> origins() override;

 private:
  std::string file_;
  std::map<Prefix, Asn> origins_;
  std::optional<Time> read_at_ = {};  ///< the file's time when it was read
  Result<RoaSet> export_ = RoaSet{};
};

}  // namespace anycast::rpki
