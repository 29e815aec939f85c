#pragma once

#include <string>
#include <vector>

#include "controller/render/template.hpp"

namespace anycast::render {

/// One piece of a compiled template.
struct Template::Node {
  enum class Kind { text, hole, loop, branch };
  Kind kind;
  Place place = {};
  std::string text = {};         ///< text: as it stands
  std::string name = {};         ///< hole, branch: what it stands for; loop: the list
  std::string type = {};         ///< hole
  std::string variable = {};     ///< loop: name of the element
  std::vector<Node> body = {};   ///< loop; branch where the flag is true
  std::vector<Node> other = {};  ///< branch where the flag is false
};

/// What names mean at a place of the template: the whole data, and the elements of the loops
/// around.
class Scope {
 public:
  explicit Scope(const Record& root) : root_{root} {}

  void push(const std::string& variable, const Record& element) {
    loops_.emplace_back(variable, &element);
  }
  void pop() { loops_.pop_back(); }
  bool has_variable(const std::string& name) const;
  /// The value of "name" or "variable.name", or nothing.
  const Data* find(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  const Record& root_;
  std::vector<std::pair<std::string, const Record*>> loops_ = {};
};

/// Splits the text into nodes; knows nothing about data.
Result<std::vector<Template::Node>> parse_template(const std::string& name, std::string_view text);

}  // namespace anycast::render
