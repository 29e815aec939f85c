#include "adapters/keepalived/listener.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "adapters/keepalived/notify.hpp"
#include "adapters/system/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/net_space.hpp"
#include "tests/support/process.hpp"

using namespace anycast;
using anycast::keepalived::Listener;
using anycast::test::eventually;

namespace {

/// Who writes to the FIFO as Keepalived does, which opens it to read, too.
class Writer {
 public:
  explicit Writer(const std::string& path) : fd_{::open(path.c_str(), O_RDWR | O_NONBLOCK)} {}
  void say(const std::string& text) const {
    REQUIRE(::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

 private:
  Fd fd_;
};

struct Room {
  test::TempDir folder = {};
  std::string fifo = folder.file("fifo");
  std::unique_ptr<Listener> listener = {};

  void make() const { REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0); }
  void listen() {
    listener = *Listener::start(
        {.keepalived = {.fifo = fifo, .instance = "VI_1", .track_file = folder.file("track")}});
  }
  /// "MASTER, running", or why it cannot be told.
  std::string word() const {
    const auto view = listener->vrrp();
    if (!view) return view.error().text;
    return to_string(view->state) + (view->running ? ", running" : ", gone");
  }
  bool comes(const std::string& wanted) const {
    const bool came = eventually([&] { return word() == wanted; });
    if (!came) UNSCOPED_INFO("it is " << word());
    return came;
  }
};

constexpr auto* kMaster = "INSTANCE \"VI_1\" MASTER 150\n";

/// A Keepalived in the namespace of this thread.
class Real {
 public:
  explicit Real(const Room& room, const std::string& global) : room_{room} {
    std::ofstream{file("conf")} << "global_defs {\n  router_id k1\n"
                                << global << "  vrrp_version 3\n}\n"
                                << "track_file anycastd {\n  file " << file("track")
                                << "\n  weight 1\n  init_file 0\n}\n"
                                << R"(vrrp_instance VI_1 {
  state BACKUP
  interface vip0
  virtual_router_id 51
  priority 150
  advert_int 0.1
  unicast_src_ip 192.0.2.1
  unicast_peer {
    192.0.2.2
  }
  track_file {
    anycastd
  }
  virtual_ipaddress {
    192.0.2.100/24 dev vip0
  }
}
)";
    start();
  }
  ~Real() { kill(SIGKILL); }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;

  void start() {
    child_ = std::make_unique<test::Child>(
        std::vector<std::string>{"keepalived", "-n", "-P", "-l", "-D", "-f", file("conf"), "-p",
                                 file("pid"), "-r", file("vrrp-pid"), "-c", file("other-pid")},
        file("log"));
  }
  void reload() const {
    const auto own = pid("pid");
    REQUIRE(own > 0);  // or everybody would be told
    ::kill(own, SIGHUP);
  }
  void kill(int signal) {
    if (!child_) return;
    if (signal == SIGKILL) {
      // Both processes, before the parent could see to the other's end and start a new one.
      ::kill(child_->pid(), SIGSTOP);
      if (const auto vrrp = pid("vrrp-pid"); vrrp > 0) ::kill(vrrp, SIGKILL);
    } else if (const auto own = pid("pid"); own > 0) {
      ::kill(own, signal);
      child_->wait();
    }
    child_.reset();
    for (const auto* name : {"pid", "vrrp-pid"}) std::filesystem::remove(file(name));
  }
  std::string log() const { return read_file(file("log")).value_or(""); }

 private:
  std::string file(const std::string& name) const { return room_.folder.file(name); }
  pid_t pid(const std::string& name) const {
    std::ifstream in{file(name)};
    pid_t out = -1;
    in >> out;
    return in ? out : -1;
  }

  const Room& room_;
  std::unique_ptr<test::Child> child_;
};

bool can_run_it() {
  if (!test::has_program("keepalived") || !test::enter_own_space()) {
    WARN("SKIP: no keepalived, or no right to make a network namespace");
    return false;
  }
  // Without the other end there is no carrier, and the instance is in FAULT.
  return test::run_program({"ip", "link", "set", "dev", "far", "up"}) == 0 &&
         test::run_program({"ip", "address", "add", "192.0.2.1/24", "dev", "vip0"}) == 0;
}

}  // namespace

