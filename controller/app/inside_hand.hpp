#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/ports/kernel.hpp"
#include "controller/ports/ports.hpp"

namespace anycast {

/// Carries out what a cycle has planned for the kernel, in two parts around the change of the
/// routing daemon: what serves users is there before they come, and goes after they have left.
class InsideHand {
 public:
  /// Of `plan.inside` where it waits for nothing; `ours` is what is ours with it.
  InsideHand(Kernel* kernel, const Plan& plan, InsideOurs ours);

  void before();
  /// Nothing where something of the first part has failed.
  void after();

  const InsideOurs& ours() const { return ours_; }
  bool tried() const { return tried_; }
  /// Why something could not be done, in the order of the changes.
  const std::vector<std::string>& faults() const { return faults_; }
  /// What was done, and what could not be unless `known` says that it was told already.
  std::vector<Event> events(const std::string& node, const std::vector<std::string>& known) const;
  /// To the order that had it carried out, if one did.
  std::optional<OrderReply> reply() const;

 private:
  void carry_out(std::span<const InsideChange> part);

  Kernel* kernel_;
  std::vector<InsideChange> changes_ = {};
  std::size_t first_ = 0;  ///< so many belong to the first part
  InsideOurs ours_;
  std::optional<OrderReply> reply_ = {};  ///< as planned
  bool tried_ = false;
  std::vector<std::string> done_ = {};
  std::vector<std::string> faults_ = {};
};

}  // namespace anycast
