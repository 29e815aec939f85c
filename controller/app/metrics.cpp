#include "controller/app/metrics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "controller/app/metrics_families.hpp"

namespace anycast::metrics {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void process(Exposition& out, const ProcessUse& use) {
  out.family("process_cpu_seconds_total", "counter", "User and system CPU time.");
  out.sample({}, use.cpu_seconds);
  out.family("process_resident_memory_bytes", "gauge", "Resident memory.");
  out.sample({}, use.resident_bytes);
  out.family("process_open_fds", "gauge", "Open file descriptors.");
  out.sample({}, use.open_fds);
  out.family("process_start_time_seconds", "gauge", "Unix time of the start.");
  if (use.started_seconds > 0) out.sample({}, use.started_seconds);
}

/// Seconds since the boot at which this process started, field 22 of /proc/self/stat; also fills
/// the CPU time of fields 14 and 15.
double read_stat(ProcessUse& use) {
  std::ifstream file("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto name_end = text.rfind(')');  // the name may hold blanks and brackets
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  std::string word;
  double start = 0;
  for (int field = 3; field <= 22 && fields >> word; ++field) {
    if (field == 14 || field == 15) use.cpu_seconds += std::strtod(word.c_str(), nullptr) / ticks;
    if (field == 22) start = std::strtod(word.c_str(), nullptr) / ticks;
  }
  return start;
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  double value = 0;
  while (file >> word) {
    if (word == "btime" && file >> value) return value;
  }
  return 0;
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  header_ = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void Exposition::line(std::string_view suffix, const Labels& labels, double value) {
  out_ += header_;
  header_.clear();
  out_ += name_;
  out_ += suffix;
  std::string list;
  for (const auto& [key, text] : labels)
    list += fmt::format("{}{}=\"{}\"", list.empty() ? "" : ",", key, escaped(text));
  if (!list.empty()) out_ += "{" + list + "}";
  out_ += " " + number(value) + "\n";
}

void Exposition::histogram(const Labels& labels, const Histogram& histogram) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    below += histogram.counts[i];
    const bool last = i == histogram.bounds.size();
    auto with_bound = labels;
    with_bound.emplace_back("le", last ? "+Inf" : number(to_seconds(histogram.bounds[i])));
    line("_bucket", with_bound, static_cast<double>(below));
  }
  line("_sum", labels, to_seconds(histogram.sum));
  line("_count", labels, static_cast<double>(below));
}

ProcessUse read_process() {
  ProcessUse use;
  const double start = read_stat(use);
  const double boot = boot_time();
  if (boot > 0 && start > 0) use.started_seconds = boot + start;
  std::ifstream memory("/proc/self/statm");
  double total = 0;
  double resident = 0;
  if (memory >> total >> resident)
    use.resident_bytes = resident * static_cast<double>(sysconf(_SC_PAGESIZE));
  std::error_code ignored;
  for (auto at = std::filesystem::directory_iterator("/proc/self/fd", ignored);
       !ignored && at != std::filesystem::directory_iterator(); at.increment(ignored)) {
    ++use.open_fds;
  }
  return use;
}

bool alive(const Published& published, Time now) {
  const auto& prometheus = published.config->prometheus;
  return now - published.now < 3 * prometheus.interval + prometheus.timeout;
}

std::string render(const Published* published, const Context& context) {
  Exposition out;
  if (published != nullptr) families(out, *published, context);
  out.family("anycast_http_requests_total", "counter", "Requests to our own web server.");
  for (const auto& [labels, count] : context.http_requests) {
    out.sample({{"handler", labels.at(0)}, {"code", labels.at(1)}}, static_cast<double>(count));
  }
  process(out, context.process);
  return out.take();
}

}  // namespace anycast::metrics
