#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/fake_http.hpp"

namespace anycast::test {

/// A series as both servers hold it; values as Prometheus writes them.
struct Stored {
  std::string metric;
  std::vector<std::pair<std::string, std::string>> labels;        ///< sorted by name
  std::vector<std::pair<std::int64_t, std::string>> points = {};  ///< milliseconds, value
};

/// Answers `metric[Nms]` at `time` as Prometheus 2 does: both edges of the range belong to it.
class FakePrometheus {
 public:
  explicit FakePrometheus(std::vector<Stored> data);
  std::string url() const { return http_.url(); }

 private:
  FakeReply answer(const FakeRequest& request) const;
  std::vector<Stored> data_;
  FakeHttp http_;
};

/// A real server on a loopback port with the same data, loaded as blocks by promtool.
class RealPrometheus {
 public:
  explicit RealPrometheus(const std::vector<Stored>& data);
  static bool available();
  std::string url() const { return url_; }

 private:
  TempDir dir_;
  std::string url_;
  std::unique_ptr<Child> server_;
};

}  // namespace anycast::test
