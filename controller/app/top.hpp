#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/app/text.hpp"

/// What `anycastctl top` shows and what its keys do, as values; the terminal is elsewhere. Nothing
/// here changes the network.
namespace anycast::top {

using text::Json;

enum class View { paths, sessions, explain, plan, history, keys };
enum class Order { worst, node, rtt, loss };

/// What a person has chosen so far.
struct Choice {
  View view = View::paths;
  Order order = Order::worst;
  int selected = 0;  ///< of the paths in their order
  int scroll = 0;    ///< lines above the first that is shown
  std::string filter = {};
  bool typing = false;  ///< keys go into the filter
  bool still = false;   ///< no new picture
  bool quit = false;
  bool operator==(const Choice&) const = default;
};

/// Names of keys in what a terminal sends: "up", "down", "page_up", "page_down", "enter", "escape",
/// "backspace", "quit" for ctrl-C, or the character itself.
std::vector<std::string> keys(std::string_view bytes);

/// The choice after a key.
Choice press(Choice choice, const std::string& key, const Json& status);

/// What the view shows besides the status: a path of the API with its query.
struct Question {
  std::string path;
  std::map<std::string, std::string> query = {};
  bool operator==(const Question&) const = default;
};
std::optional<Question> question(const Choice& choice, const Json& status);

/// What is known: the last status, the answer to the view's question, and why there is no newer
/// one.
struct Known {
  const Json& status;
  const Json& answer;
  std::string trouble = {};
};

/// `height` lines of at most `look.width` cells.
std::vector<std::string> frame(const Choice& choice, const Known& known, int height,
                               const text::Look& look);

}  // namespace anycast::top
