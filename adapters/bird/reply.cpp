#include "adapters/bird/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast::bird {

bool Reply::has(int wanted) const {
  return std::ranges::find(lines, wanted, &ReplyLine::code) != lines.end();
}

std::optional<std::string> Reply::text(int wanted) const {
  const auto line = std::ranges::find(lines, wanted, &ReplyLine::code);
  if (line == lines.end()) return std::nullopt;
  return line->text;
}

Result<ReplyParser::Progress> ReplyParser::feed(std::string_view line) {
  bytes_ += line.size() + 1;
  if (bytes_ > kMaxBytes) {
    return fail(Remedy::look_at_peer,
                fmt::format("bird's reply is larger than {} bytes", kMaxBytes));
  }
  if (line.starts_with('+')) {
    asynchronous_.emplace_back(line.substr(1));
    return Progress::more;
  }
  if (line.starts_with(' ') && !reply_.lines.empty()) {
    reply_.lines.push_back({reply_.lines.back().code, std::string{line.substr(1)}});
    return Progress::more;
  }
  const bool coded = line.size() >= 5 && std::ranges::all_of(line.substr(0, 4), is_digit) &&
                     (line[4] == ' ' || line[4] == '-');
  if (!coded) {
    return fail(Remedy::look_at_peer,
                fmt::format("bird answered '{}', expected a line with a reply code",
                            clip(printable(line), 80)));
  }
  int code = 0;
  for (const char c : line.substr(0, 4)) code = code * 10 + (c - '0');
  reply_.lines.push_back({code, std::string{line.substr(5)}});
  return line[4] == ' ' ? Progress::complete : Progress::more;
}

Reply ReplyParser::take() {
  bytes_ = 0;
  return std::exchange(reply_, {});
}

std::vector<std::string> ReplyParser::take_asynchronous() {
  return std::exchange(asynchronous_, {});
}

}  // namespace anycast::bird
