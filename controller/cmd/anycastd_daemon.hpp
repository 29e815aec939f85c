#pragma once

#include <memory>
#include <string>

#include "controller/core/step.hpp"

namespace anycast::cmd {

struct Invocation {
  std::string config_file;
  std::string node;
};

/// Runs until SIGTERM or SIGINT; neither changes an announcement. Returns an exit code.
int daemon(const Invocation& invocation, std::shared_ptr<const core::Setup> setup);

/// Prints what cycles would do; sends nothing that could change anything and opens the history
/// read-only.
int dry_run(const std::shared_ptr<const core::Setup>& setup, bool once);

}  // namespace anycast::cmd
