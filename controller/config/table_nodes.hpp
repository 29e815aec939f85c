#pragma once

#include "controller/config/value.hpp"
#include "controller/model/config.hpp"

namespace anycast::config {

// Parts of the field table: who hears our prefixes, from where, and for how many users.
Table upstream(Upstream& u);
Table node(Node& n);
Table weights(Weights& w);
Table egress(EgressConfig& e);

}  // namespace anycast::config
