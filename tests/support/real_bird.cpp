#include "tests/support/real_bird.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/support/process.hpp"

namespace anycast::test {

std::unique_ptr<RealBird> RealBird::make(const std::string& folder, std::string& why) {
  std::unique_ptr<RealBird> world{new RealBird{folder}};
  why = world->upstreams_.start();
  if (!why.empty()) return nullptr;
  world->start();
  return world;
}

void RealBird::start() {
  ::unlink(socket().c_str());
  node_ = spawn(inside(upstreams_.node_space(), {"bird", "-f", "-c", operator_config(), "-s",
                                                 socket(), "-P", folder_ + "/bird.pid"}));
  for (int i = 0; i < 500 && ::access(socket().c_str(), F_OK) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
}

RealBird::~RealBird() { end_process(node_); }

void RealBird::kill() { end_process(node_); }
void RealBird::freeze() { freeze_process(node_); }
void RealBird::thaw() { ::kill(node_, SIGCONT); }

}  // namespace anycast::test
