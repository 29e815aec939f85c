#include "tests/support/fake_frr_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "controller/base/text.hpp"

namespace anycast::test {
namespace {

using Words = std::vector<std::string>;
using Node = FakeFrrModel::Client::Node;

const std::map<std::string, std::string>& addresses() {
  static const std::map<std::string, std::string> by_table{
      {"t_cmi", "192.0.2.2"}, {"t_ntt", "192.0.2.6"}, {"t_ntt6", "2001:db8::2"}};
  return by_table;
}

bool is_v4(const std::string& text) { return text.find(':') == std::string::npos; }

Words words_of(const std::string& text) {
  auto words = split(text, ' ');
  std::erase(words, "");
  return words;
}

std::string rest(const Words& words, std::size_t from) {
  return join(
      {words.begin() + static_cast<std::ptrdiff_t>(std::min(from, words.size())), words.end()},
      " ");
}

bool begins(const std::string& line, std::string_view with) {
  return line.starts_with(with) && (line.size() == with.size() || line[with.size()] == ' ');
}

/// What a new line of an entry takes the place of.
std::string slot(const std::string& line) {
  for (const auto* each : {"set as-path prepend", "set community", "set large-community",
                           "match ip address prefix-list", "match ipv6 address prefix-list",
                           "match as-path", "set local-preference", "description"}) {
    if (begins(line, each)) return each;
  }
  return line;
}

}  // namespace

FakeFrrModel::FakeFrrModel(const std::string& operator_text) {
  for (const auto& [table, address] : addresses()) neighbors_[address];
  Client client{.node = Node::config};
  for (const auto& line : split(operator_text, '\n')) {
    if (!trim(line).empty()) answer(std::string{trim(line)}, client);
  }
}

FakeFrrModel::Reply FakeFrrModel::answer(const std::string& command, Client& client) {
  const auto words = words_of(command);
  if (command == "enable") {
    client.node = Node::enable;
  } else if (client.node == Node::view) {
    return {"% [BGP] Unknown command: " + command, 2};
  } else if (command == "configure terminal") {
    client.node = Node::config;
  } else if (command == "end") {
    client.node = Node::enable;
  } else if (begins(command, "show")) {
    return show(command);
  } else if (begins(command, "clear bgp") && words.size() == 7) {
    if (!neighbors_.contains(words[4])) return {"% No such neighbor", 1};
    send(words[4], true);
  } else if (client.node != Node::enable) {
    return configure(words, client);
  } else {
    return {"% [BGP] Unknown command: " + command, 2};
  }
  return {};
}

FakeFrrModel::Reply FakeFrrModel::show(const std::string& command) const {
  const auto words = words_of(command);
  if (command == "show version") return {"FRRouting 8.4.4 (edge) on Linux(6.1).\n"};
  if (command == "show running-config") return {running()};
  if (words.size() == 5 && words[2] == "neighbors") return show_neighbor(words[3]);
  if (words.size() == 6 && words[3] == "unicast") return {"{\"paths\":[{\"valid\":true}]}\n"};
  if (words.size() == 8 && words[6] == "advertised-routes") return show_advertised(words[5]);
  return {"% [BGP] Unknown command: " + command, 2};
}

FakeFrrModel::Reply FakeFrrModel::show_neighbor(const std::string& address) const {
  const auto found = neighbors_.find(address);
  if (found == neighbors_.end()) return {"{\n  \"bgpNoSuchNeighbor\":true\n}\n"};
  const auto& peer = found->second;
  return {
      fmt::format(R"({{"{}":{{"bgpState":"Established","bgpTimerUpEstablishedEpoch":1795725797,)"
                  R"("messageStats":{{"updatesSent":{}}},"addressFamilyInfo":{{"{}":{{)"
                  R"("routeMapForOutgoingAdvertisements":"{}","sentPrefixCounter":{}}}}}}}}})",
                  address, peer.updates, is_v4(address) ? "ipv4Unicast" : "ipv6Unicast", peer.map,
                  peer.sent.size())};
}

FakeFrrModel::Reply FakeFrrModel::show_advertised(const std::string& address) const {
  const auto found = neighbors_.find(address);
  if (found == neighbors_.end()) {
    return {"{\n  \"warning\":\"No such neighbor in this view/vrf\"\n}\n", 1};
  }
  Words routes;
  for (const auto& route : found->second.sent) {
    Words path;
    for (const auto asn : route.as_path) path.push_back(std::to_string(asn));
    if (!path.empty()) path.erase(path.begin());  // eBGP's own AS comes after the Adj-RIB-Out
    const auto prefix = to_string(route.prefix);
    routes.push_back(
        fmt::format(R"("{}":{{"network":"{}","path":"{}"}})", prefix, prefix, join(path, " ")));
  }
  return {fmt::format(R"({{"advertisedRoutes":{{{}}},"totalPrefixCounter":{}}})", join(routes, ","),
                      routes.size())};
}

FakeFrrModel::Reply FakeFrrModel::configure(const Words& words, Client& client) {
  const bool no = words.front() == "no";
  const Words what(words.begin() + (no ? 1 : 0), words.end());
  if (what.empty()) return {"% [BGP] Command incomplete", 4};
  if (what.front() == "exit" || what.front() == "exit-address-family") {
    const bool family = client.node == Node::family4 || client.node == Node::family6;
    client.node = family ? Node::bgp : Node::config;
    return {};
  }
  bool known = false;
  if (client.node == Node::map) known = map_line(what, no, client);
  if (!known && client.node >= Node::bgp) known = bgp_line(what, no, client);
  // As FRR does: what a node does not know is tried in the one around it.
  if (!known) known = top(what, no, client);
  return known ? Reply{} : Reply{"% [BGP] Unknown command: " + rest(words, 0), 2};
}

bool FakeFrrModel::top(const Words& words, bool no, Client& client) {
  const auto at = [&](std::size_t i) { return i < words.size() ? words[i] : std::string{}; };
  const bool path = words[0] == "bgp" && at(1) == "as-path";
  if (path || ((words[0] == "ip" || words[0] == "ipv6") && at(1) == "prefix-list")) {
    const std::size_t name = path ? 4 : 3;
    const auto head = join({words.begin(), words.begin() + static_cast<std::ptrdiff_t>(name)}, " ");
    if (no && words.size() == name) {
      lists_.erase(head);
    } else if (no) {
      lists_[head].erase(at(name + 1));
    } else {
      lists_[head][at(name + 1)] = rest(words, name + 2);
    }
    return true;
  }
  if (words[0] == "route-map") {
    if (no) {
      words.size() == 2 ? void(maps_.erase(at(1))) : void(maps_[at(1)].erase(std::stoi(at(3))));
      return true;
    }
    client = {.node = Node::map, .map = at(1), .sequence = std::stoi(at(3))};
    maps_[at(1)][client.sequence].permit = at(2) == "permit";
    return true;
  }
  if (words[0] == "router") {
    client.node = Node::bgp;
    return true;
  }
  return words[0] == "hostname";
}

bool FakeFrrModel::map_line(Words words, bool no, const Client& client) {
  if (words[0] != "match" && words[0] != "set" && words[0] != "description") return false;
  auto& lines = maps_[client.map][client.sequence].lines;
  const auto line = rest(words, 0);
  std::erase_if(lines, [&](const auto& each) { return slot(each) == slot(line) || each == line; });
  if (no) std::erase_if(lines, [&](const auto& each) { return begins(each, line); });
  if (!no) lines.push_back(line);
  return true;
}

bool FakeFrrModel::bgp_line(const Words& words, bool no, Client& client) {
  const auto line = (no ? "no " : "") + rest(words, 0);
  if (words[0] == "address-family") {
    client.node = words.at(1) == "ipv4" ? Node::family4 : Node::family6;
  } else if (words[0] == "network" && client.node != Node::bgp) {
    auto& networks = networks_[client.node == Node::family4];
    networks.erase(words.at(1));
    if (!no) networks[words.at(1)] = rest(words, 2);
    for (const auto& [address, peer] : neighbors_) send(address, false);
  } else if (words[0] == "neighbor" && words.size() == 5 && words[2] == "route-map") {
    neighbors_[words[1]].map = words[3];
  } else if (words[0] == "neighbor" || words[0] == "bgp" || words[0] == "timers") {
    if (words[0] == "bgp" && words.at(1) == "as-path") return false;
    if (words.back() != "activate") other_.push_back(line);
  } else {
    return false;
  }
  return true;
}

std::string FakeFrrModel::running() const {
  std::string out = "frr version 8.4.4\nfrr defaults traditional\n!\nhostname edge\n!\n";
  out += "router bgp 64500\n";
  for (const auto& line : other_) out += fmt::format(" {}\n", line);
  for (const bool v4 : {true, false}) {
    out += fmt::format(" !\n address-family {} unicast\n", v4 ? "ipv4" : "ipv6");
    if (const auto networks = networks_.find(v4); networks != networks_.end()) {
      for (const auto& [network, more] : networks->second) {
        out += fmt::format("  network {} {}\n", network, more);
      }
    }
    for (const auto& [address, peer] : neighbors_) {
      if (is_v4(address) != v4) continue;
      if (!v4) out += fmt::format("  neighbor {} activate\n", address);
      out += fmt::format("  neighbor {} route-map {} out\n", address, peer.map);
    }
    out += " exit-address-family\n";
  }
  out += "!\nexit\n!\n";
  for (const auto& [head, lines] : lists_) {
    for (const auto& [number, line] : lines) {
      out += fmt::format("{} seq {} {}\n", head, number, line);
    }
  }
  for (const auto& [name, entries] : maps_) {
    for (const auto& [sequence, entry] : entries) {
      out +=
          fmt::format("!\nroute-map {} {} {}\n", name, entry.permit ? "permit" : "deny", sequence);
      for (const auto& line : entry.lines) out += fmt::format(" {}\n", line);
      out += "exit\n";
    }
  }
  return out;
}

std::vector<Export> FakeFrrModel::routes_for(const std::string& address) const {
  std::vector<Export> out;
  const auto map = maps_.find(neighbors_.at(address).map);
  const auto networks = networks_.find(is_v4(address));
  if (map == maps_.end() || networks == networks_.end()) return out;
  for (const auto& [network, more] : networks->second) {
    const auto wanted = "permit " + network;
    for (const auto& [sequence, entry] : map->second) {
      Export route{.prefix = *Prefix::parse(network), .as_path = {64500}};
      const bool matches = std::ranges::all_of(entry.lines, [&](const auto& line) {
        const auto words = words_of(line);
        if (words[0] != "match") return true;
        const auto head = words[1] == "as-path" ? "bgp as-path access-list " + words[2]
                                                : words[1] + " prefix-list " + words.back();
        const auto list = lists_.find(head);
        if (list == lists_.end()) return false;
        return words[1] == "as-path" ||
               std::ranges::any_of(list->second,
                                   [&wanted](const auto& each) { return each.second == wanted; });
      });
      if (!matches) continue;
      for (const auto& line : entry.lines) {
        const auto words = words_of(line);
        for (std::size_t i = 3; begins(line, "set as-path prepend") && i < words.size(); ++i) {
          route.as_path.push_back(static_cast<Asn>(std::stoul(words[i])));
        }
        const bool adds = begins(line, "set community") || begins(line, "set large-community");
        for (std::size_t i = 2; adds && i < words.size(); ++i) {
          if (words[i] != "additive") route.communities.push_back(words[i]);
        }
      }
      std::ranges::sort(route.communities);
      if (entry.permit) out.push_back(std::move(route));
      break;
    }
  }
  std::ranges::sort(out);
  return out;
}

void FakeFrrModel::send(const std::string& address, bool always) {
  auto& peer = neighbors_.at(address);
  auto routes = routes_for(address);
  const bool something = !routes.empty() || !peer.sent.empty();
  if ((always && something) || routes != peer.sent) ++peer.updates;
  peer.sent = std::move(routes);
}

const std::vector<Export>& FakeFrrModel::heard(const std::string& table) const {
  return neighbors_.at(addresses().at(table)).sent;
}
int FakeFrrModel::updates(const std::string& table) const {
  return neighbors_.at(addresses().at(table)).updates;
}

}  // namespace anycast::test
