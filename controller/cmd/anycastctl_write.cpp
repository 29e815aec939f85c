#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "controller/base/text.hpp"
#include "controller/cmd/anycastctl_client.hpp"

namespace anycast::cmd {
namespace {

constexpr int kLooks = 300;                        // at a reply
constexpr auto kBetweenLooks = milliseconds{200};  // so that one minute is waited in all

bool on_terminal() { return ::isatty(STDIN_FILENO) == 1; }

std::string ask_line(const std::string& question) {
  warn(question);
  std::string line;
  std::getline(std::cin, line);
  return std::string{trim(line)};
}

/// What the order will do, for the question before it.
std::string sentence(const std::string& kind, const Options& o, const Json& status) {
  const auto node = printable(status.value("node", "this node"));
  const auto lasts = o.lasts.empty() ? std::string{"until taken back"} : "for " + o.lasts;
  const auto fleet = status.value("fleet", Json::object());
  const auto announcing = fmt::format("{} of {} nodes announce now", fleet.value("announcing", 0),
                                      fleet.value("nodes", 0));
  if (kind == "drain") {
    return fmt::format("drain {} {}: {}, then it announces nothing; {}", node, lasts,
                       o.now ? "withdraw at once" : "GRACEFUL_SHUTDOWN (65535:0), wait, withdraw",
                       announcing);
  }
  if (kind == "pin") {
    return fmt::format("pin {} on {} to {} {}: the engine leaves it alone", o.upstream, node,
                       o.stance, lasts);
  }
  if (kind == "unpin") return fmt::format("give {} on {} back to the engine", o.upstream, node);
  if (kind == "undrain") return fmt::format("let {} announce again, step by step", node);
  if (kind == "freeze")
    return fmt::format("freeze {} {}: nothing is changed by itself", node, lasts);
  if (kind == "blackhole") {
    return fmt::format(
        "let {} drop all traffic to {} {}: whoever it is for is not reached by that "
        "way",
        o.upstream, o.host, lasts);
  }
  if (kind == "unblackhole") return fmt::format("let {} through {} again", o.host, o.upstream);
  if (kind == "unfreeze") return fmt::format("let {} act again", node);
  if (kind == "apply") return fmt::format("apply the plan above on {}", node);
  if (kind == "undo") return fmt::format("go back to what {} announced before", node);
  return fmt::format("{} on {}", kind, node);
}

/// An option that is a span of time, in seconds; false after complaining.
bool put_seconds(Json& body, const char* name, const std::string& option, const std::string& word) {
  if (word.empty()) return true;
  const auto span = parse_duration(word);
  if (span) {
    body[name] = to_seconds(*span);
    return true;
  }
  complain(kUsage,
           fmt::format("{} is '{}', expected a duration (45s, 10m, 2h)", option, printable(word)));
  return false;
}

tl::expected<Json, int> body_of(const std::string& kind, const Options& o) {
  Json body = {{"kind", kind}, {"reason", o.reason}};
  if (kind == "pin" && o.lasts.empty() && !o.forever)
    return tl::unexpected(complain(kUsage, "pin needs --for DURATION, or --forever"));
  if (!o.upstream.empty()) body["upstream"] = o.upstream;
  if (!o.host.empty()) body["host"] = o.host;
  if (!o.stance.empty()) body["stance"] = o.stance;
  if (o.now) body["now"] = true;
  if (o.force) body["force"] = true;
  if (o.decision != 0) body["decision"] = o.decision;
  if (!put_seconds(body, "for_seconds", "--for", o.lasts) ||
      !put_seconds(body, "confirm_seconds", "--confirm", o.confirm))
    return tl::unexpected(static_cast<int>(kUsage));
  return body;
}

int outcome(const Json& reply, const Options& options) {
  const auto word = reply.value("outcome", "");
  if (!options.quiet) print(reply, options);
  if (word == "done") return kOk;
  if (options.quiet) complain(kFailed, printable(reply.value("text", "")));
  return word == "refused" ? kTryLater : kFailed;
}

/// The reason, from the option or a terminal; false where there is none.
bool have_reason(Options& o) {
  if (o.reason.empty() && on_terminal()) o.reason = ask_line("reason (goes into the history): ");
  return !trim(o.reason).empty();
}

}  // namespace

int agree(const std::string& what, const Options& o) {
  if (o.yes) return kOk;
  if (!on_terminal())
    return complain(kUsage, "no terminal to ask on, and changes need a yes; -y says it");
  const auto answer = ask_line(what + "\ngo on? [y/N] ");
  if (answer == "y" || answer == "Y" || answer == "yes") return kOk;
  return complain(kFailed, "nothing was changed");
}

tl::expected<Json, int> carry_out(const Daemon& daemon, const Json& order) {
  const auto ticket = daemon.post("/v1/orders", order);
  if (!ticket) return tl::unexpected(ticket.error());
  const auto path = "/v1/orders/" + ticket->value("ticket", Json(0)).dump();
  for (int i = 0; i < kLooks; ++i) {
    auto answer = daemon.get(path);
    if (!answer || answer->value("kind", "") == "OrderReply") return answer;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return tl::unexpected(complain(kTryLater,
                                 "no reply within a minute; the order still waits for a cycle to "
                                 "take it, see: anycastctl history"));
}

int order(const std::string& kind, const Options& given) {
  auto o = given;
  const Daemon daemon{o};
  const auto status = daemon.get("/v1/status");
  if (!status) return status.error();
  const auto self = status->value("node", "");
  if (!o.node.empty() && o.node != self) {
    return complain(kUsage, fmt::format("this daemon is '{}' and takes orders for itself only; for "
                                        "'{}' run it there",
                                        printable(self), printable(o.node)));
  }
  if (!have_reason(o)) return complain(kUsage, kind + " needs --reason TEXT");
  const auto body = body_of(kind, o);
  if (!body) return body.error();
  if (kind == "apply" && !o.quiet) {
    const auto plan = daemon.get("/v1/plan");
    if (!plan) return plan.error();
    std::cerr << text::print(*plan, look_of(o));
  }
  if (const int code = agree(sentence(kind, o, *status), o); code != kOk) return code;
  const auto reply = carry_out(daemon, *body);
  return reply ? outcome(*reply, o) : reply.error();
}

int reload(const Options& options) {
  const auto answer = Daemon{options}.post("/v1/reload", nullptr);
  if (!answer) return answer.error();
  if (!options.quiet) tell(printable(answer->value("text", "")) + "\n");
  return kOk;
}

}  // namespace anycast::cmd
