#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "tests/support/frr_world.hpp"
#include "tests/support/upstreams.hpp"

namespace anycast::test {

/// A real zebra and bgpd, with real upstreams. What these have heard is read by the bench, which
/// may know BIRD's protocol.
class RealFrr final : public FrrWorld {
 public:
  using Heard = std::function<std::vector<Export>(const std::string& socket, const std::string&)>;
  using News = std::function<std::string(const std::string& socket, const std::string&)>;

  /// Nothing, and the reason in `why`, where this machine has no FRR or gives us no namespace. The
  /// folder has the operator's file.
  static std::unique_ptr<RealFrr> make(const std::string& folder, std::string& why);
  ~RealFrr() override;

  bool is_real() const override { return true; }
  std::string socket() const override { return folder_ + "/vty/bgpd.vty"; }
  std::string operator_config() const override { return folder_ + "/frr.conf"; }
  void kill() override;
  void start() override;
  void freeze() override;
  void thaw() override;
  std::vector<Export> heard(const std::string& table) const override {
    return heard_by(upstreams_.socket(), table);
  }
  std::string news(const std::string& table) const override {
    return news_by(upstreams_.socket(), table);
  }

  Heard heard_by = {};
  News news_by = {};

 private:
  explicit RealFrr(std::string folder) : folder_{folder}, upstreams_{std::move(folder)} {}
  pid_t daemon(const std::string& name) const;

  std::string folder_;
  Upstreams upstreams_;
  pid_t zebra_ = 0;
  pid_t bgpd_ = 0;
};

}  // namespace anycast::test
