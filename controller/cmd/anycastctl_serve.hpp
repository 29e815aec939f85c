#pragma once

#include <memory>
#include <string>

#include "adapters/http/http_server.hpp"
#include "controller/app/playback.hpp"
#include "controller/cmd/anycastctl.hpp"
#include "controller/sim/recording.hpp"

namespace anycast::cmd {

/// A recorded run on the status page.
class Serving {
 public:
  /// Listens from here on and answers nothing yet: what is wrong with the address is known before
  /// anything is played.
  static Result<std::unique_ptr<Serving>> open(const std::string& address);

  /// Answers until SIGINT or SIGTERM.
  Result<void> run(const sim::Recording& recording, std::string about);

 private:
  Serving() = default;
  std::string address() const;

  std::string listen_;
  std::unique_ptr<Playback> playback_;
  std::unique_ptr<HttpServer> server_;
};

/// What --serve asks for: nothing, or where to listen, and the node that is shown there.
struct Show {
  std::unique_ptr<Serving> serving = nullptr;
  std::unique_ptr<sim::Recording> recording = nullptr;
};

/// `usual` is the node where nobody names one; empty: the first. Else the exit code, after saying
/// what is wrong.
tl::expected<Show, int> show_of(const Options& o, const Config& fleet, const std::string& usual);

/// Returns `code` once nobody wants to look any more.
int show(const Show& shown, const std::string& about, int code);

}  // namespace anycast::cmd
