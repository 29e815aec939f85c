#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "adapters/system/fd.hpp"
#include "controller/model/health.hpp"

namespace anycast::health {

/// What an errno of a connection attempt says: a failure of the other side, or that we could not
/// try.
Answer failed(int error);
/// A try that took longer than it may, unless we have been held up ourselves for a good part of
/// that time. `what` as in "took no connection".
Answer timed_out(const Check& check, Duration held_up, std::string_view what);

/// A connection under way (it is writable once it is decided), or the answer at once.
std::variant<Fd, Answer> connect_to(const ServerKey& endpoint,
                                    const std::optional<Address>& source);
/// How the attempt on a socket that turned writable ended.
Answer connected(const Fd& socket);
/// Closes without leaving the port in TIME_WAIT: thousands of tries a second would use them all up.
void drop(Fd& socket);

}  // namespace anycast::health
