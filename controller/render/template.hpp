#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/base/error.hpp"

namespace anycast::render {

struct Data;
using Record = std::map<std::string, Data>;
using List = std::vector<Record>;
/// What a hole or a loop may stand for.
struct Data {
  std::variant<bool, std::uint32_t, std::string, List> value;
};

/// A compiled template. Syntax: `{{ name | type }}` with the types ident, prefix, ip, asn, u32,
/// community, string; `{% for x in list %}` ... `{% end %}`; `{% if flag %}` ... `{% else %}` ...
/// `{% end %}`;
/// `{# comment #}`. Every hole has a type, which validates and quotes; there is no raw output.
class Template {
 public:
  /// Checks the text against the shape of `sample`: an unknown name, a missing or wrong type is an
  /// error with template:line:column now, not at the first rendering.
  static Result<Template> compile(std::string name, std::string_view text, const Record& sample);
  Result<std::string> render(const Record& data) const;

  struct Node;

 private:
  std::string name_;
  std::shared_ptr<const std::vector<Node>> nodes_;
};

}  // namespace anycast::render
