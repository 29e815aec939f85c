#pragma once

#include <optional>
#include <string>

#include "controller/sim/simulate.hpp"

namespace anycast::sim {

enum class PlotFormat { svg, html };
/// By the name's end; nothing for any other.
std::optional<PlotFormat> plot_format(const std::string& file);

/// One self-contained picture of a run: users' RTT and loss under ours and under plain anycast with
/// the thresholds, the node that serves each carrier, and every update.
std::string plot(const Simulation& simulation, PlotFormat format);

}  // namespace anycast::sim
