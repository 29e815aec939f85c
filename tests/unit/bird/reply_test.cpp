#include "adapters/bird/reply.hpp"

#include "controller/base/text.hpp"
#include "tests/support/catch.hpp"

using namespace anycast;
using namespace anycast::bird;

namespace {

/// Feeds a transcript; the replies in it, then the error if there was one.
std::vector<Reply> replies(std::string_view transcript, std::string* error = nullptr) {
  ReplyParser parser;
  std::vector<Reply> out;
  for (const auto& line : split(transcript, '\n')) {
    const auto progress = parser.feed(line);
    if (!progress) {
      if (error != nullptr) *error = progress.error().text;
      return out;
    }
    if (*progress == ReplyParser::Progress::complete) out.push_back(parser.take());
  }
  return out;
}

std::string error_of(std::string_view transcript) {
  std::string error;
  replies(transcript, &error);
  return error;
}

}  // namespace

TEST_CASE("a reply ends with the code that a blank follows") {
  CHECK(replies("0002-Reading configuration from /etc/bird/bird.conf\n0022-Undo scheduled in 30 "
                "s\n0003 Reconfigured\n0000 ") ==
        std::vector<Reply>{{{{2, "Reading configuration from /etc/bird/bird.conf"},
                             {22, "Undo scheduled in 30 s"},
                             {3, "Reconfigured"}}},
                           {{{0, ""}}}});
}

TEST_CASE("a line that begins with a blank continues the code before it") {
  CHECK(replies("1011-Router ID is 192.0.2.1\n Hostname is hk1\n\n0013 up").empty());
  CHECK(
      replies("1011-Router ID is 192.0.2.1\n Hostname is hk1\n \n0013 up") ==
      std::vector<Reply>{
          {{{1011, "Router ID is 192.0.2.1"}, {1011, "Hostname is hk1"}, {1011, ""}, {13, "up"}}}});
}

TEST_CASE("asynchronous lines are kept apart") {
  ReplyParser parser;
  CHECK(parser.feed("1000-BIRD 2.0.12") == ReplyParser::Progress::more);
  CHECK(parser.feed("+Config timeout expired, starting undo") == ReplyParser::Progress::more);
  CHECK(parser.feed("0013 up") == ReplyParser::Progress::complete);
  CHECK(parser.take() == Reply{{{1000, "BIRD 2.0.12"}, {13, "up"}}});
  CHECK(parser.take_asynchronous() ==
        std::vector<std::string>{"Config timeout expired, starting undo"});
  CHECK(parser.take_asynchronous().empty());
}

TEST_CASE("anything else is an error that quotes it") {
  const std::string expected = ", expected a line with a reply code";
  CHECK(error_of("hello") == "bird answered 'hello'" + expected);
  CHECK(error_of("") == "bird answered ''" + expected);
  CHECK(error_of(" nothing before") == "bird answered ' nothing before'" + expected);
  CHECK(error_of("12x4 a") == "bird answered '12x4 a'" + expected);
  CHECK(error_of("0013") == "bird answered '0013'" + expected);
  CHECK(error_of("0013\tup") == "bird answered '0013?up'" + expected);
}

TEST_CASE("a reply that never ends is given up at the cap") {
  ReplyParser parser;
  const std::string line = "1000-" + std::string(1000, 'x');
  std::size_t lines = 0;
  while (parser.feed(line)) ++lines;
  CHECK(lines == ReplyParser::kMaxBytes / (line.size() + 1));
}
