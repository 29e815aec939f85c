#include "adapters/frr/probation.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "adapters/system/file.hpp"

namespace anycast::frr {

using Json = nlohmann::json;

std::string probation_file(const std::string& fragment) { return fragment + ".probation"; }

Result<void> write_probation(const std::string& fragment, const Probation& probation) {
  Json out = {{"until_us", probation.until.time_since_epoch().count()},
              {"revision", probation.revision},
              {"file", probation.file ? Json(*probation.file) : Json(nullptr)},
              {"objects", text_of(probation.objects)}};
  // What it is for does not survive a power cut either: bgpd's running configuration.
  return replace_file(probation_file(fragment),
                      out.dump(1, ' ', true, Json::error_handler_t::replace) + "\n",
                      Survives::process);
}

Result<std::optional<Probation>> read_probation(const std::string& fragment) {
  const auto path = probation_file(fragment);
  if (!modified_at(path)) return std::nullopt;
  const auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  const auto json = Json::parse(*text, nullptr, false);
  const auto has = [&](const char* key) { return json.is_object() && json.contains(key); };
  const bool whole = has("until_us") && json["until_us"].is_number_integer() && has("revision") &&
                     json["revision"].is_number_unsigned() && has("file") &&
                     (json["file"].is_null() || json["file"].is_string()) && has("objects") &&
                     json["objects"].is_string();
  if (!whole) {
    return fail(Remedy::look_at_host,
                fmt::format("'{}' is not the way back of a change, expected to be ours alone; "
                            "remove it once bgpd runs what it should",
                            path));
  }
  Probation out{.until = Time{Duration{json["until_us"].get<std::int64_t>()}},
                .revision = json["revision"].get<std::uint32_t>(),
                .objects = read_running(json["objects"].get<std::string>()).objects};
  if (json["file"].is_string()) out.file = json["file"].get<std::string>();
  return out;
}

Result<void> remove_probation(const std::string& fragment) {
  return remove_file(probation_file(fragment));
}

}  // namespace anycast::frr
