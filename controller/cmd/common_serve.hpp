#pragma once

#include "adapters/http/http_server.hpp"
#include "adapters/system/events.hpp"

namespace anycast::cmd {

/// Lets the loop answer what the server is asked; both have to be there as long as it runs.
Result<void> answer_in(EventLoop& loop, HttpServer& server);

}  // namespace anycast::cmd
