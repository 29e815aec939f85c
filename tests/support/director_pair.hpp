#pragma once

#include <array>
#include <memory>
#include <string>

#include "tests/support/child.hpp"
#include "tests/support/fake_http.hpp"

namespace anycast::test {

/// Who sees to the address, the virtual service and the announcement of whoever is MASTER.
enum class Way {
  alone,    ///< Keepalived, with a script that announces
  with_us,  ///< anycastd, which hears Keepalived
};

/// What differs between the hosts of a pair.
struct Place {
  std::string name = {};
  std::string own = {};   ///< on the wire, where the other and the real servers are
  std::string peer = {};  ///< the other's
  std::string up = {};    ///< toward the ISP
  std::string isp = {};   ///< the ISP's on that link
  std::string probed = {};
};

/// One host of a pair and what runs on it: BIRD, Keepalived and anycastd. All of it is started from
/// the calling thread, which is in the host's namespace then.
class Director {
 public:
  Director(Place place, std::string folder);
  Director(const Director&) = delete;
  Director& operator=(const Director&) = delete;

  const Place& place() const { return place_; }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  /// Has anycastctl make Keepalived's configuration of this one. Throws where that is refused.
  void take(const std::string& yaml);

  /// As after it has booted.
  void start(Way way);
  void start_keepalived();
  /// As an operator stops it: it says good-bye.
  void stop_keepalived();
  /// All of its processes, before one could see to another's end.
  void kill_keepalived();
  /// The links go first: nothing says good-bye. What its kernel knew is gone, too.
  void power_off();

  bool has(const std::string& address) const;
  /// Connections that the virtual service has taken, or -1 where there is none.
  int taken() const;
  /// Whether the ISP sends packets for the prefix here.
  bool attracts() const;
  std::string status() const;
  std::string log() const;

 private:
  std::unique_ptr<Child> run(const std::vector<std::string>& command) const;
  void write(const std::string& name, const std::string& text) const;

  Place place_;
  std::string folder_;
  std::string keepalived_text_ = {};
  std::unique_ptr<Child> bird_ = {};
  std::unique_ptr<Child> anycastd_ = {};
  std::unique_ptr<Child> keepalived_ = {};
};

/// Two directors on the wire of `lay_wire`, each with a link to an ISP by which the "client"
/// reaches 198.51.100.1, port 80. Real servers answer by NAT, through whoever of the two has the
/// shared address. Needs bird, birdc and keepalived; only on a kernel with IPVS.
class DirectorPair {
 public:
  DirectorPair();
  ~DirectorPair();
  DirectorPair(const DirectorPair&) = delete;
  DirectorPair& operator=(const DirectorPair&) = delete;

  Director& first() { return *directors_[0]; }
  Director& second() { return *directors_[1]; }
  /// Address, virtual service and announcement are this one's, and no address and no packet the
  /// other's.
  bool serves(const Director& director) const;
  std::string logs() const;

 private:
  void start_isp();

  TempDir room_;
  std::array<std::unique_ptr<Director>, 2> directors_;
  std::array<std::unique_ptr<FakeHttp>, 2> prometheus_;
  std::unique_ptr<Child> isp_ = {};
};

}  // namespace anycast::test
