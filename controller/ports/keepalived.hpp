#pragma once

#include "controller/base/error.hpp"
#include "controller/model/vrrp.hpp"

namespace anycast {

/// The Keepalived of this host.
class VrrpSource {
 public:
  virtual ~VrrpSource() = default;
  /// What its instance said last; does not wait for it. An error where it cannot be heard at all.
  virtual Result<VrrpView> vrrp() = 0;
  /// Sees to it that the track file has this number in it; does nothing where it has.
  virtual Result<void> track(int verdict) = 0;
};

}  // namespace anycast
