#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "adapters/bird/bird.hpp"
#include "adapters/bird/twin.hpp"
#include "adapters/system/file.hpp"
#include "controller/base/text.hpp"
#include "controller/render/fragment.hpp"

namespace anycast::bird {
namespace {

tl::unexpected<Error> not_included(const Settings& settings) {
  return fail(Remedy::fix_text,
              fmt::format("'{}' does not include our fragment, expected 'include \"{}\";'",
                          settings.operator_config, settings.fragment));
}

std::string name_of(const std::optional<std::uint32_t>& revision) {
  return revision ? fmt::format("revision {}", *revision) : "no fragment of ours";
}

}  // namespace

Result<void> BirdSpeaker::check(const Fragment& fragment) {
  if (auto ok = lock(); !ok) return ok;
  const auto config = read_operator_config(settings_.operator_config, settings_.fragment);
  if (!config) return tl::unexpected(config.error());
  if (config->attachment == Attachment::none) return not_included(settings_);
  if (config->attachment == Attachment::covered) return {};
  const auto twin =
      Twin::make(*config, settings_.operator_config, settings_.fragment, fragment.text);
  if (!twin) return tl::unexpected(twin.error());
  const auto command = fmt::format("configure check {}", quote(twin->file()));
  const auto reply = ask(command);
  if (!reply) return tl::unexpected(reply.error());
  if (reply->code() == 8002) return tl::unexpected(twin->named(configuration_error(*reply)));
  if (reply->code() != 20) return tl::unexpected(unexpected(command, *reply));
  return {};
}

/// Nothing else is under way, and nothing but our fragment would become active; the time when BIRD
/// read the operator's files, if it is known.
Result<std::optional<Time>> BirdSpeaker::ready_for_change() {
  const auto busy = unconfirmed();
  if (!busy) return tl::unexpected(busy.error());
  if (*busy) {
    return fail(Remedy::wait,
                "bird runs an unconfirmed configuration, expected a confirm, an undo "
                "or its end first");
  }
  if (probation_) {
    // Nobody confirmed and BIRD went back: the file has to follow, unless somebody's `configure`
    // made it last.
    const auto running = running_revision();
    if (!running) return tl::unexpected(running.error());
    if (*running != probation_->revision) {
      if (auto ok = put_back(probation_->previous); !ok) return tl::unexpected(ok.error());
      gone_back(probation_->loaded);
    }
    probation_.reset();
  }
  const auto config = read_operator_config(settings_.operator_config, settings_.fragment);
  if (!config) return tl::unexpected(config.error());
  if (config->attachment == Attachment::none) return not_included(settings_);
  const auto status = ask("show status").and_then(read_status);
  if (!status) return tl::unexpected(status.error());
  const auto since = loaded_at(*status);
  const auto edited = since ? edited_since(*config, *since) : std::vector<std::string>{};
  if (edited.empty()) return since;
  return tl::unexpected(
      Error{.remedy = Remedy::fix_text,
            .text = fmt::format("'{}' was edited after bird's last reconfiguration, expected "
                                "'configure' by whoever edits it: our change would make the edit "
                                "active",
                                edited.front()),
            .place = {.file = edited.front()}});
}

Result<void> BirdSpeaker::apply(const Fragment& fragment, Duration probation) {
  if (auto ok = lock(); !ok) return ok;
  // An edit that does not parse is told with its place, before the edit as such.
  if (auto ok = check(fragment); !ok) return ok;
  const auto loaded = ready_for_change();
  if (!loaded) return tl::unexpected(loaded.error());
  Probation trial{.previous = {}, .revision = fragment.revision, .loaded = *loaded};
  if (modified_at(settings_.fragment)) {
    auto text = read_file(settings_.fragment);
    if (!text) return tl::unexpected(text.error());
    trial.previous = std::move(*text);
  }
  // Users wait for the UPDATE, not for the disk: the file has until the confirm to get there.
  if (auto ok = replace_file(settings_.fragment, fragment.text, Survives::process); !ok) return ok;
  auto done = activate(fragment, probation);
  if (done) done = sync_file(settings_.fragment);
  if (!done) return tl::unexpected(taken_back(std::move(done.error()), trial));
  probation_ = std::move(trial);
  return {};
}

Result<void> BirdSpeaker::activate(const Fragment& fragment, Duration probation) {
  const auto whole = std::max<std::int64_t>(std::chrono::ceil<seconds>(probation).count(), 1);
  const auto command = fmt::format("configure timeout {}", whole);
  const auto reply = ask(command);
  if (!reply) return tl::unexpected(reply.error());
  if (auto ok = settled(command, *reply); !ok) return ok;
  const auto running = running_revision();
  if (!running) return tl::unexpected(running.error());
  if (*running == fragment.revision) return {};
  return fail(Remedy::look_at_peer,
              fmt::format("bird runs {} after the change, expected revision {}", name_of(*running),
                          fragment.revision));
}

/// Makes what ran before run again, as far as BIRD can be reached; its own timer does the rest.
Error BirdSpeaker::taken_back(Error why, const Probation& probation) {
  // The file first: whatever BIRD loads from now on is the old text.
  if (auto ok = put_back(probation.previous); !ok) why.notes.push_back(to_string(ok.error()));
  const auto status = ask("configure status");
  // Idle without a timer: nothing of ours was activated, or it has gone already.
  if (status && status->has(3) && !status->has(22)) return why;
  const auto reply = status ? ask("configure undo") : status;
  if (!reply) {
    why.notes.push_back("bird could not be asked to go back, its own time limit does it: " +
                        to_string(reply.error()));
  } else if (reply->code() != 17 && reply->code() != 19) {
    const auto ok = settled("configure undo", *reply);
    if (!ok) why.notes.push_back("going back: " + to_string(ok.error()));
    if (ok) gone_back(probation.loaded);
  }
  return why;
}

Result<void> BirdSpeaker::confirm() {
  if (auto ok = lock(); !ok) return ok;
  const auto reply = ask("configure confirm");
  if (!reply) return tl::unexpected(reply.error());
  if (reply->code() == 18) {
    probation_.reset();
    return {};
  }
  if (reply->code() != 19) return tl::unexpected(unexpected("configure confirm", *reply));
  const auto running = running_revision();
  if (!running) return tl::unexpected(running.error());
  if (!probation_) {
    return fail(Remedy::wait,
                fmt::format("bird has nothing to confirm, it runs {}", name_of(*running)));
  }
  const auto probation = std::exchange(probation_, {});
  // Somebody else's `configure` has stopped the timer with our text in the file: it is kept.
  if (*running == probation->revision) return {};
  auto gone = Error{.remedy = Remedy::wait,
                    .text = fmt::format("bird has gone back before the confirmation, it runs {}",
                                        name_of(*running))};
  if (auto ok = put_back(probation->previous); !ok) gone.notes.push_back(to_string(ok.error()));
  gone_back(probation->loaded);
  return tl::unexpected(std::move(gone));
}

Result<void> BirdSpeaker::undo() {
  if (auto ok = lock(); !ok) return ok;
  const auto waiting = unconfirmed();
  if (!waiting) return tl::unexpected(waiting.error());
  // Without a timer an undo would take back whatever was configured last, by anybody.
  if (*waiting) {
    const auto reply = ask("configure undo");
    if (!reply) return tl::unexpected(reply.error());
    if (reply->code() != 17 && reply->code() != 19) {
      if (auto ok = settled("configure undo", *reply); !ok) return ok;
    }
  }
  const auto running = running_revision();
  if (!running) return tl::unexpected(running.error());
  if (!probation_) return {};
  if (*running == probation_->revision && !*waiting) {
    probation_.reset();
    return fail(Remedy::look_at_peer,
                fmt::format("somebody else's configure has made {} last, expected it to be on "
                            "probation",
                            name_of(*running)));
  }
  const auto probation = std::exchange(probation_, {});
  if (auto ok = put_back(probation->previous); !ok) return ok;
  gone_back(probation->loaded);
  const auto before =
      probation->previous ? render::revision_of(*probation->previous) : std::nullopt;
  if (!before || *running == before) return {};
  return fail(Remedy::look_at_peer, fmt::format("bird runs {} after the undo, expected {}",
                                                name_of(*running), name_of(before)));
}

/// `disable` acts within a millisecond and reads no file; any later `configure` forgets it.
Result<void> BirdSpeaker::quiet_now() {
  std::set<std::string> protocols;
  for (const auto& prefix : settings_.prefixes) {
    protocols.insert(render::static_protocol(prefix.address.family));
  }
  for (const auto& protocol : protocols) {
    const auto command = fmt::format("disable {}", quote(protocol));
    const auto reply = ask(command);
    if (!reply) return tl::unexpected(reply.error());
    // 8003: there is no such protocol, so nothing of it is announced.
    if (reply->code() != 0 && reply->code() != 8003) {
      return tl::unexpected(unexpected(command, *reply));
    }
  }
  return {};
}

Result<void> BirdSpeaker::silence(const Fragment& withdrawn) {
  if (auto ok = lock(); !ok) return ok;
  const auto quiet = quiet_now();
  probation_.reset();
  const auto written = replace_file(settings_.fragment, withdrawn.text);
  const auto with_quiet = [&](Error error) {
    error.text =
        quiet ? "withdrawn but volatile: " + error.text : "not withdrawn: " + quiet.error().text;
    if (!quiet) error.remedy = quiet.error().remedy;
    return tl::unexpected(std::move(error));
  };
  if (!written) return with_quiet(written.error());
  const auto reply = ask("configure");
  if (!reply) return with_quiet(reply.error());
  if (auto ok = settled("configure", *reply); !ok) return with_quiet(ok.error());
  const auto running = running_revision();
  if (!running) return with_quiet(running.error());
  if (*running == withdrawn.revision) return {};
  // That configure has brought the static protocols back with another text than ours.
  const auto again = quiet_now();
  Error error{.remedy = Remedy::look_at_peer,
              .text = fmt::format("{}: bird runs {}, expected revision {}",
                                  again ? "withdrawn but volatile" : "not withdrawn",
                                  name_of(*running), withdrawn.revision)};
  return tl::unexpected(std::move(error));
}

}  // namespace anycast::bird
