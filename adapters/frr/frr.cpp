#include "adapters/frr/frr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "adapters/frr/discard.hpp"
#include "adapters/system/file.hpp"
#include "adapters/system/lock.hpp"
#include "controller/render/frr_text.hpp"

namespace anycast::frr {
namespace {

// A change is some dozens of exchanges, each of them a millisecond where bgpd is well.
constexpr int kBudgetInTimeouts = 8;
// Between a clear and the UPDATE bgpd gathers for 100 ms.
constexpr auto kSaidWithin = milliseconds{150};

Time now() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

std::string shown(const Objects& objects) {
  const auto marker = marker_of(objects);
  if (marker != 0) return fmt::format("revision {}", marker);
  return objects.empty() ? "no fragment of ours" : "objects of ours without a revision";
}

std::map<std::string, std::string> both(std::map<std::string, std::string> one,
                                        const std::map<std::string, std::string>& other) {
  one.insert(other.begin(), other.end());
  return one;
}

}  // namespace

Result<void> FrrSpeaker::lock() {
  if (lock_) return {};
  auto fd = lock_beside(settings_.fragment);
  if (!fd) return tl::unexpected(fd.error());
  lock_ = std::move(*fd);
  return {};
}

/// FRR has no check of its own without a change; what stands in a fragment is read word by word.
Result<void> FrrSpeaker::check(const Fragment& fragment) {
  if (auto ok = lock(); !ok) return ok;
  const auto text = render::parse_frr(fragment.text);
  if (!text) {
    auto error = text.error();
    error.place.file = settings_.fragment;
    return tl::unexpected(std::move(error));
  }
  auto vty = session(kBudgetInTimeouts);
  if (!vty) return tl::unexpected(vty.error());
  const auto current = running(*vty);
  if (!current) return tl::unexpected(current.error());
  return free_of_ours(*current, read_running(fragment.text).objects);
}

/// Nothing is on probation; what nobody confirmed in its time, or was cut off in the middle, has
/// gone back.
Result<void> FrrSpeaker::ready_for_change(Vty& vty) {
  const auto probation = read_probation(settings_.fragment);
  if (!probation) return tl::unexpected(probation.error());
  if (!*probation) return {};
  const auto current = running(vty);
  if (!current) return tl::unexpected(current.error());
  const bool whole = marker_of(current->objects) == (*probation)->revision;
  if (whole && now() < (*probation)->until) {
    return fail(Remedy::wait,
                "bgpd runs an unconfirmed change, expected a confirm, an undo or its end first");
  }
  return go_back(**probation);
}

Result<void> FrrSpeaker::apply(const Fragment& fragment, Duration probation) {
  if (auto ok = check(fragment); !ok) return ok;
  auto vty = session(kBudgetInTimeouts);
  if (!vty) return tl::unexpected(vty.error());
  if (auto ok = ready_for_change(*vty); !ok) return ok;
  auto from = running(*vty);
  if (!from) return tl::unexpected(from.error());
  const auto to = read_running(fragment.text).objects;

  Probation trial{.until = now() + probation, .revision = fragment.revision};
  if (modified_at(settings_.fragment)) {
    auto text = read_file(settings_.fragment);
    if (!text) return tl::unexpected(text.error());
    trial.file = std::move(*text);
  }
  const auto networks = both(to.networks, read_running(trial.file.value_or("")).objects.networks);
  from->objects = only(std::move(from->objects), networks);
  trial.objects = from->objects;
  // The way back first; then whoever comes after a kill knows what was meant.
  if (auto ok = write_probation(settings_.fragment, trial); !ok) return ok;
  armed_ = true;
  auto done = replace_file(settings_.fragment, fragment.text, Survives::process);
  if (done) done = bring(*vty, *from, to, &fragment.exports);
  if (done) done = sync_file(settings_.fragment);
  if (!done) return tl::unexpected(taken_back(std::move(done.error()), trial));
  clean_others();
  return {};
}

/// Makes what ran before run again and stand in the file again. Its end is the end of the
/// probation.
Result<void> FrrSpeaker::go_back(const Probation& probation) {
  // What one that was killed has told bgpd a moment ago is said first: merged with the way back, it
  // would let a neighbour hear the same twice.
  if (!armed_) std::this_thread::sleep_for(kSaidWithin);
  auto vty = session(kBudgetInTimeouts);
  if (!vty) return tl::unexpected(vty.error());
  auto from = running(*vty);
  if (!from) return tl::unexpected(from.error());
  const auto file = read_file(settings_.fragment).value_or(std::string{});
  from->objects = only(std::move(from->objects),
                       both(read_running(file).objects.networks, probation.objects.networks));
  if (auto ok = bring(*vty, *from, probation.objects, nullptr); !ok) return ok;
  const auto put = probation.file ? replace_file(settings_.fragment, *probation.file)
                                  : remove_file(settings_.fragment);
  if (!put) return put;
  armed_ = false;
  return remove_probation(settings_.fragment);
}

Error FrrSpeaker::taken_back(Error why, const Probation& probation) {
  if (auto back = go_back(probation); !back) {
    why.notes.push_back("going back is tried again at the next cycle: " + to_string(back.error()));
    armed_ = false;
  }
  return why;
}

Result<void> FrrSpeaker::confirm() {
  if (auto ok = lock(); !ok) return ok;
  const auto probation = read_probation(settings_.fragment);
  if (!probation) return tl::unexpected(probation.error());
  auto vty = session(kBudgetInTimeouts);
  if (!vty) return tl::unexpected(vty.error());
  const auto current = running(*vty);
  if (!current) return tl::unexpected(current.error());
  if (!*probation) {
    return fail(Remedy::wait,
                fmt::format("bgpd has nothing to confirm, it runs {}", shown(current->objects)));
  }
  const auto wanted = read_running(read_file(settings_.fragment).value_or(std::string{})).objects;
  const bool whole = marker_of(wanted) == (*probation)->revision &&
                     only(current->objects, wanted.networks) == wanted;
  if (whole && now() < (*probation)->until) {
    // Whoever comes after a kill need not tell the neighbours again: the marker came last.
    armed_ = false;
    return remove_probation(settings_.fragment);
  }
  if (auto back = go_back(**probation); !back) return back;
  return fail(Remedy::wait, fmt::format("bgpd has gone back before the confirmation, it runs {}",
                                        shown((*probation)->objects)));
}

Result<void> FrrSpeaker::undo() {
  if (auto ok = lock(); !ok) return ok;
  const auto probation = read_probation(settings_.fragment);
  if (!probation) return tl::unexpected(probation.error());
  return *probation ? go_back(**probation) : Result<void>{};
}

/// `no network` takes the prefixes back on all sessions after 50 ms; once the route-maps deny them,
/// the networks return, so that an announcement needs one entry again and not two things.
Result<void> FrrSpeaker::silence(const Fragment& withdrawn) {
  if (auto ok = lock(); !ok) return ok;
  const auto to = read_running(withdrawn.text).objects;
  const auto before = read_running(read_file(settings_.fragment).value_or(std::string{})).objects;
  const auto written = replace_file(settings_.fragment, withdrawn.text);
  const auto ended = remove_probation(settings_.fragment);
  armed_ = false;
  const auto unsaid = [](std::string_view how, Error error) {
    error.text = fmt::format("{}: {}", how, error.text);
    return tl::unexpected(std::move(error));
  };
  auto vty = session(kBudgetInTimeouts);
  if (!vty) return unsaid("not withdrawn", vty.error());
  auto from = running(*vty);
  if (!from) return unsaid("not withdrawn", from.error());
  from->objects = only(std::move(from->objects), both(to.networks, before.networks));
  const auto quiet = vty->configure(without_networks(from->objects, from->instance));
  if (!quiet) return unsaid("not withdrawn", quiet.error());
  const auto dropped = hosts_in(settings_, from->objects);
  from->objects.networks.clear();
  if (auto ok = bring(*vty, *from, to, &withdrawn.exports); !ok) {
    return unsaid("withdrawn but volatile", ok.error());
  }
  if (!dropped.empty()) {
    if (auto ok = discard(settings_, hosts_in(settings_, to)); !ok) return ok;
  }
  if (!written) return unsaid("withdrawn but volatile", written.error());
  if (!ended) return unsaid("withdrawn but volatile", ended.error());
  clean_others();
  return {};
}

void FrrSpeaker::overdue() {
  if (!modified_at(probation_file(settings_.fragment)) || !lock()) return;
  const auto probation = read_probation(settings_.fragment);
  if (!probation || !*probation) return;  // the reading says what is wrong with it
  bool back = now() >= (*probation)->until;
  if (!back && !armed_) {
    // Somebody was killed: a whole change may still be confirmed, half a one may not stay.
    const auto current = session(kBudgetInTimeouts).and_then([&](Vty vty) { return running(vty); });
    back = current && marker_of(current->objects) != (*probation)->revision;
  }
  if (!back) return;
  const auto done = go_back(**probation);
  heard_.push_back(
      done ? fmt::format("a change to revision {} that nobody confirmed was taken back",
                         (*probation)->revision)
           : "a change that nobody confirmed is not taken back yet: " + to_string(done.error()));
}

}  // namespace anycast::frr
