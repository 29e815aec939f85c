#include "controller/render/probes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "controller/base/text.hpp"
#include "controller/render/builtin.hpp"

namespace anycast::render {
namespace {

constexpr std::string_view kUsualJob = "anycast-icmp";
constexpr std::string_view kVipJob = "vip-icmp";
constexpr std::string_view kServiceJob = "anycast-http";
constexpr std::string_view kRules = "/usr/share/anycastd/probes/rules/*.yml";
constexpr std::string_view kLocalExporter = "127.0.0.1:9115";
/// What blackbox_exporter takes off a scrape's timeout unless told otherwise.
constexpr Duration kOffset = milliseconds{500};
constexpr auto kServiceEvery = "15s";
constexpr auto kMatchers =
    "only matchers of the form label=\"text\", and for the job =~\"text|text\", tell what to "
    "scrape";

/// Single quotes, in which YAML reads everything as it is.
std::string quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

std::string filled(std::string text, std::string_view hole, std::string_view with) {
  for (auto at = text.find(hole); at != std::string::npos; at = text.find(hole, at + with.size()))
    text.replace(at, hole.size(), with);
  return text;
}

/// Words that a regular expression leaves as they are, separated by "|".
bool alternatives(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '|';
  });
}

/// The labels that a selector wants, or why they cannot be told. Of the job there may be several.
Result<std::map<std::string, std::string>> wanted_labels(std::string_view field,
                                                         std::string_view metric,
                                                         const std::string& selector) {
  const auto refuse = [&](const std::string& why) {
    return fail(Remedy::fix_value,
                fmt::format("evidence.{} is '{}': {}", field, printable(selector), why));
  };
  const auto open = selector.find('{');
  if (trim(std::string_view{selector}.substr(0, open)) != metric)
    return refuse(fmt::format("expected {} of blackbox_exporter", metric));
  std::map<std::string, std::string> out;
  if (open == std::string::npos) return out;
  std::string_view rest = std::string_view{selector}.substr(open + 1);
  for (;;) {
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return out;
    const auto name = trim(rest.substr(0, equals));
    rest = trim(rest.substr(equals + 1));
    const bool several = name == "job" && rest.starts_with('~');
    if (several) rest = trim(rest.substr(1));
    const bool label =
        std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (!label || !rest.starts_with('"') || rest.find('\\') != std::string_view::npos) {
      return refuse(kMatchers);
    }
    const auto end = rest.find('"', 1);
    const auto value = rest.substr(1, end - 1);
    if (several && !alternatives(value)) return refuse(kMatchers);
    out.emplace(name, value);
    rest = rest.substr(end + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(", "), rest.size()));
  }
}

/// The job and further labels that samples need to be selected.
struct Selected {
  std::string job;
  std::map<std::string, std::string> labels;
};
Result<Selected> selected(const Config& config) {
  const auto loss = wanted_labels("loss", "probe_success", config.evidence.loss);
  if (!loss) return tl::unexpected(loss.error());
  auto rtt = wanted_labels("rtt", "probe_icmp_duration_seconds", config.evidence.rtt);
  if (!rtt) return tl::unexpected(rtt.error());
  rtt->erase("phase");
  if (*rtt != *loss) {
    return fail(Remedy::fix_value,
                fmt::format("evidence.rtt ('{}') and evidence.loss ('{}') select different series: "
                            "one scrape gives both, so their labels must be the same",
                            config.evidence.rtt, config.evidence.loss));
  }
  Selected out{.job = std::string{kUsualJob}, .labels = *loss};
  const auto job = out.labels.find("job");
  if (job == out.labels.end()) return out;
  // Pings of the anycast address have a job of their own.
  auto jobs = split(job->second, '|');
  std::erase(jobs, kVipJob);
  if (jobs.size() != 1) {
    return fail(Remedy::fix_value,
                fmt::format("evidence.loss is '{}': one job pings the nodes, beside '{}'",
                            printable(config.evidence.loss), kVipJob));
  }
  out.job = jobs.front();
  out.labels.erase(job);
  return out;
}

struct Probe {
  std::string region;
  std::string carrier;
  std::string exporter;
};

std::vector<Probe> probes_of(const Config& config, const ProbeSites& sites) {
  std::vector<Probe> out;
  for (const auto& region : config.regions) {
    for (const auto& carrier : config.carriers) {
      if (!sites.region.empty() && sites.region != region) continue;
      if (!sites.carrier.empty() && sites.carrier != carrier) continue;
      auto exporter = filled(sites.exporter, "{region}", region);
      out.push_back({region, carrier, filled(std::move(exporter), "{carrier}", carrier)});
    }
  }
  return out;
}

