#include "adapters/prometheus/http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "controller/base/text.hpp"

namespace anycast::prometheus {
namespace {

/// Between two looks at what is pressing.
constexpr int kLookMs = 50;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

struct Body {
  std::string text;
  std::size_t limit;
  bool cut = false;
};

/// Taking less than what is offered ends the transfer with CURLE_WRITE_ERROR.
std::size_t take_bytes(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<Body*>(user);
  const std::size_t bytes = size * count;
  if (bytes > body.limit - body.text.size()) {
    body.cut = true;
    return 0;
  }
  body.text.append(data, bytes);
  return bytes;
}

std::string encode(CURL* curl, const Form& form) {
  std::string out;
  for (const auto& [name, value] : form) {
    char* escaped = curl_easy_escape(curl, value.c_str(), static_cast<int>(value.size()));
    if (escaped == nullptr) continue;
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, escaped);
    curl_free(escaped);
  }
  return out;
}

Ending ending_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return Ending::timeout;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_INTERFACE_FAILED: return Ending::refused;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED: return Ending::tls;
    default: return Ending::bad_answer;
  }
}

Failure explain(CURL* curl, CURLcode code, const Server& server, const PrometheusConfig& config,
                const Body& body) {
  const bool https = server.query_url.starts_with("https:");
  const std::string detail = curl_easy_strerror(code);
  if (body.cut) {
    return {Ending::bad_answer, fmt::format("sent more than {} bytes", config.max_body)};
  }
  if (code == CURLE_ABORTED_BY_CALLBACK) {
    return {Ending::timeout, "was not waited for: this node has news of its own"};
  }
  // A server that wanted a client certificate hangs up after the handshake of TLS 1.3, which looks
  // like a failed send or receive.
  if (https && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR) && body.text.empty()) {
    return {Ending::tls, "hung up after the TLS handshake, it may want a client certificate"};
  }
  curl_off_t connected = 0;
  curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
  switch (ending_of(code)) {
    case Ending::timeout:
      return {Ending::timeout, connected == 0 ? fmt::format("took no connection within {}",
                                                            print_duration(config.connect_timeout))
                                              : fmt::format("did not answer within {}",
                                                            print_duration(config.timeout))};
    case Ending::refused:
      return {Ending::refused, code == CURLE_COULDNT_RESOLVE_HOST ? "has no address in DNS"
                                                                  : "refused the connection"};
    case Ending::tls: return {Ending::tls, fmt::format("failed in TLS: {}", detail)};
    default: return {Ending::bad_answer, fmt::format("broke off: {}", detail)};
  }
}

void set_common(CURL* curl, const PrometheusConfig& config, Duration deadline) {
  using std::chrono::duration_cast;
  const auto ms = [](Duration d) {
    return static_cast<long>(std::max<std::int64_t>(1, duration_cast<milliseconds>(d).count()));
  };
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, ms(std::min(config.connect_timeout, deadline)));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms(deadline));
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  // The environment of a daemon must not decide whom it asks.
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "anycastd/" ANYCASTD_VERSION);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
#if LIBCURL_VERSION_NUM >= 0x075700
  // A new CA file counts from the next connection, not after a day.
  curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
  const auto file = [&](CURLoption option, const std::string& path) {
    if (!path.empty()) curl_easy_setopt(curl, option, path.c_str());
  };
  file(CURLOPT_CAINFO, config.tls.ca_file);
  file(CURLOPT_SSLCERT, config.tls.cert_file);
  file(CURLOPT_SSLKEY, config.tls.key_file);
}

}  // namespace

std::string to_string(Ending ending) {
  switch (ending) {
    case Ending::ok: return "ok";
    case Ending::timeout: return "timeout";
    case Ending::http_error: return "http_error";
    case Ending::bad_answer: return "bad_answer";
    case Ending::tls: return "tls";
    case Ending::refused: return "refused";
  }
  return "?";
}

Server parse_server(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> parsed{curl_url()};
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return {};
  }
  const auto scheme = part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return {};
  auto path = part(parsed.get(), CURLUPART_PATH);
  while (path.ends_with('/')) path.pop_back();
  curl_url_set(parsed.get(), CURLUPART_FRAGMENT, nullptr, 0);
  curl_url_set(parsed.get(), CURLUPART_PATH, (path + "/api/v1/query").c_str(), 0);
  Server server{.query_url = part(parsed.get(), CURLUPART_URL)};
  server.name = fmt::format("{}:{}", part(parsed.get(), CURLUPART_HOST),
                            part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
  const auto port = part(parsed.get(), CURLUPART_PORT);
  server.shown = fmt::format("{}://{}{}{}{}", scheme, part(parsed.get(), CURLUPART_HOST),
                             port.empty() ? "" : ":", port, path);
  return server;
}

void HttpClient::Close::operator()(void* curl) const { curl_easy_cleanup(curl); }
void HttpClient::CloseMulti::operator()(void* multi) const { curl_multi_cleanup(multi); }

// curl_easy_init also sets up the library where nobody has (safe in threads since 7.84).
HttpClient::HttpClient(std::function<bool()> pressing)
    : pressing_{std::move(pressing)}, multi_{curl_multi_init()}, curl_{curl_easy_init()} {}

int HttpClient::perform() {
  CURLM* multi = multi_.get();
  if (curl_multi_add_handle(multi, curl_.get()) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode code = CURLE_OK;
  int running = 1;
  while (running != 0 && code == CURLE_OK) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) code = CURLE_FAILED_INIT;
    if (running == 0 || code != CURLE_OK) break;
    if (pressing_ && pressing_()) code = CURLE_ABORTED_BY_CALLBACK;
    curl_multi_poll(multi, nullptr, 0, kLookMs, nullptr);
  }
  int left = 0;
  while (const auto* message = curl_multi_info_read(multi, &left)) {
    if (message->msg == CURLMSG_DONE) code = message->data.result;
  }
  curl_multi_remove_handle(multi, curl_.get());
  return code;
}

tl::expected<HttpAnswer, Failure> HttpClient::post(const Server& server, const Form& form,
                                                   const Credentials& credentials,
                                                   const PrometheusConfig& config,
                                                   Duration deadline) {
  CURL* curl = curl_.get();
  if (curl == nullptr || multi_ == nullptr) {
    return tl::unexpected(Failure{Ending::refused, "was not asked: libcurl did not start"});
  }
  // Forgets all options and credentials, keeps the connections.
  curl_easy_reset(curl);
  set_common(curl, config, deadline);
  const auto fields = encode(curl, form);
  Body body{.text = {},
            .limit = static_cast<std::size_t>(std::max<std::int64_t>(0, config.max_body))};
  // Without the empty Expect, curl waits up to 1 s for "100 Continue" before a long form.
  std::unique_ptr<curl_slist, FreeList> headers{curl_slist_append(nullptr, "Expect:")};
  if (!credentials.bearer.empty()) {
    curl_slist_append(headers.get(), ("Authorization: Bearer " + credentials.bearer).c_str());
  }
  if (!credentials.username.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERNAME, credentials.username.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, credentials.password.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_URL, server.query_url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(fields.size()));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, fields.c_str());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);

  const auto code = static_cast<CURLcode>(perform());
  if (code != CURLE_OK) return tl::unexpected(explain(curl, code, server, config, body));
  HttpAnswer answer;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  const char* type = nullptr;
  curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
  if (type != nullptr) answer.content_type = type;
  answer.body = std::move(body.text);
  return answer;
}

}  // namespace anycast::prometheus
