#include <nlohmann/json.hpp>

#include "controller/config/config.hpp"
#include "controller/config/table.hpp"

namespace anycast::config {
namespace {

using Json = nlohmann::ordered_json;

Json schema_of(const Value& value);

Json schema_of(const Shape& shape) {
  if (shape.type == Shape::Type::integer) {
    return {{"type", "integer"}, {"minimum", shape.min}, {"maximum", shape.max}};
  }
  if (shape.type == Shape::Type::share) {
    return {{"anyOf",
             {{{"type", "string"}, {"pattern", "^[0-9]+(\\.[0-9]+)?%$"}},
              {{"type", "number"}, {"minimum", 0}, {"maximum", 1}}}}};
  }
  if (shape.type == Shape::Type::flag) return {{"type", "boolean"}};
  if (!shape.words.empty()) return {{"enum", shape.words}};
  Json out = {{"type", "string"}};
  if (!shape.pattern.empty()) out["pattern"] = shape.pattern;
  return out;
}

/// What holds where the file says nothing, in the type that the schema names.
void add_default(const Field& field, Json& property) {
  const auto* scalar = std::get_if<Scalar>(&field.value.is);
  if (scalar == nullptr || field.need == Field::Need::required) return;
  const auto text = scalar->write();
  if (!text || text->empty()) return;
  const auto type = scalar->shape.type;
  const bool literal = type == Shape::Type::integer || type == Shape::Type::flag;
  property["default"] = literal ? Json::parse(*text) : Json(*text);
}

Json schema_of(const Table& table) {
  Json out = {{"type", "object"}, {"additionalProperties", false}};
  Json properties = Json::object();
  Json required = Json::array();
  for (const auto& field : table.fields) {
    Json property = schema_of(field.value);
    property["description"] = field.doc;
    add_default(field, property);
    properties[field.key] = property;
    if (field.need == Field::Need::required) required.push_back(field.key);
  }
  out["properties"] = properties;
  if (!required.empty()) out["required"] = required;
  return out;
}

Json schema_of(const Value& value) {
  if (const auto* scalar = std::get_if<Scalar>(&value.is)) return schema_of(scalar->shape);
  if (const auto* table = std::get_if<Table>(&value.is)) return schema_of(*table);
  if (const auto* list = std::get_if<List>(&value.is)) {
    return {{"type", "array"}, {"minItems", 1}, {"items", schema_of(list->append())}};
  }
  const auto& map = std::get<Map>(value.is);
  // Any accepted key will do to see what an entry looks like.
  const auto* sample = map.accept("sample") ? "192.0.2.0/24" : "sample";
  return {{"type", "object"},
          {"minProperties", 1},
          {"propertyNames", schema_of(map.key)},
          {"additionalProperties", schema_of(map.insert(sample))}};
}

}  // namespace

std::string schema() {
  Document document;
  Json out = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
              {"title", "anycastd.yaml"}};
  out.update(schema_of(table(document)));
  return out.dump(2) + "\n";
}

}  // namespace anycast::config
