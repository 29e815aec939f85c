#include "adapters/health/http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>

#include "adapters/health/tcp.hpp"
#include "controller/base/text.hpp"

namespace anycast::health {
namespace {

constexpr std::size_t kMostBody = 64U << 10U;
constexpr std::size_t kIdle = 64;  ///< handles kept for the next tries

template <class... T>
Answer failure(fmt::format_string<T...> form, T&&... parts) {
  return {.kind = Answer::Kind::failed, .why = fmt::format(form, std::forward<T>(parts)...)};
}

std::string statuses(const std::vector<int>& wanted) {
  std::vector<std::string> words;
  words.reserve(wanted.size());
  for (const int status : wanted) words.push_back(std::to_string(status));
  return join(words, " or ");
}

}  // namespace

struct HttpTries::Try {
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
  std::unique_ptr<curl_slist, FreeList> headers = {};
  std::unique_ptr<curl_slist, FreeList> connect_to = {};
  std::size_t slot = 0;
  const Check* check = nullptr;
  std::string body = {};
  std::size_t bytes = 0;
  bool enough = false;

  /// Taking less than what is offered ends the transfer.
  std::size_t take(const char* data, std::size_t size) {
    const auto room = kMostBody - std::min(bytes, kMostBody);
    if (!check->body.empty()) body.append(data, std::min(size, room));
    bytes += size;
    enough = bytes >= kMostBody;
    return enough ? 0 : size;
  }
  long number(CURLINFO what) const {
    long out = 0;
    curl_easy_getinfo(easy.get(), what, &out);
    return out;
  }
  Answer judge() const;
  Answer explain(CURLcode code, Duration held_up) const;
};

Answer HttpTries::Try::judge() const {
  const auto status = static_cast<int>(number(CURLINFO_RESPONSE_CODE));
  if (std::ranges::find(check->status, status) == check->status.end())
    return failure("answered {}, wants {}", status, statuses(check->status));
  if (!check->body.empty() && body.find(check->body) == std::string::npos)
    return failure("answered {} without \"{}\"", status, printable(check->body));
  return {.kind = Answer::Kind::good};
}

Answer HttpTries::Try::explain(CURLcode code, Duration held_up) const {
  const std::string detail = curl_easy_strerror(code);
  curl_off_t connected = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_CONNECT_TIME_T, &connected);
  switch (code) {
    case CURLE_OK: return judge();
    case CURLE_COULDNT_CONNECT: return failed(static_cast<int>(number(CURLINFO_OS_ERRNO)));
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out(*check, held_up, connected == 0 ? "took no connection" : "did not answer");
    case CURLE_TOO_MANY_REDIRECTS: return failure("redirects more than {} times", check->redirects);
    case CURLE_INTERFACE_FAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_SSL_ENGINE_INITFAILED:
      return {.kind = Answer::Kind::late, .why = "could not be tried: " + detail};
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR: return failure("failed in TLS: {}", detail);
    default: return failure("broke off: {}", detail);
  }
}

struct HttpTries::Curl {
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* user) {
    return static_cast<Try*>(user)->take(data, size * count);
  }
  static int socket(CURL*, curl_socket_t socket, int what, void* user, void* known) {
    auto& tries = *static_cast<HttpTries*>(user);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(tries.epoll_, EPOLL_CTL_DEL, socket, nullptr);
      return 0;
    }
    epoll_event event = {};
    event.data.u64 = tries.tag_ | static_cast<std::uint64_t>(socket);
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    ::epoll_ctl(tries.epoll_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
    if (known == nullptr) curl_multi_assign(tries.multi_, socket, &tries);
    return 0;
  }
  static int timer(CURLM*, long wait_ms, void* user) {
    auto& next = static_cast<HttpTries*>(user)->next_;
    next = wait_ms < 0 ? std::nullopt : std::optional{steady_now() + milliseconds{wait_ms}};
    return 0;
  }
};

