#include <cstdlib>
#include <filesystem>

#include "tests/support/frr_bench.hpp"
#include "tests/support/process.hpp"

using namespace anycast;
using namespace anycast::test;

TEST_CASE("frr's own shell reads every golden fragment") {
  // Without a daemon and without a change: vtysh knows the commands of all of them.
  const auto reads = [](const std::string& file) {
    return run_program({"vtysh", "-C", "-f", file});
  };
  if (run_program({"vtysh", "--help"}) != 0) {
    if (std::getenv("CI") != nullptr) FAIL("no program 'vtysh'");
    WARN("SKIP: no program 'vtysh'");
    return;
  }
  const FrrBench bench;
  const auto file = bench.folder() + "/whole.conf";
  int read = 0;
  for (const auto& golden :
       std::filesystem::directory_iterator{ANYCASTD_SOURCE_DIR "/tests/golden/frr"}) {
    INFO(golden.path().string());
    bench.write(file, frr_operator_text() + bench.read(golden.path().string()));
    CHECK(reads(file) == 0);
    ++read;
  }
  CHECK(read == 7);
  bench.write(file, "oops\n");
  CHECK(reads(file) != 0);
}
