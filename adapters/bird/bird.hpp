#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/bird/client.hpp"
#include "adapters/bird/operator_config.hpp"
#include "adapters/bird/readout.hpp"
#include "controller/model/config.hpp"
#include "controller/ports/ports.hpp"

namespace anycast::bird {

struct Settings {
  std::string socket;
  std::string operator_config;  ///< read, never written
  std::string fragment;         ///< ours; "<fragment>.lock" and two hidden files stand beside it
  Duration timeout = seconds{2};
  std::map<std::string, std::string> protocols = {};  ///< BGP protocol by upstream
  std::map<std::string, std::string> imports = {};    ///< what his import filter calls, by upstream
  std::vector<Prefix> prefixes = {};
  std::map<Prefix, Asn> origins = {};  ///< who originates each of them
  std::string roas4 = {};              ///< tables of ROAs
  std::string roas6 = {};
  std::string rpki = {};  ///< protocol that fills them; empty: none does
};
Settings settings_of(const Config& config);

/// BIRD 2.0.12 to 3.x over its control socket. Reading opens a connection that gives up its rights
/// first; writing holds one, and a lock against a second writer, for the life of the object. Where
/// the fragment is included by a pattern or from a nested file, `check` has no twin to check and
/// says so in a notice; the check that is part of `configure` still stands before any activation.
class BirdSpeaker final : public RouteSpeaker {
 public:
  explicit BirdSpeaker(Settings settings) : settings_{std::move(settings)} {}

  Result<RouterView> in_force() override;
  Result<void> check(const Fragment& fragment) override;
  Result<void> apply(const Fragment& fragment, Duration probation) override;
  Result<void> confirm() override;
  Result<void> undo() override;
  Result<void> silence(const Fragment& withdrawn) override;
  Result<OriginView> origins() override;

 private:
  /// A change that BIRD will take back by itself.
  struct Probation {
    std::optional<std::string> previous;  ///< text of the file before; none: there was no file
    std::uint32_t revision;
    std::optional<Time> loaded;  ///< when BIRD read the operator's files that it goes back to
  };
  /// A reconfiguration that read no file: what runs again was read at `loaded`.
  struct WentBack {
    Time at;
    Time loaded;
  };

  Result<void> lock();
  Result<Client*> held();
  Result<Reply> ask(const std::string& command);
  Result<std::optional<std::uint32_t>> running_revision();
  Result<bool> unconfirmed();
  Result<void> settled(const std::string& command, const Reply& reply);
  std::optional<Time> loaded_at(const Status& status) const;
  void gone_back(const std::optional<Time>& loaded);
  Result<std::optional<Time>> ready_for_change();
  Result<void> activate(const Fragment& fragment, Duration probation);
  Error taken_back(Error why, const Probation& probation);
  Result<void> put_back(const std::optional<std::string>& previous);
  Result<void> quiet_now();
  void listen();

  Result<void> read_daemon(Client& client, RouterView& view);
  Result<SessionView> read_session(Client& client, const std::string& upstream,
                                   const std::vector<Prefix>& routes, RouterView& view);
  void read_fragment(RouterView& view) const;
  void read_operator_files(const Status& status, RouterView& view) const;

  Settings settings_;
  std::optional<Client> held_ = {};
  Fd lock_ = {};
  std::optional<Probation> probation_ = {};
  std::optional<WentBack> went_back_ = {};
  std::vector<std::string> heard_ = {};  ///< asynchronous lines since the last reading
};

}  // namespace anycast::bird