HttpTries::HttpTries(int epoll, std::uint64_t tag, Done done)
    : epoll_{epoll}, tag_{tag}, done_{std::move(done)}, multi_{curl_multi_init()} {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Curl::socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Curl::timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

HttpTries::~HttpTries() {
  for (auto& one : tries_) {
    if (one) curl_multi_remove_handle(multi_, one->easy.get());
  }
  tries_.clear();
  idle_.clear();
  curl_multi_cleanup(multi_);
}

std::string url_of(const ServerKey& endpoint, const Check& check) {
  const auto name =
      check.host.empty() ? to_string(endpoint) : fmt::format("{}:{}", check.host, endpoint.port);
  return fmt::format("{}://{}{}", to_string(check.kind), name, check.path);
}

void HttpTries::prepare(Try& one, const ServerKey& endpoint, const Check& check) {
  CURL* easy = one.easy.get();
  const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, url_of(endpoint, check).c_str());
  one.connect_to.reset(curl_slist_append(nullptr, ("::" + to_string(endpoint)).c_str()));
  set(CURLOPT_CONNECT_TO, one.connect_to.get());
  one.headers.reset(curl_slist_append(nullptr, "Connection: close"));
  if (!check.host.empty()) curl_slist_append(one.headers.get(), ("Host: " + check.host).c_str());
  set(CURLOPT_HTTPHEADER, one.headers.get());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_USERAGENT, "anycastd/" ANYCASTD_VERSION);
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set(CURLOPT_FOLLOWLOCATION, check.redirects > 0 ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(check.redirects));
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_BUFFERSIZE, 4096L);
  set(CURLOPT_TIMEOUT_MS,
      static_cast<long>(std::chrono::ceil<milliseconds>(check.timeout).count()));
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::chrono::ceil<milliseconds>(check.timeout).count()));
  set(CURLOPT_SSL_VERIFYPEER, check.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, check.verify ? 2L : 0L);
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
  // To read the host's certificates for each try takes longer than the try.
  set(CURLOPT_CA_CACHE_TIMEOUT, 60L);
#endif
  if (!check.ca_file.empty()) set(CURLOPT_CAINFO, check.ca_file.c_str());
  if (check.source) set(CURLOPT_INTERFACE, ("host!" + to_string(*check.source)).c_str());
  set(CURLOPT_WRITEFUNCTION, &Curl::write);
  set(CURLOPT_WRITEDATA, &one);
  set(CURLOPT_PRIVATE, &one);
}

std::unique_ptr<HttpTries::Try> HttpTries::take_idle() {
  if (idle_.empty()) return std::make_unique<Try>();
  auto out = std::move(idle_.back());
  idle_.pop_back();
  curl_easy_reset(out->easy.get());
  out->body.clear();
  out->bytes = 0;
  out->enough = false;
  return out;
}

void HttpTries::begin(std::size_t slot, const ServerKey& endpoint, const Check& check) {
  if (tries_.size() <= slot) tries_.resize(slot + 1);
  auto one = take_idle();
  one->slot = slot;
  one->check = &check;
  prepare(*one, endpoint, check);
  curl_multi_add_handle(multi_, one->easy.get());
  tries_.at(slot) = std::move(one);
}

void HttpTries::on_socket(int socket, std::uint32_t events) {
  int what = 0;
  if ((events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
  if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
  int running = 0;
  curl_multi_socket_action(multi_, socket, what, &running);
}

void HttpTries::on_time(Steady now) {
  if (!next_ || *next_ > now) return;
  next_.reset();
  int running = 0;
  curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
}

void HttpTries::collect(Duration held_up) {
  int left = 0;
  while (const auto* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const auto code = message->data.result;
    Try* one = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &one);
    auto owned = std::move(tries_.at(one->slot));
    const auto answer =
        owned->enough && code == CURLE_WRITE_ERROR ? owned->judge() : owned->explain(code, held_up);
    curl_multi_remove_handle(multi_, easy);
    if (idle_.size() < kIdle) idle_.push_back(std::move(owned));
    done_(one->slot, answer);
  }
}

}  // namespace anycast::health
