#include "adapters/frr/vty.hpp"

#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::frr;

namespace {

std::string ended(const std::string& text, char status) {
  return text + std::string(3, '\0') + status;
}

}  // namespace

TEST_CASE("a reply is whole with its three NULs and its status, however it comes") {
  const auto bytes = ended("line\nline two\n", 13);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ReplyReader reader;
    const auto first = reader.feed(bytes.substr(0, cut));
    REQUIRE(first);
    if (cut == bytes.size()) {
      CHECK(**first == Reply{"line\nline two\n", 13});
      continue;
    }
    CHECK(*first == std::nullopt);
    const auto second = reader.feed(bytes.substr(cut));
    REQUIRE(second);
    CHECK(**second == Reply{"line\nline two\n", 13});
  }
  ReplyReader slow;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    CHECK(*slow.feed(bytes.substr(i, 1)) == std::nullopt);
  }
  CHECK(**slow.feed(bytes.substr(bytes.size() - 1)) == Reply{"line\nline two\n", 13});
}

TEST_CASE("a status may be a NUL, and a text may be empty") {
  ReplyReader reader;
  CHECK(**reader.feed(ended("", 0)) == Reply{"", 0});
  CHECK(**reader.feed(ended("x", 0)) == Reply{"x", 0});
}

TEST_CASE("what does not end as FRR ends is an error") {
  for (const auto& bytes : {std::string("a\0b", 3), std::string("a\0\0b\0", 5), ended("a", 0) + "b",
                            ended("a", 1) + std::string(1, '\0')}) {
    ReplyReader reader;
    const auto read = reader.feed(bytes);
    REQUIRE(!read);
    CHECK(read.error().text == "a reply that does not end with three NULs and a status");
  }
  ReplyReader slow;
  REQUIRE(slow.feed(std::string("a\0", 2)));
  CHECK(!slow.feed("b"));
}

TEST_CASE("a reply that grows without an end is given up") {
  ReplyReader reader;
  const std::string chunk(1U << 20U, 'x');
  for (int i = 0; i < 8; ++i) REQUIRE(reader.feed(chunk));
  CHECK(reader.feed("x").error().text == "a reply of more than 8388608 bytes");
}
