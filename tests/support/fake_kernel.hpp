#pragma once

#include "controller/base/error.hpp"
#include "controller/model/inside_change.hpp"

namespace anycast::test {

/// Addresses and IPVS as the kernel keeps them: what is there already cannot be added, what is not
/// there can be neither edited nor removed, and a service takes its real servers with it.
class FakeKernel {
 public:
  Result<void> carry_out(const InsideChange& change);

  InsideView view = {};  ///< what it has; a test may change it, as a person would by hand

 private:
  Result<void> carry_out(const VipChange& change);
  Result<void> carry_out(const ServiceChange& change);
  Result<void> carry_out(const ServerChange& change);
};

}  // namespace anycast::test
