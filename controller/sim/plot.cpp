#include "controller/sim/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "controller/base/markup.hpp"

namespace anycast::sim {
namespace {

constexpr double kWidth = 1'200;
constexpr double kLeft = 96;
constexpr double kRight = 24;
constexpr double kChart = 190;
constexpr double kRow = 26;
constexpr double kTop = 96;
constexpr double kGap = 54;

constexpr std::array kColours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                 "#56b4e9", "#d55e00", "#f0e442", "#999999"};
constexpr const char* kOurs = "#0b5cad";
constexpr const char* kPlain = "#b8b8b8";
constexpr const char* kLimit = "#c0392b";

/// The picture under construction.
struct Canvas {
  const Simulation& s;
  std::string out = {};

  std::size_t bins() const { return std::max<std::size_t>(s.trace.bins.size(), 1); }
  double x(double bin) const {
    return kLeft + (kWidth - kLeft - kRight) * bin / static_cast<double>(bins());
  }
  void text(double at_x, double at_y, const std::string& words, const char* more = "") {
    out += fmt::format("<text x='{:.1f}' y='{:.1f}' {}>{}</text>\n", at_x, at_y, more,
                       markup_text(words));
  }
  void line(double x1, double y1, double x2, double y2) {
    out += fmt::format("<line x1='{:.1f}' y1='{:.1f}' x2='{:.1f}' y2='{:.1f}' ", x1, y1, x2, y2);
  }
  void line(double x1, double y1, double x2, double y2, const char* stroke) {
    line(x1, y1, x2, y2);
    out += fmt::format("stroke='{}'/>\n", stroke);
  }
};

/// A round number of steps of 1, 2 or 5 that reaches `most`.
double nice_step(double most) {
  constexpr double kLines = 5;
  double step = 1;
  for (const double factor : {2.0, 2.5, 2.0, 2.0, 2.5, 2.0, 2.0, 2.5, 2.0}) {
    if (most / step <= kLines) break;
    step *= factor;
  }
  return step;
}

struct Chart {
  std::string title;
  std::string unit;
  double top;    ///< y of its upper edge
  double limit;  ///< threshold, in its own unit
  std::function<double(const Felt&)> of;
};

void days(Canvas& canvas, double top, double bottom) {
  constexpr std::array kNames = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  constexpr std::int64_t kBinsADay = hours{24} / kTick / Trace::kBin;
  constexpr double kPeakFrom = 19.5 / 24;
  constexpr double kPeakTo = 23.0 / 24;
  const auto whole = static_cast<std::int64_t>(canvas.bins()) / kBinsADay;
  for (std::int64_t day = 0; day < whole; ++day) {
    const auto at = [&](double part) {
      return canvas.x((static_cast<double>(day) + part) * kBinsADay);
    };
    canvas.out +=
        fmt::format("<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{:.1f}' fill='#f3efe6'/>\n",
                    at(kPeakFrom), top, at(kPeakTo) - at(kPeakFrom), bottom - top);
    canvas.line(at(0), top, at(0), bottom, "#e4e4e4");
    canvas.text(at(0.5), bottom + 16,
                fmt::format("{} {}", kNames.at(static_cast<std::size_t>(day % 7)), day + 1),
                "text-anchor='middle' class='s'");
  }
}

void curve(Canvas& canvas, const Chart& chart, double most, Felt Trace::Bin::*which) {
  const bool ours = which == &Trace::Bin::ours;
  std::string points;
  double bin = 0.5;
  for (const auto& one : canvas.s.trace.bins) {
    const double share = std::min(1.0, chart.of(one.*which) / most);
    points += fmt::format("{:.1f},{:.1f} ", canvas.x(bin), chart.top + kChart * (1 - share));
    bin += 1;
  }
  canvas.out += fmt::format(
      "<polyline points='{}' fill='none' stroke='{}' stroke-width='{}' stroke-linejoin='round'/>\n",
      points, ours ? kOurs : kPlain, ours ? 1.8 : 1.1);
}

void draw(Canvas& canvas, const Chart& chart) {
  double most = chart.limit * 1.15;
  for (const auto& bin : canvas.s.trace.bins)
    most = std::max({most, chart.of(bin.ours), chart.of(bin.plain)});
  const double step = nice_step(most);
  most = step * std::ceil(most / step);
  const double bottom = chart.top + kChart;
  days(canvas, chart.top, bottom);
  for (double value = 0; value <= most + step / 2; value += step) {
    const double y = bottom - kChart * value / most;
    canvas.line(kLeft, y, kWidth - kRight, y, "#e4e4e4");
    canvas.text(kLeft - 8, y + 4, fmt::format("{:g}", value), "text-anchor='end' class='s'");
  }
  canvas.text(kLeft, chart.top - 10, fmt::format("{}, {}", chart.title, chart.unit), "class='h'");
  curve(canvas, chart, most, &Trace::Bin::plain);
  curve(canvas, chart, most, &Trace::Bin::ours);
  const double y = bottom - kChart * chart.limit / most;
  canvas.line(kLeft, y, kWidth - kRight, y);
  canvas.out += fmt::format("stroke='{}' stroke-dasharray='5 4'/>\n", kLimit);
  canvas.text(kWidth - kRight - 4, y - 5, fmt::format("bad over {:g}", chart.limit),
              "text-anchor='end' class='l'");
}

const char* colour_of(const Trace& trace, const std::string& node) {
  const auto at = std::ranges::find(trace.node_names, node) - trace.node_names.begin();
  return kColours.at(static_cast<std::size_t>(at) % kColours.size());
}

/// One band per carrier, in the colour of the node that serves it.
double bands(Canvas& canvas, double top) {
  const auto& trace = canvas.s.trace;
  canvas.text(kLeft, top - 10, "node that serves each carrier", "class='h'");
  double legend = kLeft + 240;
  for (const auto& node : trace.node_names) {
    canvas.out += fmt::format("<rect x='{:.1f}' y='{:.1f}' width='12' height='12' fill='{}'/>\n",
                              legend, top - 20, colour_of(trace, node));
    canvas.text(legend + 18, top - 10, node);
    legend += 40 + 8 * static_cast<double>(node.size());
  }
  for (std::size_t carrier = 0; carrier < trace.carriers.size(); ++carrier) {
    const double y = top + kRow * static_cast<double>(carrier);
    canvas.text(kLeft - 8, y + 15, trace.carriers[carrier], "text-anchor='end' class='s'");
    for (std::size_t from = 0; from < trace.bins.size();) {
      const auto& node = trace.bins[from].nodes[carrier];
      auto to = from;
      while (to < trace.bins.size() && trace.bins[to].nodes[carrier] == node) ++to;
      canvas.out +=
          fmt::format("<rect x='{:.1f}' y='{:.1f}' width='{:.1f}' height='{}' fill='{}'/>\n",
                      canvas.x(static_cast<double>(from)), y,
                      canvas.x(static_cast<double>(to)) - canvas.x(static_cast<double>(from)),
                      kRow - 6, node.empty() ? "#000000" : colour_of(trace, node));
      from = to;
    }
  }
  return top + kRow * static_cast<double>(trace.carriers.size());
}

/// One row per node with a mark for each update; its stance is read by pointing at it.
double updates(Canvas& canvas, double top) {
  const auto& trace = canvas.s.trace;
  canvas.text(kLeft, top - 10, fmt::format("updates: {} in all", trace.changes.size()),
              "class='h'");
  for (std::size_t node = 0; node < trace.node_names.size(); ++node) {
    const double y = top + kRow * static_cast<double>(node) + 10;
    canvas.text(kLeft - 8, y + 4, trace.node_names[node], "text-anchor='end' class='s'");
    canvas.line(kLeft, y, kWidth - kRight, y, "#e4e4e4");
    for (const auto& change : trace.changes) {
      if (change.link.first != trace.node_names[node]) continue;
      const double bin = to_seconds(change.at - trace.begin) / to_seconds(Trace::kBin * kTick);
      canvas.out += fmt::format(
          "<circle cx='{:.1f}' cy='{:.1f}' r='5' fill='{}'><title>{}</title></circle>\n",
          canvas.x(bin), y, colour_of(trace, change.link.first),
          markup_text(fmt::format("{} {} via {}: {}", format_utc(change.at), change.link.first,
                                  change.link.second, change.stance)));
    }
  }
  return top + kRow * static_cast<double>(trace.node_names.size());
}

std::string summary(const Simulation& s, const char* controller) {
  const auto& f = s.row(controller);
  return fmt::format("{}: {:.1f} ms, {:.2f} % loss", controller, f.all.mean_rtt_ms(),
                     f.all.mean_loss() * 100);
}

std::string svg(const Simulation& s) {
  Canvas canvas{.s = s};
  canvas.text(kLeft, 34, fmt::format("{}, seed {}, {} days", s.fixture, s.seed, s.days),
              "class='t'");
  canvas.text(kLeft, 56, summary(s, "ours"), "class='o'");
  canvas.text(kLeft + 260, 56, summary(s, "plain anycast"), "class='p'");
  canvas.text(kLeft + 580, 56, summary(s, "oracle"));
  const double second = kTop + kChart + kGap;
  draw(canvas, {.title = "RTT of the users",
                .unit = "ms",
                .top = kTop,
                .limit = s.trace.bad_rtt_ms,
                .of = [](const Felt& felt) { return felt.mean_rtt_ms(); }});
  draw(canvas, {.title = "loss of the users",
                .unit = "% (19:30 to 23:00 shaded)",
                .top = second,
                .limit = s.trace.bad_loss * 100,
                .of = [](const Felt& felt) { return felt.mean_loss() * 100; }});
  const double bottom = updates(canvas, bands(canvas, second + kChart + kGap + 6) + kGap - 16);
  return fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0:.0f} {1:.0f}' width='{0:.0f}' "
      "height='{1:.0f}' font-family='sans-serif' font-size='13' fill='#222'>\n"
      "<style>.t{{font-size:20px;font-weight:bold}}.h{{font-weight:bold}}.s{{fill:#555;"
      "font-size:12px}}.l{{fill:#c0392b;font-size:12px}}.o{{fill:#0b5cad;font-weight:bold}}"
      ".p{{fill:#777}}</style>\n"
      "<rect width='100%' height='100%' fill='#ffffff'/>\n{2}</svg>\n",
      kWidth, bottom + 24, canvas.out);
}

}  // namespace

std::optional<PlotFormat> plot_format(const std::string& file) {
  if (file.ends_with(".svg")) return PlotFormat::svg;
  if (file.ends_with(".html") || file.ends_with(".htm")) return PlotFormat::html;
  return std::nullopt;
}

std::string plot(const Simulation& simulation, PlotFormat format) {
  const auto picture = svg(simulation);
  if (format == PlotFormat::svg) return picture;
  return fmt::format(
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
      "<meta name='viewport' content='width=device-width'><title>{}</title>"
      "<style>body{{margin:1em auto;max-width:1200px}}svg{{width:100%;height:auto}}</style></head>"
      "<body>\n{}</body></html>\n",
      markup_text(simulation.fixture), picture);
}

}  // namespace anycast::sim
