// What it costs to bring IPVS to a wanted state and to keep it there, beside ipvsadm on the same
// kernel: `tests/bench/ipvs` runs it in a guest that has one.
//
// usage: bench_ipvs [SERVICES [SERVERS]]

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>

#include "adapters/kernel/kernel.hpp"
#include "controller/core/inside.hpp"

using namespace anycast;

namespace {

using Ms = std::chrono::duration<double, std::milli>;

Ms took(const std::function<void()>& what) {
  const auto began = std::chrono::steady_clock::now();
  what();
  return std::chrono::steady_clock::now() - began;
}

void run(const std::string& command) {
  if (std::system(command.c_str()) != 0) {
    std::cerr << "failed: " << command << "\n";
    std::exit(1);
  }
}

Inside state(int services, int servers) {
  Inside out;
  for (int i = 0; i < services; ++i) {
    const ServiceKey key{.address = *Address::parse("198.51.100." + std::to_string(i % 250 + 1)),
                         .port = static_cast<std::uint16_t>(80 + i)};
    auto& service = out.services[key];
    service.settings.scheduler = "wrr";
    for (int n = 0; n < servers; ++n) {
      const ServerKey server{*Address::parse("192.0.2." + std::to_string(n % 250 + 1)), key.port};
      service.servers[server] = {.forwarding = Forwarding::dr, .weight = 1 + n % 5};
    }
  }
  return out;
}

/// The commands without the program, as `ipvsadm --restore` reads them.
void write(const std::string& file, const std::string& commands) {
  std::ofstream out{file};
  constexpr std::size_t kProgram = sizeof "ipvsadm " - 1;
  for (std::size_t from = 0; from < commands.size();) {
    const auto end = commands.find('\n', from);
    out << commands.substr(from + kProgram, end + 1 - from - kProgram);
    from = end + 1;
  }
}

class Ours {
 public:
  /// One cycle: everything is read, compared and put right.
  std::vector<InsideChange> sync(const Inside& wanted) {
    const auto view = kernel_->inside({});
    if (!view || view->no_services) {
      std::cerr << (view ? view->no_services->text : view.error().text) << "\n";
      std::exit(1);
    }
    auto step = core::inside_step({.inside = wanted}, *view, ours_, Time{hours{500'000}});
    ours_ = step.ours;
    for (const auto& result : kernel_->carry_out(step.changes)) {
      if (result) continue;
      std::cerr << result.error().text << "\n";
      std::exit(1);
    }
    return step.changes;
  }

 private:
  std::unique_ptr<kernel::NetlinkKernel> kernel_ = *kernel::NetlinkKernel::open();
  InsideOurs ours_ = {};
};

void row(const char* what, Ms ours, Ms theirs, const char* how) {
  std::cout << fmt::format("{:<24} {:>9.1f} ms {:>9.1f} ms   x{:<6.2f} {}\n", what, ours.count(),
                           theirs.count(), ours / theirs, how);
}

}  // namespace

int main(int argc, char** argv) {
  const int services = argc > 1 ? std::atoi(argv[1]) : 100;
  const int servers = argc > 2 ? std::atoi(argv[2]) : 100;
  auto wanted = state(services, servers);
  write("whole", text_of(wanted));
  run("ipvsadm -C");
  const auto restore = took([] { run("ipvsadm --restore <whole"); });
  run("ipvsadm -C");
  Ours ours;
  const auto first = took([&] { ours.sync(wanted); });
  const auto nothing = took([&] { ours.sync(wanted); });
  const auto read = took([] { run("ipvsadm -Sn >read"); });

  int touched = 0;
  for (auto& [key, service] : wanted.services) {
    for (auto& [server, settings] : service.servers) {
      if (touched++ % 100 == 0) settings.weight += 10;
    }
  }
  std::vector<InsideChange> changes;
  const auto some = took([&] { changes = ours.sync(wanted); });
  std::string edits;
  for (const auto& change : changes) edits += to_string(change) + "\n";
  write("edits", edits);
  const auto batch = took([] { run("ipvsadm --restore <edits"); });
  std::ofstream{"one-by-one"} << edits;
  const auto one_by_one = took([] { run("sh one-by-one"); });
  write("whole", text_of(wanted));
  const auto anew = took([] { run("ipvsadm -C && ipvsadm --restore <whole"); });

  std::cout << fmt::format("{} services x {} real servers, {} changed\n", services, servers,
                           changes.size());
  std::cout << fmt::format("{:<24} {:>12} {:>12}   {:<7} {}\n", "", "ours", "theirs", "ratio",
                           "how");
  row("first sync", first, restore, "ipvsadm --restore of all");
  row("1 % change, all read", some, one_by_one, "ipvsadm for each change, nothing read");
  row("", some, anew, "ipvsadm -C, --restore of all: an outage");
  row("", some, read + batch, "ipvsadm -Sn, --restore of the changes");
  row("no change, all read", nothing, read, "ipvsadm -Sn");
  const bool held = first <= restore && some <= one_by_one && some <= anew && nothing <= read;
  if (!held) std::cout << "ours took longer than one of them\n";
  return held ? 0 : 1;
}
