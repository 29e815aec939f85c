#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "controller/model/config.hpp"

namespace anycast::prometheus {

/// How a request ended, in the words of anycast_prometheus_requests_total.
enum class Ending { ok, timeout, http_error, bad_answer, tls, refused };
std::string to_string(Ending ending);

/// Why a server gave nothing; `text` has no subject: "answered 502 (text/html)".
struct Failure {
  Ending ending;
  std::string text;
};

/// A base URL from the configuration. `shown` and `name` never hold credentials.
struct Server {
  std::string query_url = {};  ///< with "/api/v1/query"; empty where the URL cannot be used
  std::string shown = {};      ///< "https://prom-a:9090/prefix"
  std::string name = {};       ///< "prom-a:9090"
};
Server parse_server(const std::string& url);

struct Credentials {
  std::string bearer = {};
  std::string username = {};
  std::string password = {};
};

struct HttpAnswer {
  long status = 0;
  std::string content_type = {};
  std::string body = {};
};

using Form = std::vector<std::pair<std::string, std::string>>;

/// Posts forms over libcurl and keeps the connection. No redirects, no proxy, http and https only,
/// no signals; the body is cut at `max_body` bytes after decompression.
class HttpClient {
 public:
  /// `pressing` is asked while it waits, some twenty times a second: once it says yes, nobody waits
  /// for an answer any more.
  explicit HttpClient(std::function<bool()> pressing);
  /// Blocks at most for `deadline` (and `connect_timeout` of it for the connection).
  tl::expected<HttpAnswer, Failure> post(const Server& server, const Form& form,
                                         const Credentials& credentials,
                                         const PrometheusConfig& config, Duration deadline);

 private:
  struct Close {
    void operator()(void* curl) const;
  };
  struct CloseMulti {
    void operator()(void* multi) const;
  };
  /// A CURLcode.
  int perform();

  std::function<bool()> pressing_;
  std::unique_ptr<void, CloseMulti> multi_;  ///< keeps the connections
  std::unique_ptr<void, Close> curl_;
};

}  // namespace anycast::prometheus
