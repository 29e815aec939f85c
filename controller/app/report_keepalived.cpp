#include <nlohmann/json.hpp>

#include "controller/app/report_parts.hpp"
#include "controller/core/vrrp.hpp"

namespace anycast::report {

Json keepalived(const Published& p) {
  const auto& keepalived = p.config->me().local.keepalived;
  if (keepalived.fifo.empty()) return nullptr;
  const Seen seen{.now = p.now, .fleet = p.fleet, .inside = p.inside, .vrrp = p.vrrp};
  const auto now = core::vrrp(*p.config, seen);
  const auto serves = now.level == Level::unknown ? Json(nullptr) : Json(now.level == Level::up);
  Json out = {{"instance", keepalived.instance},
              {"fifo", keepalived.fifo},
              {"address", to_string(*keepalived.address)},
              {"config", keepalived.config},
              {"serves", serves},
              {"why", now.why},
              {"both", now.both},
              {"state", nullptr},
              {"running", nullptr},
              {"error", nullptr},
              {"master_since", nullptr},
              {"track", nullptr}};
  if (p.vrrp.value) {
    out["state"] = to_string(p.vrrp.value->state);
    out["running"] = p.vrrp.value->running;
  }
  if (p.vrrp.error) out["error"] = p.vrrp.error->text;
  const auto other = core::rival(*p.config, seen, p.state.master_since);
  out["rival"] = other ? Json(*other) : Json(nullptr);
  if (p.state.master_since) out["master_since"] = time(*p.state.master_since);
  if (p.plan.track) out["track"] = *p.plan.track;
  return out;
}

}  // namespace anycast::report
