#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/ports/ports.hpp"

namespace anycast {

/// What a trace says about itself.
struct TraceHead {
  Time from;
  Time to;                   ///< samples lie in (from, to]
  std::string version = {};  ///< of the program that wrote it
  std::string digest = {};   ///< of the configuration in force then
  std::string config = {};   ///< that configuration, whole, as YAML (secrets are file names)
  std::string server = {};   ///< that answered first
  bool operator==(const TraceHead&) const = default;
};

/// A recorded span of evidence: lines of JSON, in the order of time, so that a week needs no more
/// memory than a window. Times are microseconds since 1970.
///
///   {"trace":"anycastd","format":1,"from_us":..,"to_us":..,"version":"0.1.0","digest":"9d0c..",
///    "server":"https://prom-a:9090","config":"version: 1\n..."}
///   {"series":0,"node":"hk-idc-1","upstream":"","carrier":"mobile","region":"beijing",
///    "target":"node"}                              when it is first seen
///   {"page_us":..,"lines":9,"partial":true,"faults":["..."]}
///                                                  so many lines of samples in (last page, this]
///   {"of":0,"at_us":..,"step_us":5000000,"rtt_us":[48210,null,47900],"half_us":2500}
///   {"end":true}                                   a file without it is not whole
///
/// `at_us` is the first sample's time, `step_us` the time from each to the next; null is a lost
/// packet. `step_us` and `half_us` (left out where it is 0) are a list where they change.
class TraceWriter {
 public:
  /// Writes the head.
  TraceWriter(std::ostream& out, const TraceHead& head);
  /// The samples of the evidence after the last page; pages come in the order of time.
  void page(const Evidence& evidence);
  /// The last line; an error where the stream has failed.
  Result<void> end();

  std::size_t series() const { return numbers_.size(); }
  std::size_t samples() const { return samples_; }

 private:
  std::ostream& out_;
  Time last_;
  std::map<ProbeKey, std::size_t> numbers_;
  std::size_t samples_ = 0;
};

/// A trace as a source of evidence, read forwards: times that are asked for must not go back, and
/// who asks must ask each `interval` at least, because an answer leaves out what is older than two
/// of them and was in an answer before. Errors name the file and the line.
class TraceSource final : public EvidenceSource {
 public:
  /// Reads the head. `in` must outlive the source.
  static Result<std::unique_ptr<TraceSource>> open(std::istream& in, const std::string& name);

  const TraceHead& head() const { return head_; }
  /// How long samples are kept and how often they are asked for; before the first question.
  void serve(Duration longest, Duration interval);
  Result<Evidence> evidence(Time at) override;
  /// A trace knows nothing about the nodes: what they announce is the world's that plays it.
  Result<FleetView> fleet(Time) override { return FleetView{}; }

 private:
  TraceSource(std::istream& in, std::string name) : in_{in}, name_{std::move(name)} {}
  Result<void> read_line();
  Result<void> take(const std::string& line);
  Result<void> take_samples(std::size_t of, std::vector<Sample> samples);
  tl::unexpected<Error> wrong(std::string text) const;

  std::istream& in_;
  std::string name_;
  int line_ = 0;
  TraceHead head_ = {};
  Duration longest_ = hours{1};
  Duration interval_ = minutes{1};
  std::vector<ProbeSeries> series_;  ///< by their numbers in the file
  Time page_ = {};                   ///< what is read ends here
  Time page_before_ = {};
  std::size_t lines_ = 0;  ///< of samples that the page still has
  bool partial_ = false;
  std::vector<std::string> faults_;
  bool ended_ = false;
  std::optional<Time> last_;
  Time whole_until_ = {};  ///< until then every answer holds the whole window
};

}  // namespace anycast
