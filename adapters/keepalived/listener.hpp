#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "adapters/system/fd.hpp"
#include "controller/ports/keepalived.hpp"

namespace anycast::keepalived {

/// Hears the notify FIFO in a thread of its own, for as long as it lives and through every restart
/// and reload of Keepalived, which may replace the FIFO. The FIFO is Keepalived's: it is never made
/// and never removed here.
class Listener final : public VrrpSource {
 public:
  struct Settings {
    Keepalived keepalived;
    std::function<void()> changed = {};  ///< called in the thread that listens
  };
  static Result<std::unique_ptr<Listener>> start(Settings settings);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() override;

  Result<VrrpView> vrrp() override;
  Result<void> track(int verdict) override;

 private:
  Listener(Settings settings, Fd stop) : settings_{std::move(settings)}, stop_{std::move(stop)} {}
  void run();
  void open();
  bool replaced() const;
  void hear();
  void say(const std::string& line);
  void gone();
  void absent();
  void put(const VrrpView& view, std::optional<Error> error);

  Settings settings_;
  Fd stop_;
  Fd fifo_;
  std::chrono::steady_clock::time_point lost_ = {};  ///< when the FIFO was last closed on us
  std::string rest_ = {};                            ///< of a line that has not come whole
  mutable std::mutex mutex_;
  VrrpView view_ = {};
  std::optional<Error> error_ = {};
  std::thread thread_ = {};
};

/// For a look that is taken once beside a running daemon: hears nothing, so that no word is lost to
/// that one, and touches no track file.
std::unique_ptr<VrrpSource> glance(const Keepalived& keepalived);

}  // namespace anycast::keepalived