/// One line of static_configs.
class Target {
 public:
  Target(const Config& config, const Probe& probe, std::string address)
      : names_{config.evidence.labels}, address_{std::move(address)} {
    labels_[names_.region] = probe.region;
    labels_[names_.carrier] = probe.carrier;
    labels_["__probe"] = probe.exporter;
  }
  Target& node(const std::string& name) { return label(names_.node, name); }
  Target& upstream(const std::string& name) {
    return names_.upstream.empty() ? *this : label(names_.upstream, name);
  }
  Target& module(const Address& address) {
    return label("__param_module", address.family == Address::Family::v4 ? "icmp4" : "icmp6");
  }
  Target& label(const std::string& name, const std::string& value) {
    labels_[name] = value;
    return *this;
  }
  std::string line() const {
    std::vector<std::string> parts;
    for (const auto& [name, value] : labels_)
      parts.push_back(fmt::format("{}: {}", name, quote(value)));
    return fmt::format("      - {{targets: [{}], labels: {{{}}}}}\n", quote(address_),
                       join(parts, ", "));
  }

 private:
  const EvidenceLabels& names_;
  std::string address_;
  std::map<std::string, std::string> labels_;
};

/// Every path that the daemon expects of these probes.
std::string path_targets(const Config& config, const std::vector<Probe>& probes,
                         const std::map<std::string, std::string>& further) {
  std::string out;
  for (const auto& probe : probes) {
    for (const auto& [name, node] : config.nodes) {
      std::set<std::string> done;
      for (const auto& upstream : config.sessions_for(name, probe.carrier)) {
        const auto& session = node.sessions.at(upstream);
        const auto address = session.probe_target ? session.probe_target : node.probe_target;
        const auto path = config.evidence.labels.upstream.empty() ? std::string{} : upstream;
        if (!address || !done.insert(path).second) continue;
        Target target{config, probe, to_string(*address)};
        target.node(name).upstream(upstream).module(*address);
        for (const auto& [label, value] : further) target.label(label, value);
        out += target.line();
      }
    }
  }
  return out;
}

std::string vip_targets(const Config& config, const std::vector<Probe>& probes) {
  std::string out;
  for (const auto& probe : probes) {
    for (const auto& prefix : config.prefixes) {
      for (const auto& vip : prefix.vips) {
        out += Target{config, probe, to_string(vip)}
                   .node("anycast")
                   .upstream("any")
                   .module(vip)
                   .line();
      }
    }
  }
  return out;
}

std::string job(std::string_view name, std::string_view settings, const std::string& targets) {
  if (targets.empty()) return {};
  return fmt::format(R"(  - job_name: {}
    metrics_path: /probe
{}    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__address__], target_label: target}}
      - {{source_labels: [__probe], target_label: instance}}
      - {{source_labels: [__probe], target_label: __address__}}
    static_configs:
{})",
                     quote(name), settings, targets);
}

Result<std::string> probe_jobs(const Config& config, const ProbeSites& sites) {
  const auto what = selected(config);
  if (!what) return tl::unexpected(what.error());
  const auto probes = probes_of(config, sites);
  const auto every = print_duration(config.evidence.scrape);
  const auto pings = fmt::format("    scrape_interval: {0}\n    scrape_timeout: {0}\n", every);
  auto out = job(what->job, pings, path_targets(config, probes, what->labels)) +
             job(kVipJob, pings, vip_targets(config, probes));
  if (sites.service.empty()) return out;
  std::string targets;
  for (const auto& probe : probes) targets += Target{config, probe, sites.service}.line();
  return out + job(kServiceJob,
                   fmt::format("    scrape_interval: {}\n    params: {{module: [http_anycast]}}\n",
                               kServiceEvery),
                   targets);
}

std::string header(const Config& config, std::string_view what) {
  return fmt::format(
      "# {}\n# Made by 'anycastctl probes render' from configuration {}: change that "
      "and make this anew.\n",
      what, config.digest.substr(0, 7));
}

/// Secrets and certificates lie beside Prometheus' own configuration on a probe host.
std::string beside(std::string_view path) {
  return quote(fmt::format("/etc/prometheus/{}", path.substr(path.rfind('/') + 1)));
}

std::string remote_write(const PrometheusConfig& prometheus) {
  std::string access;
  if (!prometheus.bearer_token_file.empty())
    access += "    authorization: {credentials_file: '/etc/prometheus/anycast-write-token'}\n";
  if (!prometheus.username.empty()) {
    access += fmt::format(
        "    basic_auth: {{username: {}, password_file: "
        "'/etc/prometheus/anycast-write-password'}}\n",
        quote(prometheus.username));
  }
  if (!prometheus.tls.ca_file.empty())
    access += fmt::format("    tls_config: {{ca_file: {}}}\n", beside(prometheus.tls.ca_file));
  std::string out = "remote_write:\n";
  for (const auto& url : prometheus.urls) {
    const auto end = url.ends_with('/') ? "api/v1/write" : "/api/v1/write";
    out += fmt::format(R"(  - url: {}
    remote_timeout: 10s
{}    queue_config: {{batch_send_deadline: 1s, min_backoff: 500ms, max_backoff: 5s, max_shards: 4}}
    write_relabel_configs:
      - {{source_labels: [__name__], regex: 'up|probe_success|probe_icmp_(duration_seconds|reply_hop_limit)', action: keep}}
      - {{source_labels: [__name__, phase], regex: 'probe_icmp_duration_seconds;(resolve|setup)', action: drop}}
)",
                       quote(url + end), access);
  }
  return out;
}

