#include "adapters/rpki/validator.hpp"

#include <filesystem>

#include "adapters/system/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"

using namespace anycast;
using namespace anycast::rpki;

namespace {

const Prefix kOurs = *Prefix::parse("203.0.113.0/24");
const std::vector<Prefix> kPrefixes{kOurs};

std::string with(const std::string& roa) { return R"({"roas":[)" + roa + "]}"; }
constexpr auto kRoa = R"({"asn":"AS64500","prefix":"203.0.113.0/24","maxLength":24})";

Error refusal(const std::string& text) {
  const auto read = read_export(text, kPrefixes);
  REQUIRE(!read);
  return read.error();
}

}  // namespace

TEST_CASE("the exports of rpki-client, routinator and stayrtr are read alike") {
  const auto at = *parse_utc("2026-06-01T12:20:20.000Z");
  const RoaSet wanted{.roas = {{.roa = *parse_roa("203.0.113.0/24-24 AS64500")}}, .generated = at};
  for (const std::string text : {
           R"({"metadata":{"buildmachine":"v","buildtime":"2026-06-01T12:20:20Z","roas":2},
               "roas":[{"asn":64500,"prefix":"203.0.113.0/24","maxLength":24,"ta":"apnic"},
                       {"asn":64511,"prefix":"198.51.100.0/24","maxLength":24,"ta":"apnic"}],
               "aspas":[{"customer_asid":64500,"providers":[64501]}]})",
           R"({"metadata":{"generated":1780316420,"generatedTime":"2026-06-01T12:20:20Z"},
               "roas":[{"asn":"AS64500","prefix":"203.0.113.0/24","maxLength":24,"ta":"apnic"}]})",
           R"({"roas":[{"prefix":"203.0.113.0/24","maxLength":24,"asn":"AS64500","ta":""}],
               "bgpsec_keys":[],"metadata":{"counts":1,"generated":1780316420,"valid":1780320020}})"}) {
    const auto read = read_export(text, kPrefixes);
    REQUIRE(read);
    CHECK(read->roas == wanted.roas);
    CHECK(read->generated == wanted.generated);
  }
  const auto bare = read_export(
      with(R"({"asn":"64500","prefix":"203.0.113.0/24","expires":1780316420,"x":[{"asn":1}]})"),
      kPrefixes);
  CHECK(bare->roas ==
        std::vector<Exported>{{.roa = *parse_roa("203.0.113.0/24-24 AS64500"), .expires = at}});
  CHECK(bare->generated == std::nullopt);
}

TEST_CASE("what is no export, cut short or without a ROA is an error that says where") {
  CHECK(refusal("").text.starts_with("not a validator's export: no JSON at byte "));
  CHECK(refusal(with(kRoa).substr(0, 60)).text.starts_with("not a validator's export: no JSON at"));
  for (const std::string text : {"[]", "{}", "7", R"({"roas":[]})", R"({"roas":{}})",
                                 R"({"metadata":{"roas":[{"asn":1}]}})"})
    CHECK(refusal(text).text == "a validator's export without a single ROA");
  for (const std::string roa :
       {R"({"asn":"AS64500","prefix":"203.0.113.1/24","maxLength":24})",
        R"({"asn":"AS64500","prefix":"203.0.113.0/24","maxLength":23})",
        R"({"asn":"AS64500","prefix":"203.0.113.0/24","maxLength":33})",
        R"({"asn":"64500x","prefix":"203.0.113.0/24"})", R"({"asn":4294967296,"prefix":"::/0"})",
        R"({"prefix":"203.0.113.0/24"})", R"({"asn":"AS64500"})", "{}"}) {
    CHECK(refusal(with(std::string{kRoa} + "," + roa)).text ==
          "not a validator's export: ROA 2 of 'roas' is none");
  }
}

TEST_CASE("the file is read when it has changed, and what has expired counts no more") {
  const Folder folder;
  Config config;
  config.prefixes = {{.prefix = kOurs, .origin_asn = 64500}};
  config.rpki.validator = folder.path("json");
  ValidatorExport validator{config};
  CHECK(validator.origins().error().text == "no file '" + folder.path("json") + "'");

  REQUIRE(replace_file(folder.path("json"), with(kRoa), Survives::process));
  const auto first = validator.origins();
  REQUIRE(first);
  CHECK(first->prefixes.at(kOurs) == Origin{.state = OriginState::valid});
  CHECK(first->as_of == modified_at(folder.path("json")));

  const auto later = [&](const std::string& text) {
    REQUIRE(replace_file(folder.path("json"), text, Survives::process));
    std::filesystem::last_write_time(
        folder.path("json"), std::filesystem::file_time_type::clock::now() + std::chrono::hours{1});
  };
  later(with(R"({"asn":"AS64500","prefix":"203.0.113.0/24","expires":1})"));
  CHECK(validator.origins()->prefixes.at(kOurs) == Origin{.state = OriginState::not_found});
  REQUIRE(remove_file(folder.path("json")));
  REQUIRE(replace_file(folder.path("json"), "{", Survives::process));
  const auto broken = validator.origins();
  REQUIRE(!broken);
  CHECK(broken.error().place.file == folder.path("json"));
}
