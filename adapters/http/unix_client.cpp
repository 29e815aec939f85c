#include "adapters/http/unix_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "controller/base/text.hpp"

namespace anycast {
namespace {

// The largest answer is a history of some thousand lines; this is far above it.
constexpr std::size_t kMaxAnswer = 64U << 20U;

struct Free {
  void operator()(CURL* curl) const { ::curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};

std::size_t take(const char* data, std::size_t size, std::size_t count, void* body) {
  auto& all = *static_cast<std::string*>(body);
  if (all.size() + size * count > kMaxAnswer) return 0;
  all.append(data, size * count);
  return size * count;
}

HttpFailure failure_of(const std::string& socket, CURLcode code, long os_error, const char* words,
                       Duration timeout) {
  using Kind = HttpFailure::Kind;
  const auto made = [](Kind kind, Remedy remedy, std::string text) {
    return HttpFailure{kind, {.remedy = remedy, .text = std::move(text)}};
  };
  if (code == CURLE_COULDNT_CONNECT && (os_error == EACCES || os_error == EPERM))
    return made(Kind::not_permitted, Remedy::look_at_host, socket + ": permission denied");
  if (code == CURLE_COULDNT_CONNECT && os_error != 0) {
    std::string reason = std::strerror(static_cast<int>(os_error));
    if (os_error == ECONNREFUSED) reason = "connection refused";
    if (os_error == ENOENT) reason = "no such file";
    return made(Kind::no_daemon, Remedy::look_at_host,
                fmt::format("no daemon at {} ({})", socket, reason));
  }
  if (code == CURLE_COULDNT_CONNECT)
    return made(Kind::no_daemon, Remedy::look_at_host, fmt::format("no daemon at {}", socket));
  if (code == CURLE_OPERATION_TIMEDOUT)
    return made(Kind::no_answer, Remedy::wait,
                fmt::format("no answer from {} within {}", socket, format_age(timeout)));
  if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
      code == CURLE_PARTIAL_FILE)
    return made(Kind::no_answer, Remedy::wait,
                fmt::format("the daemon at {} hung up without a whole answer", socket));
  return made(Kind::failed, Remedy::look_at_peer, fmt::format("{}: {}", socket, printable(words)));
}

void encode(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

void set_method(CURL* curl, const std::string& method, const std::string& body) {
  if (method == "HEAD") {
    ::curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    return;
  }
  if (method == "POST") {
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  }
  ::curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
}

}  // namespace

std::string with_query(const std::string& path, const std::map<std::string, std::string>& query) {
  auto out = path;
  char before = '?';
  for (const auto& [key, value] : query) {
    out += std::exchange(before, '&');
    encode(out, key);
    out += '=';
    encode(out, value);
  }
  return out;
}

tl::expected<HttpResponse, HttpFailure> UnixHttpClient::request(const std::string& method,
                                                                const std::string& path,
                                                                const std::string& body,
                                                                Duration timeout) const {
  if (socket_.empty() || socket_.size() >= sizeof(sockaddr_un::sun_path)) {
    return tl::unexpected(
        HttpFailure{HttpFailure::Kind::failed,
                    {.remedy = Remedy::fix_value,
                     .text = fmt::format("socket path '{}' has {} bytes, expected 1 to {}", socket_,
                                         socket_.size(), sizeof(sockaddr_un::sun_path) - 1)}});
  }
  const std::unique_ptr<CURL, Free> handle{::curl_easy_init()};
  CURL* const curl = handle.get();
  const std::unique_ptr<curl_slist, Free> headers{::curl_slist_append(
      ::curl_slist_append(nullptr, "Content-Type: application/json"), "Expect:")};
  const auto url = "http://anycastd" + path;
  HttpResponse response{.content_type = ""};
  char words[CURL_ERROR_SIZE] = "";
  const auto timeout_ms =
      std::max<std::int64_t>(1, std::chrono::ceil<milliseconds>(timeout).count());
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  ::curl_easy_setopt(curl, CURLOPT_PROXY, "");  // http_proxy in the environment is not meant for us
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
  set_method(curl, method, body);
  const auto code = ::curl_easy_perform(curl);
  if (code != CURLE_OK) {
    long os_error = 0;
    ::curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
    return tl::unexpected(failure_of(socket_, code, os_error, words, timeout));
  }
  long status = 0;
  const char* type = nullptr;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  ::curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  response.status = static_cast<int>(status);
  if (type != nullptr) response.content_type = type;
  return response;
}

}  // namespace anycast
