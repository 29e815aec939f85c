#include "tests/support/validator.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "controller/base/text.hpp"
#include "controller/model/origin.hpp"
#include "tests/support/catch.hpp"

namespace anycast::test {

void write_file(const std::string& file, const std::string& text) { std::ofstream{file} << text; }

void skip(const std::string& why) {
  if (std::getenv("CI") != nullptr) FAIL(why);
  WARN("SKIP: " << why);
}

Validator::Validator(std::string folder) : folder_{std::move(folder)} {
  if (run_program({"stayrtr", "-version"}) != 0) {
    why_ = "no program 'stayrtr'";
    return;
  }
  space_ = new_space();
  if (space_ < 0 || run_program(inside(space_, {"ip", "link", "set", "lo", "up"})) != 0)
    why_ = "no right to make a network namespace";
}

Validator::~Validator() {
  kill();
  end_process(space_);
}

void Validator::kill() { end_process(stayrtr_); }

void Validator::serves(const std::vector<std::string>& roas) {
  std::vector<std::string> parts;
  for (const auto& text : roas) {
    const auto roa = *parse_roa(text);
    parts.push_back(fmt::format(R"({{"prefix":"{}","maxLength":{},"asn":"AS{}","ta":"test"}})",
                                to_string(roa.prefix), roa.max_length, roa.asn));
  }
  const auto file = folder_ + "/roas.json";
  write_file(file + ".new",
             fmt::format(R"({{"metadata":{{"buildtime":"2026-06-01T12:00:00Z"}},"roas":[{}]}})",
                         join(parts, ",")));
  std::filesystem::rename(file + ".new", file);
  if (stayrtr_ != 0) {
    ::kill(stayrtr_, SIGHUP);
    return;
  }
  stayrtr_ = spawn(inside(
      space_, {"stayrtr", "-bind", fmt::format("127.0.0.1:{}", kPort), "-metrics.addr",
               "127.0.0.1:9847", "-cache", file, "-checktime=false", "-refresh", "600",
               "-rtr.refresh", "1", "-rtr.retry", "1", "-rtr.expire", "600", "-protocol", "1"}));
}

}  // namespace anycast::test
