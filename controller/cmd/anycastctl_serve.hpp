#pragma once

#include <memory>
#include <string>

#include "adapters/http/http_server.hpp"
#include "controller/app/playback.hpp"
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

}  // namespace anycast::cmd
