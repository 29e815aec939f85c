#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/net.hpp"
#include "controller/base/time.hpp"
#include "controller/model/stance.hpp"

namespace anycast {

/// One route that a session exports, as the daemon would send it (without the AS that eBGP adds).
struct Export {
  Prefix prefix;
  std::vector<Asn> as_path = {};              ///< only what our filter prepended
  std::vector<std::string> communities = {};  ///< "65535:0", sorted
  auto operator<=>(const Export&) const = default;
};

struct SessionView {
  bool up = false;                   ///< Established
  std::string state = {};            ///< the daemon's word
  std::string since = {};            ///< the daemon's text
  std::vector<Export> exports = {};  ///< sorted; only meaningful while up
  /// Whether the neighbour sends its routes again when it is asked (RFC 2918): without that a
  /// change of the import filter would cost the session, or wait for the next UPDATE.
  bool refreshes = true;
};

/// What the routing daemon says now, asked from it, never remembered.
struct RouterView {
  std::string kind;
  std::string version = {};
  std::optional<std::uint32_t> revision =
      {};  ///< of the fragment that it runs; none: it runs without ours
  std::optional<std::uint32_t> file_revision =
      {};                     ///< of the fragment in the file, if the text is whole
  std::string fragment = {};  ///< text of the file, empty where there is none
  bool unconfirmed = false;   ///< a timed undo is running
  std::string started = {};   ///< changes when the daemon was restarted
  std::map<std::string, SessionView> sessions = {};  ///< by upstream; only configured ones
  /// Things the operator should know: his file changed since the last reconfiguration, no include
  /// of ours.
  std::vector<std::string> notices = {};
};

/// The text for the daemon with what it must make the daemon do.
struct Fragment {
  std::string text;
  std::uint32_t revision = 0;  ///< hash32 of the text without the revision line
  std::map<std::string, std::vector<Export>> exports =
      {};  ///< by upstream: what each session must export
};

}  // namespace anycast
