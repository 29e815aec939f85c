#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/frr/objects.hpp"
#include "adapters/frr/probation.hpp"
#include "adapters/frr/readout.hpp"
#include "adapters/frr/vty.hpp"
#include "adapters/system/fd.hpp"
#include "controller/model/config.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::frr {

struct Settings {
  struct Session {
    std::string map;  ///< the route-map that the neighbour names behind `out`
    Address neighbor;
    std::string import = {};  ///< the one that the operator's calls on the way in; empty: none
  };
  std::string socket;           ///< of bgpd; those of the other daemons stand beside it
  std::string operator_config;  ///< read, never written
  std::string fragment;         ///< ours; "<fragment>.lock" and "<fragment>.probation" stand beside
  Duration timeout = seconds{2};
  std::map<std::string, Session> sessions = {};  ///< by upstream
  std::vector<Prefix> prefixes = {};
  std::map<Prefix, Asn> origins = {};  ///< who originates each of them
};
Settings settings_of(const Config& config);

/// FRR 8.4 and later over the vty socket of bgpd. FRR reads no file of ours and has no timed undo:
/// the objects of a fragment are brought into bgpd's running configuration by the smallest change,
/// the file only says which ones, and the way back stands in a file of its own until it is
/// confirmed. Names other than ours are never touched, and nothing is written to frr.conf. Where
/// the operator's `write memory` and a restart have brought our names into other daemons too, they
/// are taken out there: bgpd alone is to hold them. Writing holds a lock for the life of the
/// object.
class FrrSpeaker final : public RouteSpeaker {
 public:
  explicit FrrSpeaker(Settings settings) : settings_{std::move(settings)} {}

  Result<RouterView> in_force() override;
  Result<void> check(const Fragment& fragment) override;
  Result<void> apply(const Fragment& fragment, Duration probation) override;
  Result<void> confirm() override;
  Result<void> undo() override;
  Result<void> silence(const Fragment& withdrawn) override;
  /// bgpd does not say how old its ROAs are; it drops them itself when they expire (RFC 8210 6).
  Result<OriginView> origins() override;
  void overdue() override;

 private:
  using Exports = std::map<std::string, std::vector<Export>>;
  /// A neighbour that a change has to reach.
  struct Target {
    std::string upstream;
    std::uint64_t updates_sent = 0;  ///< before the change
    bool expects = false;            ///< its exports change: an UPDATE has to follow
    bool refreshes = false;          ///< it sends its routes again when it is asked
  };

  Result<void> lock();
  Result<Vty> session(int timeouts) const;
  Result<Running> running(Vty& vty) const;
  Result<Neighbor> neighbor(Vty& vty, const std::string& upstream) const;
  Result<std::vector<Export>> exports_of(Vty& vty, const std::string& upstream,
                                         const Objects& objects) const;
  Result<SessionView> read_session(Vty& vty, const std::string& upstream, const Running& running,
                                   RouterView& view) const;
  void read_revision(const Running& running, RouterView& view) const;
  void read_operator_file(RouterView& view) const;

  Result<std::vector<Target>> targets(Vty& vty, const Objects& before, const Exports* wanted) const;
  Result<void> originate_again(Vty& vty, const Running& from, const Objects& to) const;
  Result<void> bring(Vty& vty, const Running& from, const Objects& to, const Exports* wanted);
  Result<void> carry_out(Vty& vty, const Delta& delta, const Objects& from,
                         std::vector<Target> targets);
  Result<void> heard_of(Vty& vty, std::vector<Target> targets) const;
  void await_exports(Vty& vty, const Objects& objects, const std::vector<Target>& targets,
                     const Exports& wanted) const;
  void let_speak(Vty& vty, const Delta& delta, const std::vector<Target>& targets) const;
  Result<void> free_of_ours(const Running& running, const Objects& to) const;
  Result<void> clear(Vty& vty, const std::string& upstream, std::string_view way) const;
  void clean_others();

  Result<void> ready_for_change(Vty& vty);
  Result<void> go_back(const Probation& probation);
  Error taken_back(Error why, const Probation& probation);

  Settings settings_;
  Fd lock_ = {};
  bool armed_ = false;                   ///< what is on probation was applied by this object
  std::vector<std::string> heard_ = {};  ///< what the next reading has to tell
};

}  // namespace anycast::frr
