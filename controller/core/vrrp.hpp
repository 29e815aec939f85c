#pragma once

#include <optional>
#include <string>

#include "controller/core/context.hpp"

namespace anycast::core {

/// What Keepalived's word means for this node. Two hosts settle by VRRP which of them serves, and
/// only that one attracts users.
///  7.1 word      MASTER serves; with BACKUP, FAULT and STOP another does, and this node leaves as
///                if its services were dead: by the fast path, as far as the floor allows
///  7.2 address   where no word was heard since Keepalived runs, the instance's address tells
///  7.3 silence   a Keepalived that does not run and has not said STOP was killed: nobody knows.
///                What is announced stays, nothing is announced anew
///  7.4 takeover  a MASTER announces without the pause after a withdrawal, and blind without the
///                window that is waited for evidence: it had left because another served, and not
///                because anything was wrong
///  7.5 both      where the instance's address is on a host that is not MASTER, two may have it
///  7.6 rival     where the other host of the address announces although this one has been MASTER
///                for longer than the other needs to leave, it may be MASTER, too: they do not
///                hear each other
struct Vrrp {
  Level level = Level::up;  ///< up: serves, down: another does; up too where there is no Keepalived
  std::string why = {};     ///< "Keepalived: VI_1 is BACKUP"; empty where there is none
  bool both = false;        ///< 7.5
};
Vrrp vrrp(const Config& config, const Seen& seen);

/// 7.6: the name of the other host; `since` is when this one became MASTER.
std::optional<std::string> rival(const Config& config, const Seen& seen, std::optional<Time> since);

/// Remembers since when this host is MASTER and tells where that changes, or is not as it should
/// be.
Vrrp hear_keepalived(const Config& config, const Seen& seen, State& state, Plan& plan);

/// The worse of what the services say and what Keepalived does.
Fitness fitness(const Fitness& services, const Vrrp& vrrp);

/// 7.4, of a session that was withdrawn.
bool takes_over(const Context& context, const SessionState& session);

/// What Keepalived's track file has to say: 0 while this host serves well, and less where the other
/// should be preferred. Nothing where that is not known, where there is no such file, and in all
/// modes but auto.
std::optional<int> track(const Config& config, const State& state, const Fitness& services);

}  // namespace anycast::core
