#include "controller/model/egress.hpp"

namespace anycast {

EgressChoice in_use(const Egresses& egresses) {
  EgressChoice out;
  for (const auto& [carrier, egress] : egresses) out.emplace(carrier, egress.upstream);
  return out;
}

}  // namespace anycast
