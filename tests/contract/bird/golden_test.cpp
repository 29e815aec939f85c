#include <filesystem>

#include "tests/support/bird_bench.hpp"

using namespace anycast;
using namespace anycast::test;

TEST_CASE("bird itself reads every golden fragment") {
  if (run_program({"bird", "--version"}) != 0) {
    if (std::getenv("CI") != nullptr) FAIL("no program 'bird'");
    WARN("SKIP: no program 'bird'");
    return;
  }
  const BirdBench bench;
  int read = 0;
  for (const auto& golden :
       std::filesystem::directory_iterator{ANYCASTD_SOURCE_DIR "/tests/golden/bird"}) {
    INFO(golden.path().string());
    bench.write(bench.operator_file(), operator_text(golden.path().string()));
    CHECK(run_program({"bird", "-p", "-c", bench.operator_file()}) == 0);
    ++read;
  }
  CHECK(read == 7);
  bench.write(bench.operator_file(), "oops;\n");
  CHECK(run_program({"bird", "-p", "-c", bench.operator_file()}) != 0);
}
