#include "controller/app/metrics_families.hpp"

namespace anycast::metrics {

void shadow(Exposition& out, const Published& p) {
  if (!p.shadow) return;
  const auto& view = *p.shadow;
  const auto& node = p.config->self;
  out.family("anycast_shadow_up", "gauge",
             "1 while the shadow configuration is judged, 0 while it cannot be.");
  out.sample({{"node", node}, {"digest", view.digest.substr(0, 7)}}, view.fault.empty() ? 1 : 0);
  out.family("anycast_shadow_wanted", "gauge",
             "1 for the stance that a session would have if the shadow acted; it does not.");
  for (const auto& [upstream, session] : view.sessions)
    out.sample({{"node", node}, {"upstream", upstream}, {"stance", encode(session.stance)}}, 1);
  out.family("anycast_shadow_differs", "gauge",
             "1 where the shadow wants another stance of a session than what is in force.");
  for (const auto& [upstream, session] : view.sessions) {
    const auto live = p.state.sessions.find(upstream);
    if (live == p.state.sessions.end()) continue;
    out.sample({{"node", node}, {"upstream", upstream}},
               live->second.stance == session.stance ? 0 : 1);
  }
  out.family("anycast_shadow_steps_total", "counter",
             "Steps that the shadow would have taken, by cause; none of them was.");
  for (const auto& [labels, count] : from_zero(view.steps)) {
    out.sample({{"node", node}, {"action", labels.at(0)}, {"cause", labels.at(1)}},
               static_cast<double>(count));
  }
}

}  // namespace anycast::metrics
