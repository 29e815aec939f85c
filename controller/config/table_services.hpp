#pragma once

#include "controller/config/value.hpp"
#include "controller/model/health.hpp"

namespace anycast::config {

Table service(Service& service);

}  // namespace anycast::config
