#include "tests/support/fake_frr.hpp"

#include <map>
#include <mutex>
#include <utility>

#include "tests/support/fake_frr_model.hpp"
#include "tests/support/texts.hpp"

namespace anycast::test {

struct FakeFrr::Server {
  explicit Server(const FakeFrr& owner)
      : model{slurp(owner.operator_config())},
        socket{owner.socket(),
               {.end = '\0',
                .answer =
                    [this](int client, const std::string& command) {
                      const auto reply = model.answer(command, clients[client]);
                      return reply.text + std::string(3, '\0') + static_cast<char>(reply.status);
                    },
                .left = [this](int client) { clients.erase(client); }}} {}

  FakeFrrModel model;
  std::map<int, FakeFrrModel::Client> clients = {};
  FakeSocket socket;
};

FakeFrr::FakeFrr(std::string folder) : folder_{std::move(folder)} { FakeFrr::start(); }
FakeFrr::~FakeFrr() = default;

void FakeFrr::kill() { server_.reset(); }
void FakeFrr::start() { server_ = std::make_unique<Server>(*this); }
void FakeFrr::freeze() { server_->socket.frozen = true; }
void FakeFrr::thaw() { server_->socket.frozen = false; }

std::vector<Export> FakeFrr::heard(const std::string& table) const {
  if (!server_) return {};
  const std::scoped_lock guard{server_->socket.mutex};
  return server_->model.heard(table);
}

std::string FakeFrr::news(const std::string& table) const {
  if (!server_) return {};
  const std::scoped_lock guard{server_->socket.mutex};
  return std::to_string(server_->model.updates(table));
}

void FakeFrr::twist(Twist twist) { server_->socket.twist(std::move(twist)); }

}  // namespace anycast::test
