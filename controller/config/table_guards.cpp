#include "controller/config/table_guards.hpp"

#include "controller/config/scalars.hpp"

namespace anycast::config {

Table damping(Damping& d) {
  return {{{"normal",
            "highest penalty that an automatic step may lead to",
            {count(d.normal, 500, 50'000)}},
           {"ceiling",
            "in an emergency, and for orders that are not forced",
            {count(d.ceiling, 500, 50'000)}},
           {"half_life",
            "time in which the penalty halves",
            {duration(d.half_life, seconds{1}, hours{2})}}}};
}

Table pause(Pause& p) {
  return {{{"after", "the first time", {duration(p.after, seconds{0}, hours{24})}},
           {"most",
            "doubled with each repetition up to this",
            {duration(p.most, seconds{0}, hours{24})}}}};
}

Table effect(EffectGuard& e) {
  return {{{"early",
            "from a step to the first look at it, over evidence.fast_window",
            {duration(e.early, seconds{1}, hours{24})}},
           {"late",
            "to the last look, over evidence.window",
            {duration(e.late, seconds{1}, hours{24})}},
           {"harm",
            "users are worse off by more than this score",
            {duration(e.harm, milliseconds{1}, minutes{1})}},
           {"harm_share", "and by more than this share of it", {share(e.harm_share)}},
           {"enough", "share of the prediction that suffices", {share(e.enough)}},
           {"back_off", "after a step that did harm", {pause(e.back_off)}},
           {"ineffective",
            "a step without effect (with prefer: twice in a row) is not tried again in this time",
            {duration(e.ineffective, minutes{1}, hours{60 * 24})}},
           {"far_off",
            "short of the prediction by more than this score, twice in 2 hours: freeze",
            {duration(e.far_off, milliseconds{1}, minutes{1})}},
           {"clean",
            "length of that freeze, unless a person ends it",
            {duration(e.clean, minutes{1}, hours{24})}}}};
}

Table prefer(Prefer& p) {
  return {{{"margin",
            "another path must surely be better by this score (ms of RTT; 1 % of loss counts 20ms)",
            {duration(p.margin, seconds{0}, seconds{10})}},
           {"margin_share", "and by this share of the score", {share(p.margin_share)}},
           {"confirm", "for so long without a break", {duration(p.confirm, seconds{0}, hours{24})}},
           {"hold", "between two moves of a carrier's users", {pause(p.hold)}},
           {"emergency_hold",
            "the same while they surely lose more than emergency_loss",
            {duration(p.emergency_hold, seconds{0}, hours{24})}},
           {"emergency_loss",
            "from here on a path that is surely better is enough, at once",
            {share(p.emergency_loss)}}}};
}

}  // namespace anycast::config
