#include <unistd.h>

#include <cstdlib>

#include "tests/support/catch.hpp"
#include "tests/unit/config/samples.hpp"

using namespace anycast;
using namespace anycast::config;

namespace {

/// What tests/config/schema_check.py says about the files: its exit status.
int check(const std::string& expectation, const std::vector<std::string>& files) {
  const auto schema_file = std::filesystem::temp_directory_path() /
                           ("anycastd-schema-" + std::to_string(getpid()) + ".json");
  std::ofstream{schema_file, std::ios::binary} << schema();
  auto command = "python3 " + tree("tests/config/schema_check.py").string() + " " + expectation +
                 " " + schema_file.string();
  for (const auto& file : files) command += " " + tree(file).string();
  const int status = std::system(command.c_str());
  std::filesystem::remove(schema_file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool have_validator() { return std::system("python3 -c 'import jsonschema, yaml'") == 0; }

}  // namespace

TEST_CASE("the schema accepts what the reader accepts, and refuses what it can know to be wrong") {
  if (!have_validator()) {
    WARN("SKIP: python3-jsonschema or python3-yaml is missing");
    CHECK(std::getenv("CI") == nullptr);
    return;
  }
  CHECK(check("accept", {"deploy/example/anycastd.yaml", "tests/config/good/small.yaml",
                         "tests/config/bad/guard-deadlock-nodes.yaml"}) == 0);
  const std::string bad = "tests/config/bad/";
  CHECK(check("refuse",
              {bad + "unknown-key.yaml", bad + "unit-duration.yaml", bad + "unit-share.yaml",
               bad + "type-list.yaml", bad + "type-empty.yaml", bad + "range.yaml",
               bad + "missing.yaml", bad + "names.yaml", bad + "secret.yaml"}) == 0);
}
