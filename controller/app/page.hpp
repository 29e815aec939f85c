#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

/// The status page: files of controller/app/page that are part of the program. A script fills "/"
/// with what the API says; who runs no script gets the picture as a table.
namespace anycast::page {

struct File {
  std::string_view content_type;
  std::string_view text;
};
/// By path; "/" has a hole "{{picture}}".
const std::map<std::string_view, File>& files();

/// "/" with a status report (or null, before the first cycle) as tables; every text in it is
/// escaped.
std::string index(const nlohmann::ordered_json& status);
/// The same for a run that has ended: the page asks for its moments.
std::string replay_index(const nlohmann::ordered_json& status);

}  // namespace anycast::page
