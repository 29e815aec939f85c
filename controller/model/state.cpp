#include "controller/model/state.hpp"

namespace anycast {

std::string to_string(const PathKey& key) {
  return key.node + "/" + key.upstream + "/" + key.carrier;
}

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::unknown: return "unknown";
    case Verdict::ok: return "ok";
    case Verdict::warn: return "warn";
    case Verdict::bad: return "bad";
  }
  return "?";
}

std::string to_string(Cause cause) {
  switch (cause) {
    case Cause::startup: return "startup";
    case Cause::carrier: return "carrier";
    case Cause::restore: return "restore";
    case Cause::operated: return "operator";
    case Cause::service: return "service";
    case Cause::undo: return "undo";
  }
  return "?";
}

std::string to_string(Condition condition) {
  switch (condition) {
    case Condition::run: return "run";
    case Condition::blind: return "blind";
    case Condition::frozen: return "frozen";
    case Condition::safe: return "safe";
  }
  return "?";
}

}  // namespace anycast
