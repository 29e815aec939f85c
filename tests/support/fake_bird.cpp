#include "tests/support/fake_bird.hpp"

#include <map>
#include <utility>

#include "tests/support/fake_bird_model.hpp"

namespace anycast::test {

struct FakeBird::Server {
  explicit Server(const FakeBird& owner)
      : model{owner.operator_config()},
        socket{owner.socket(),
               {.greeting = "0001 BIRD 2.0.12 ready.\n",
                .answer =
                    [this](int client, const std::string& command) {
                      return model.answer(command, clients[client]);
                    },
                .unasked = [this](int client) { return gone_back(client); },
                .left = [this](int client) { clients.erase(client); }}} {}

  /// BIRD's word to whoever still waits for the undo that its time has brought.
  std::string gone_back(int client) {
    if (model.expire()) {
      for (auto& [number, other] : clients)
        other.is_told = std::exchange(other.waits_for_undo, false);
    }
    const bool told = std::exchange(clients[client].is_told, false);
    return told ? "+Config timeout expired, starting undo\n" : "";
  }

  struct Client : FakeBirdModel::Client {
    bool is_told = false;
  };
  FakeBirdModel model;
  std::map<int, Client> clients = {};
  FakeSocket socket;
};

FakeBird::FakeBird(std::string folder) : folder_{std::move(folder)} { start(); }
FakeBird::~FakeBird() = default;

std::string FakeBird::socket() const { return folder_ + "/bird.ctl"; }
std::string FakeBird::operator_config() const { return folder_ + "/bird.conf"; }
void FakeBird::kill() { server_.reset(); }
void FakeBird::start() { server_ = std::make_unique<Server>(*this); }
void FakeBird::freeze() { server_->socket.frozen = true; }
void FakeBird::thaw() { server_->socket.frozen = false; }
void FakeBird::twist(Twist twist) { server_->socket.twist(std::move(twist)); }

}  // namespace anycast::test
