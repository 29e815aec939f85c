#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/error.hpp"
#include "controller/model/config.hpp"

namespace anycast::config {

/// One finding about the configuration, with everything needed to show it to a person or a CI
/// system.
struct Diagnostic {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  Place place;
  std::string rule;  ///< "unit", "unknown-key", ...; stable, documented in anycastd.yaml(5)
  std::string text;
  std::string line = {};  ///< the source line
  int length = 1;         ///< display columns under the caret
  std::vector<std::string> hints = {};
};

/// As wide as the quoted line is where nobody says how wide.
inline constexpr int kWidestQuote = 128;
/// The text form: "file:line:column: error: text [rule]", the line, a caret, the hints. A quoted
/// line that is wider than `columns` is cut around the caret.
std::string to_string(const Diagnostic& diagnostic, int columns = kWidestQuote);

struct Source {
  std::string name;
  std::string text;
};

/// Everything found at once; `config` is there exactly where no diagnostic is an error.
struct Loaded {
  std::optional<Config> config = {};
  std::vector<Diagnostic> diagnostics = {};
};

struct LoadOptions {
  std::string self = {};  ///< node name that overrides the file's and the host's
  std::string host_name =
      {};                  ///< what the host calls itself, used where nothing else names the node
  bool needs_self = true;  ///< false for checks of the fleet's file away from its nodes
  std::vector<std::string> allow = {};  ///< warning rules to leave out
};

/// Reads the main file and the drop-ins: maps merge, lists and scalars replace, each value keeps
/// its place.
Loaded load(const std::vector<Source>& sources, const LoadOptions& options);

/// The same from a path; `conf.d/*.yaml` beside the file are its drop-ins, in order of their names.
/// An error here is a file that cannot be read.
Result<Loaded> load_path(const std::string& path, const LoadOptions& options);

/// The shadow of a configuration: `overlay` laid over the files of that configuration, in mode
/// auto. The overlay may say nothing but what a shadow may have of its own, so that both are judged
/// on the same evidence. Of the findings those that the configuration has without it are left out.
Loaded load_shadow(const std::vector<Source>& sources, const Source& overlay,
                   const LoadOptions& options);

/// The same from paths: of the main file and of `shadow.config` in it, which is relative to the
/// main file's folder and is none of the configuration's own files.
Result<Loaded> load_shadow_path(const std::string& path, const std::string& shadow,
                                const LoadOptions& options);

/// Complete YAML with every value, defaults too; loads to the same value. Secrets are file names
/// only.
std::string print(const Config& config);

/// 16 hex digits of what all nodes of a fleet need alike to come to the same plan: everything but
/// who this node is, its mode, where its Prometheus is and how it is asked, its routing daemon, its
/// ROAs, its shadow and its own sockets and files.
std::string fleet_digest(const Config& config);

/// JSON schema (draft 2020-12) of the file, from the table that the reader itself uses.
std::string schema();

}  // namespace anycast::config
