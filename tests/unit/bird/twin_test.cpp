#include "adapters/bird/twin.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "adapters/system/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/folder.hpp"

using namespace anycast;
using namespace anycast::bird;

TEST_CASE("the copy of the operator's file is as secret as the original, and gone afterwards") {
  const Folder f;
  const auto main_file = f.path("main.conf");
  const auto fragment = f.path("bird.conf");
  std::ofstream{main_file} << "password \"secret\";\ninclude \"bird.conf\";\n";
  ::chmod(main_file.c_str(), 0640);
  // What a killed predecessor has left, open for all, is not written into.
  const auto copy = f.path(".anycastd.check.conf");
  std::ofstream{copy} << "old";
  ::chmod(copy.c_str(), 0666);
  {
    const auto config = read_operator_config(main_file, fragment).value();
    const auto twin = Twin::make(config, main_file, fragment, "# candidate\n");
    REQUIRE(twin);
    CHECK(twin->file() == copy);
    struct stat info {};
    REQUIRE(::stat(copy.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0640U);
    const auto candidate = f.path(".anycastd.check.frag");
    CHECK(read_file(copy).value() == "password \"secret\";\ninclude \"" + candidate + "\";\n");
    CHECK(read_file(candidate).value() == "# candidate\n");
    CHECK(twin->named({.text = "t", .place = {candidate, 1, 2}}).place == Place{fragment, 1, 2});
    CHECK(twin->named({.text = "t", .place = {copy, 1, 2}}).place == Place{main_file, 1, 2});
  }
  int left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{f.name()}) ++left;
  CHECK(left == 1);
}

TEST_CASE("a folder that is not there is an error with its name") {
  OperatorConfig config;
  const auto twin = Twin::make(config, "/etc/hostname", "/nowhere/bird.conf", "");
  REQUIRE(!twin);
  CHECK(twin.error().text.starts_with("cannot write '/nowhere/"));
}
