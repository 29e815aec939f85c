#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anycast {

/// The head of a request, as far as it decides whether the request is let in.
struct RequestHead {
  std::string method = {};
  bool local = false;  ///< on the unix socket
  std::optional<std::string> host = {};
  std::optional<std::string> origin = {};
  std::optional<std::uint64_t> content_length = {};
  bool chunked = false;  ///< Transfer-Encoding: a body of unknown length
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

struct Rejection {
  int status;
  std::string text;
  bool operator==(const Rejection&) const = default;
};

/// What the server refuses before the handler sees it. On TCP: any method but GET and HEAD, and any
/// Host but localhost, a loopback address, the address that we listen on (any address, where that
/// is the wildcard) or one of `hosts`: a page of a foreign name that its DNS points at us gets
/// nothing (DNS rebinding). Everywhere: an Origin that is not the Host itself, a body with any
/// method but POST, a body of more than `max_body` bytes.
struct Gate {
  std::string listen_host = {};  ///< address without port and brackets; empty without TCP
  std::vector<std::string> hosts = {};
  std::size_t max_body = 0;

  std::optional<Rejection> refuses(const RequestHead& head) const;
  Rejection too_large() const;

 private:
  bool knows(std::string_view host) const;
};

/// "host:port", "[v6]:port" or the host alone, without port and brackets; lower case.
std::string host_of(std::string_view authority);

/// A host's own name, whole and up to its first dot, and what a hosts file (hosts(5)) calls it
/// besides.
std::vector<std::string> names_of(const std::string& host, std::string_view hosts_file);

}  // namespace anycast