/// "NAME, NAME" of what there is, for error messages.
std::optional<Error> check_place(std::string_view kind, const std::string& word,
                                 const std::vector<std::string>& known) {
  if (word.empty() || std::ranges::find(known, word) != known.end()) return std::nullopt;
  return Error{Remedy::fix_value, fmt::format("there is no {} '{}', expected one of {}", kind,
                                              printable(word), join(known, ", "))};
}

/// Words of the command line that end up in the text.
std::optional<Error> check_sites(const Config& config, const ProbeSites& sites) {
  if (auto wrong = check_place("region", sites.region, config.regions)) return wrong;
  if (auto wrong = check_place("carrier", sites.carrier, config.carriers)) return wrong;
  const auto plain = [](unsigned char c) { return c > ' ' && c != 0x7f; };
  for (const auto* word : {&sites.exporter, &sites.metrics}) {
    if (word->empty()) continue;
    const bool host = std::ranges::all_of(*word, plain) && word->find('/') == std::string::npos;
    if (host && word->rfind(':') != std::string::npos && !word->ends_with(':')) continue;
    return Error{Remedy::fix_value, fmt::format("'{}' is no HOST:PORT, expected for example "
                                                "probe-{{carrier}}-{{region}}.example.net:9115",
                                                printable(*word))};
  }
  const auto& url = sites.service;
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  if (url.empty() || (http && std::ranges::all_of(url, plain))) return std::nullopt;
  return Error{Remedy::fix_value,
               fmt::format("'{}' is no URL, expected for example https://203.0.113.1/healthz",
                           printable(url))};
}

}  // namespace

Duration ping_timeout(const Config& config) {
  return std::min(Duration{seconds{2}}, config.evidence.scrape * 4 / 5);
}

Result<std::string> agent_config(const Config& config, const ProbeSites& sites) {
  if (auto wrong = check_sites(config, sites)) return tl::unexpected(*std::move(wrong));
  if (sites.region.empty() || sites.carrier.empty())
    return fail(Remedy::fix_value, "whose agent? give the probe as REGION/CARRIER");
  auto local = sites;
  if (local.exporter.empty()) local.exporter = kLocalExporter;
  const auto jobs = probe_jobs(config, local);
  if (!jobs) return jobs;
  return header(config, fmt::format("prometheus --enable-feature=agent on the probe {}/{}.",
                                    sites.region, sites.carrier)) +
         remote_write(config.prometheus) + "scrape_configs:\n" + *jobs;
}

Result<std::string> prometheus_config(const Config& config, const ProbeSites& sites) {
  if (auto wrong = check_sites(config, sites)) return tl::unexpected(*std::move(wrong));
  if (sites.exporter.empty() && sites.metrics.empty()) {
    return fail(Remedy::fix_value,
                "nothing to scrape: say where the exporters are, where the nodes' metrics are, or "
                "both");
  }
  auto out =
      header(config, sites.exporter.empty() ? "The central Prometheus; probes push: start it with "
                                              "--web.enable-remote-write-receiver."
                                            : "The central Prometheus; it asks the probes.") +
      fmt::format("rule_files: [{}]\nscrape_configs:\n", quote(kRules));
  if (!sites.metrics.empty()) {
    out +=
        "  - job_name: 'anycastd'\n    scrape_interval: 15s\n    honor_labels: true\n"
        "    static_configs:\n";
    for (const auto& [node, unused] : config.nodes) {
      out +=
          fmt::format("      - {{targets: [{}]}}\n", quote(filled(sites.metrics, "{node}", node)));
    }
  }
  if (sites.exporter.empty()) return out;
  const auto jobs = probe_jobs(config, sites);
  if (!jobs) return jobs;
  return out + *jobs;
}

Result<std::string> blackbox_config(const Config& config) {
  const auto timeout = ping_timeout(config);
  for (const auto& [carrier, thresholds] : config.thresholds) {
    if (timeout >= 2 * thresholds.rtt.bad) continue;
    return fail(Remedy::fix_value,
                fmt::format("a scrape of {} leaves {} for a reply, less than twice the {} that is "
                            "bad for {}: what is slow would count as lost",
                            print_duration(config.evidence.scrape), print_duration(timeout),
                            print_duration(thresholds.rtt.bad), carrier));
  }
  auto out = header(config, "Modules of blackbox_exporter.");
  const auto left = config.evidence.scrape - timeout;
  if (left < kOffset) {
    const auto offset = to_seconds(std::min(left, Duration{milliseconds{100}}));
    out += fmt::format("# Scrapes of {} need --timeout-offset={:g} on its command line.\n",
                       print_duration(config.evidence.scrape), offset);
  }
  const auto text = builtin_blackbox();
  return out + filled(std::string{text.substr(text.find("modules:"))}, "timeout: 2s",
                      "timeout: " + print_duration(timeout));
}

}  // namespace anycast::render
