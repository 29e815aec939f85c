#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "adapters/kernel/kernel.hpp"
#include "controller/core/inside.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_kernel.hpp"
#include "tests/support/net_space.hpp"

// What the contract tests of the kernel share.
namespace anycast::contract {

/// A number that the environment may raise (`guest.py --set NAME=N`): the guest is an emulated
/// machine, and takes what CI has time for unless somebody asks for a measurement.
inline int count_of(const char* name, int usual) {
  const char* wanted = std::getenv(name);
  return wanted == nullptr ? usual : std::max(1, std::atoi(wanted));
}

struct Case {
  const char* name;
  std::unique_ptr<Kernel> kernel;
};

/// The fake, and the real one in a namespace of its own where that can be had.
inline std::vector<Case> kernels() {
  std::vector<Case> out;
  out.push_back({"fake", std::make_unique<test::FakeKernel>()});
  if (!test::enter_own_space()) {
    WARN("SKIP: no right to make a network namespace");
    return out;
  }
  auto real = kernel::NetlinkKernel::open();
  REQUIRE(real.has_value());
  out.push_back({"real", std::move(*real)});
  return out;
}

/// In which routes are made here; one is beyond the byte of struct rtmsg.
inline const std::set<std::uint32_t> kTables{100, 70'000};

inline Inside read(Kernel& kernel) {
  const auto view = kernel.inside(kTables);
  REQUIRE(view.has_value());
  return view->inside;
}

inline bool done(Kernel& kernel, const InsideChange& change) {
  const auto results = kernel.carry_out({change});
  REQUIRE(results.size() == 1);
  return results[0].has_value();
}

/// Brings a kernel to a wish in as many cycles as it takes.
struct Keeper {
  Kernel& kernel;
  core::InsideWish wish = {};
  InsideOurs ours = {};
  Time now{hours{500'000}};
  int changes = 0;

  bool cycle() {
    const auto view = kernel.inside(kTables);
    REQUIRE(view.has_value());
    const auto step = core::inside_step(wish, *view, ours, now);
    ours = step.ours;
    const auto results = kernel.carry_out(step.changes);
    REQUIRE(results.size() == step.changes.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      INFO(to_string(step.changes[i]));
      if (!results[i]) FAIL(results[i].error().text);
      ours = core::after(ours, step.changes[i]);
    }
    changes += static_cast<int>(results.size());
    return !step.changes.empty();
  }
};

}  // namespace anycast::contract
