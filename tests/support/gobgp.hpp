#pragma once

#include <string>
#include <vector>

#include "controller/model/router.hpp"

namespace anycast::test {

/// gobgpd(1)'s configuration for the three sessions of `Upstreams`.
extern const char* const kGobgpText;

/// What a gobgpd with that configuration, asked by its own gobgp(1) at its socket, has heard for
/// the table "t_cmi", "t_ntt" or "t_ntt6", as it came in. While the session is down: one export of
/// no prefix, so that silence is not taken for a withdrawal.
std::vector<Export> heard_by_gobgp(const std::string& socket, const std::string& table);

}  // namespace anycast::test
