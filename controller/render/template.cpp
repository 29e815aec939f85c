#include "controller/render/template.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/render/hole.hpp"
#include "controller/render/node.hpp"

namespace anycast::render {
namespace {

using Nodes = std::vector<Template::Node>;

tl::unexpected<Error> error(Remedy remedy, const Place& place, std::string text) {
  return tl::unexpected(Error{.remedy = remedy, .text = std::move(text), .place = place});
}

tl::unexpected<Error> unknown(const Template::Node& node, const Scope& scope) {
  const auto near = nearest(node.name, scope.names());
  return error(Remedy::fix_text, node.place,
               near.empty()
                   ? fmt::format("unknown name '{}', expected one of: {}", node.name,
                                 join(scope.names(), ", "))
                   : fmt::format("unknown name '{}', did you mean '{}'?", node.name, near));
}

/// The value of the node's name if it has the wanted type.
template <class T>
Result<const T*> value_of(const Template::Node& node, const Scope& scope,
                          std::string_view expected) {
  const auto* data = scope.find(node.name);
  if (data == nullptr) return unknown(node, scope);
  const auto* value = std::get_if<T>(&data->value);
  if (value == nullptr) {
    return error(Remedy::fix_text, node.place, fmt::format("'{}' is no {}", node.name, expected));
  }
  return value;
}

Result<std::string> filled(const Template::Node& node, const Scope& scope) {
  const auto* data = scope.find(node.name);
  if (data == nullptr) return unknown(node, scope);
  auto text = fill(node.type, *data);
  if (!text) return error(text.error().remedy, node.place, node.name + ": " + text.error().text);
  return text;
}

// Both branches of every `if` and every loop once, so that nothing is left for the first rendering.
Result<void> check(const Nodes& nodes, Scope& scope) {
  using Kind = Template::Node::Kind;
  for (const auto& node : nodes) {
    if (node.kind == Kind::hole) {
      if (auto text = filled(node, scope); !text) return tl::unexpected(text.error());
    } else if (node.kind == Kind::branch) {
      if (auto flag = value_of<bool>(node, scope, "flag"); !flag) {
        return tl::unexpected(flag.error());
      }
      if (auto ok = check(node.body, scope); !ok) return ok;
      if (auto ok = check(node.other, scope); !ok) return ok;
    } else if (node.kind == Kind::loop) {
      const auto list = value_of<List>(node, scope, "list");
      if (!list) return tl::unexpected(list.error());
      if ((*list)->empty()) {
        return error(Remedy::report, node.place, fmt::format("no sample of '{}'", node.name));
      }
      if (scope.has_variable(node.variable)) {
        return error(Remedy::fix_text, node.place,
                     fmt::format("'{}' is the element of a loop around this one", node.variable));
      }
      scope.push(node.variable, (*list)->front());
      auto ok = check(node.body, scope);
      scope.pop();
      if (!ok) return ok;
    }
  }
  return {};
}

Result<void> write(const Nodes& nodes, Scope& scope, std::string& out) {
  using Kind = Template::Node::Kind;
  for (const auto& node : nodes) {
    if (node.kind == Kind::text) {
      out += node.text;
    } else if (node.kind == Kind::hole) {
      const auto text = filled(node, scope);
      if (!text) return tl::unexpected(text.error());
      out += *text;
    } else if (node.kind == Kind::branch) {
      const auto flag = value_of<bool>(node, scope, "flag");
      if (!flag) return tl::unexpected(flag.error());
      if (auto ok = write(**flag ? node.body : node.other, scope, out); !ok) return ok;
    } else {
      const auto list = value_of<List>(node, scope, "list");
      if (!list) return tl::unexpected(list.error());
      for (const auto& element : **list) {
        scope.push(node.variable, element);
        auto ok = write(node.body, scope, out);
        scope.pop();
        if (!ok) return ok;
      }
    }
  }
  return {};
}

}  // namespace

bool Scope::has_variable(const std::string& name) const {
  return std::ranges::any_of(loops_, [&](const auto& loop) { return loop.first == name; });
}

const Data* Scope::find(const std::string& name) const {
  const auto dot = name.find('.');
  const Record* record = &root_;
  if (dot != std::string::npos) {
    const auto variable = name.substr(0, dot);
    const auto loop = std::ranges::find_if(
        loops_, [&](const auto& candidate) { return candidate.first == variable; });
    if (loop == loops_.end()) return nullptr;
    record = loop->second;
  }
  const auto field = record->find(dot == std::string::npos ? name : name.substr(dot + 1));
  return field == record->end() ? nullptr : &field->second;
}

std::vector<std::string> Scope::names() const {
  std::vector<std::string> names;
  for (const auto& [name, data] : root_) names.push_back(name);
  for (const auto& [variable, element] : loops_) {
    for (const auto& [name, data] : *element) names.push_back(variable + "." + name);
  }
  return names;
}

Template::Template(std::string name, std::shared_ptr<const std::vector<Node>> nodes)
    : name_{std::move(name)}, nodes_{std::move(nodes)} {}

Result<Template> Template::compile(std::string name, std::string_view text, const Record& sample) {
  auto nodes = parse_template(name, text);
  if (!nodes) return tl::unexpected(nodes.error());
  Scope scope{sample};
  if (auto ok = check(*nodes, scope); !ok) return tl::unexpected(ok.error());
  return Template{std::move(name), std::make_shared<const std::vector<Node>>(std::move(*nodes))};
}

Result<std::string> Template::render(const Record& data) const {
  std::string out;
  Scope scope{data};
  if (auto ok = write(*nodes_, scope, out); !ok) return tl::unexpected(ok.error());
  return out;
}

}  // namespace anycast::render
