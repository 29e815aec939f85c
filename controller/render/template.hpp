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

/// A compiled template. Syntax: `{{ name | type }}`; `{% for x in list %}` ... `{% end %}`, inside
/// of which `x.name` is a field of the element; `{% if flag %}` ... `{% else %}` ... `{% end %}`;
/// `{# comment #}`. A line that holds nothing but one statement or comment leaves no line behind.
/// Every hole has a type (see hole.hpp), which validates and quotes; there is no raw output.
class Template {
 public:
  /// Checks the text against the shape of `sample`: an unknown name, a missing or wrong type is an
  /// error with template:line:column now, not at the first rendering. Lists of the sample need one
  /// element, which stands for all.
  static Result<Template> compile(std::string name, std::string_view text, const Record& sample);
  /// Fails when the data has another shape than the sample had, or a value that its type refuses.
  Result<std::string> render(const Record& data) const;
  const std::string& name() const { return name_; }

  struct Node;

 private:
  Template(std::string name, std::shared_ptr<const std::vector<Node>> nodes);

  std::string name_;
  std::shared_ptr<const std::vector<Node>> nodes_;
};

}  // namespace anycast::render