TEST_CASE("of the lines of the FIFO those count that say a state of the instance") {
  const auto state = [](const char* line) {
    return to_string(keepalived::state_in(line, "VI_1").value_or(VrrpState::unknown));
  };
  CHECK(state("INSTANCE \"VI_1\" MASTER 150") == "MASTER");
  CHECK(state("INSTANCE \"VI_1\" BACKUP 0") == "BACKUP");
  CHECK(state("INSTANCE \"VI_1\" FAULT 0") == "FAULT");
  CHECK(state("INSTANCE \"VI_1\" STOP 0") == "STOP");
  CHECK(state("INSTANCE \"VI_1\" MASTER_PRIORITY 120") == "unknown");
  CHECK(state("INSTANCE \"VI_10\" MASTER 150") == "unknown");
  CHECK(state("GROUP \"VI_1\" MASTER 0") == "unknown");
  CHECK(state("INSTANCE \"VI_1") == "unknown");
  CHECK(state("") == "unknown");
}

TEST_CASE("a FIFO that is given up at the first reload is found in the configuration") {
  const auto line = [](const char* text) { return keepalived::fifo_before_user(text).value_or(0); };
  CHECK(line("global_defs {\n  vrrp_notify_fifo /run/f\n  script_user root\n}\n") == 2);
  CHECK(line("global_defs {\n  script_user root\n  vrrp_notify_fifo /run/f\n}\n") == 0);
  CHECK(line("global_defs {\n  vrrp_notify_fifo /run/f anycastd\n}\n") == 0);
  CHECK(line("global_defs {\n  # script_user root\n  notify_fifo /run/f ! all\n}\n") == 3);
  CHECK(line("") == 0);
}

TEST_CASE("words are heard, also half ones, those from before, and of a new FIFO") {
  Room room;
  room.listen();
  CHECK(room.comes("unknown, gone"));
  room.make();
  auto writer = std::make_unique<Writer>(room.fifo);
  CHECK(room.comes("unknown, running"));
  writer->say("INSTANCE \"VI_1\" BACK");
  writer->say("UP 100\nGROUP \"G\" MASTER 0\n");
  CHECK(room.comes("BACKUP, running"));

  std::filesystem::remove(room.fifo);
  CHECK(room.comes("BACKUP, gone"));
  room.make();
  writer = std::make_unique<Writer>(room.fifo);
  writer->say(kMaster);
  CHECK(room.comes("MASTER, running"));
  writer.reset();
  CHECK(room.comes("MASTER, gone"));

  room.listener.reset();
  writer = std::make_unique<Writer>(room.fifo);
  writer->say(kMaster);
  room.listen();
  CHECK(room.comes("MASTER, running"));
}

TEST_CASE("what is no FIFO is told, and what floods it is left out") {
  Room room;
  std::ofstream{room.fifo} << "x";
  room.listen();
  CHECK(room.comes("'" + room.fifo + "' is no FIFO, so Keepalived cannot write to it"));
  std::filesystem::remove(room.fifo);
  room.make();
  const Writer writer{room.fifo};
  CHECK(room.comes("unknown, running"));
  writer.say(std::string(10'000, 'x'));
  writer.say(std::string{"\n"} + kMaster);
  CHECK(room.comes("MASTER, running"));
}

TEST_CASE("the track file is written where it says something else") {
  Room room;
  room.listen();
  REQUIRE(room.listener->track(-120).has_value());
  CHECK(read_file(room.folder.file("track")) == "-120\n");
  const auto written = modified_at(room.folder.file("track"));
  REQUIRE(room.listener->track(-120).has_value());
  CHECK(modified_at(room.folder.file("track")) == written);
  std::ofstream{room.folder.file("track")} << "0\n";
  REQUIRE(room.listener->track(-120).has_value());
  CHECK(read_file(room.folder.file("track")) == "-120\n");
}

TEST_CASE("a real Keepalived is heard through reload, kill, restart and stop") {
  if (!can_run_it()) return;
  Room room;
  room.listen();
  Real real{room, "  script_user root\n  vrrp_notify_fifo " + room.fifo + "\n"};
  CHECK(room.comes("MASTER, running"));
  real.reload();
  CHECK(eventually([&] { return real.log().find("Reload complete") != std::string::npos; }));
  CHECK(room.comes("MASTER, running"));
  REQUIRE(room.listener->track(-120).has_value());
  CHECK(eventually([&] { return real.log().find("from 150 to 30") != std::string::npos; }));
  real.kill(SIGKILL);
  CHECK(room.comes("MASTER, gone"));
  real.start();
  CHECK(room.comes("MASTER, running"));
  real.kill(SIGTERM);
  CHECK(room.comes("STOP, gone"));
  INFO(real.log());
}
