#include "controller/app/inside_hand.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"
#include "controller/core/inside.hpp"

namespace anycast {
namespace {

/// Told one by one up to so many in a cycle.
constexpr std::size_t kOneByOne = 3;

/// Users notice it where they still come.
bool goes(const InsideChange& change) {
  if (const auto* vip = std::get_if<VipChange>(&change)) return vip->verb == InsideVerb::remove;
  const auto* service = std::get_if<ServiceChange>(&change);
  return service != nullptr && service->verb == InsideVerb::remove;
}

std::string listed(const std::vector<std::string>& all) {
  const auto shown = std::min(all.size(), kOneByOne);
  auto out = join({all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown)}, "; ");
  return all.size() > shown ? fmt::format("{}; and {} more", out, all.size() - shown) : out;
}

}  // namespace

InsideHand::InsideHand(Kernel* kernel, const Plan& plan, InsideOurs ours)
    : kernel_{kernel}, ours_{std::move(ours)} {
  if (kernel_ == nullptr || !plan.inside.waits.empty()) return;
  changes_ = plan.inside.changes;
  reply_ = plan.inside.reply;
  first_ = static_cast<std::size_t>(
      std::distance(changes_.begin(), std::ranges::find_if(changes_, goes)));
}

void InsideHand::before() { carry_out(std::span{changes_}.first(first_)); }

void InsideHand::after() {
  if (faults_.empty()) carry_out(std::span{changes_}.subspan(first_));
}

void InsideHand::carry_out(std::span<const InsideChange> part) {
  if (part.empty()) return;
  tried_ = true;
  const auto results = kernel_->carry_out({part.begin(), part.end()});
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (!results.at(i)) {
      faults_.push_back(to_string(results.at(i).error()));
      continue;
    }
    ours_ = core::after(std::move(ours_), part[i]);
    done_.push_back(to_string(part[i]));
  }
}

std::vector<Event> InsideHand::events(const std::string& node,
                                      const std::vector<std::string>& known) const {
  std::vector<Event> out;
  if (!done_.empty()) {
    out.push_back({.kind = "inside",
                   .priority = 5,
                   .text = fmt::format("changed the kernel of {}: {}; next: looked at again in "
                                       "each cycle",
                                       node, listed(done_)),
                   .node = node});
  }
  if (!faults_.empty() && faults_ != known) {
    out.push_back({.kind = "inside",
                   .priority = 3,
                   .text = fmt::format("could not change the kernel of {}: {}; next: tried again "
                                       "each cycle",
                                       node, listed(faults_)),
                   .node = node});
  }
  return out;
}

std::optional<OrderReply> InsideHand::reply() const {
  auto out = reply_;
  if (!out) return out;
  std::vector<std::string> words;
  if (!done_.empty()) words.push_back("changed the kernel: " + listed(done_));
  if (!faults_.empty()) words.push_back("could not change the kernel: " + listed(faults_));
  if (out->outcome != OrderReply::Outcome::done) words.push_back(out->text);
  if (!faults_.empty()) out->outcome = OrderReply::Outcome::failed;
  if (!words.empty()) out->text = join(words, "; ");
  return out;
}

}  // namespace anycast
