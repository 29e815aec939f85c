#include "controller/cmd/anycastctl_client.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "adapters/http/unix_client.hpp"
#include "controller/app/text_table.hpp"
#include "controller/base/text.hpp"
#include "controller/config/config.hpp"

namespace anycast::cmd {
namespace {

constexpr int kNarrowest = 80;  // tables are made for it
constexpr int kPipe = 100;      // where nobody says how wide

bool wants_colour() {
  const char* off = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view{terminal} == "dumb";
  return ::isatty(STDOUT_FILENO) == 1 && (off == nullptr || *off == '\0') && !dumb;
}

int terminal_width(int descriptor) {
  winsize size{};
  if (::isatty(descriptor) != 1) return kPipe;
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kPipe;
  return std::max<int>(size.ws_col, kNarrowest);
}

std::string shaped(const std::string& text, int descriptor) {
  return ::isatty(descriptor) == 1 ? text::within(text, terminal_width(descriptor)) : text;
}

std::string user_name() {
  const auto* entry = ::getpwuid(::geteuid());
  return entry == nullptr ? fmt::format("uid {}", ::geteuid()) : entry->pw_name;
}

int explain_failure(const HttpFailure& failure, const std::string& socket) {
  switch (failure.kind) {
    case HttpFailure::Kind::no_daemon:
      complain(kUnavailable, failure.error);
      warn(
          fmt::format("  is it running?  systemctl status anycastd\n"
                      "  another place than '{}'?  --socket PATH\n",
                      socket));
      return kUnavailable;
    case HttpFailure::Kind::not_permitted:
      complain(kNotPermitted, failure.error);
      warn(fmt::format(
          "  you are '{}'; members of the socket's group may (control.group): adduser {} GROUP, "
          "then log in again\n",
          user_name(), user_name()));
      return kNotPermitted;
    case HttpFailure::Kind::no_answer: return complain(kUnavailable, failure.error);
    case HttpFailure::Kind::failed: return complain(kFailed, failure.error);
  }
  return kFailed;
}

int exit_of(int status) {
  switch (status) {
    case 400:
    case 404:
    case 405: return kUsage;
    case 403: return kNotPermitted;
    case 422: return kConfig;
    case 503: return kTryLater;
    default: return kFailed;
  }
}

}  // namespace

text::Look look_of(const Options& options) {
  return {.format = text::parse_format(options.output).value_or(text::Format::table),
          .width = terminal_width(STDOUT_FILENO),
          .colour = !options.no_color && wants_colour(),
          .utc = options.utc};
}

void print(const Json& report, const Options& options) {
  std::cout << text::print(report, look_of(options)) << std::flush;
}

void tell(const std::string& text) { std::cout << shaped(text, STDOUT_FILENO) << std::flush; }

int quote_columns(int descriptor) {
  return ::isatty(descriptor) == 1 ? terminal_width(descriptor) : config::kWidestQuote;
}

void warn(const std::string& text) { std::cerr << shaped(text, STDERR_FILENO) << std::flush; }

int complain(int code, const std::string& text) {
  warn("anycastctl: " + text + "\n");
  return code;
}

int complain(int code, const Error& error) {
  complain(code, to_string(error));
  for (const auto& note : error.notes) warn("  " + note + "\n");
  return code;
}

Daemon::Daemon(const Options& options)
    : socket_{options.socket},
      timeout_{parse_duration(options.timeout).value_or(seconds{5})},
      quiet_{options.quiet} {}

tl::expected<Answer, int> Daemon::ask(const std::string& method, const std::string& path,
                                      const Json& body) const {
  const UnixHttpClient client{socket_};
  const auto text = body.is_null() ? std::string{} : body.dump();
  const auto reply = client.request(method, path, text, timeout_);
  if (!reply) {
    return tl::unexpected(quiet_ ? kUnavailable : explain_failure(reply.error(), socket_));
  }
  auto parsed = Json::parse(reply->body, nullptr, false);
  if (parsed.is_discarded()) {
    return tl::unexpected(complain(
        kFailed, fmt::format("the daemon answered '{}' with something that is no JSON", path)));
  }
  return Answer{reply->status, std::move(parsed)};
}

tl::expected<Json, int> Daemon::good(const tl::expected<Answer, int>& answer) const {
  if (!answer) return tl::unexpected(answer.error());
  if (answer->status < 400) return answer->body;
  const auto code = exit_of(answer->status);
  const auto words = text::print(answer->body, {.width = 10'000});
  return tl::unexpected(complain(code, std::string{trim(words)}));
}

tl::expected<Json, int> Daemon::get(const std::string& path,
                                    const std::map<std::string, std::string>& query) const {
  return good(ask("GET", query.empty() ? path : with_query(path, query), nullptr));
}

tl::expected<Json, int> Daemon::post(const std::string& path, const Json& body) const {
  return good(ask("POST", path, body));
}

}  // namespace anycast::cmd
