#include <fmt/format.h>

#include <chrono>

#include "adapters/bird/bird.hpp"
#include "controller/base/text.hpp"

namespace anycast::bird {
namespace {

// All exchanges of one reading together.
constexpr int kRoasInTimeouts = 4;

/// BIRD does not know the table's name: it ends a sentence with what it took for one.
Error no_table(const std::string& table, Error error) {
  error.remedy = Remedy::fix_value;
  error.text = fmt::format("bird has no table of ROAs '{}': {}", table, error.text);
  return error;
}

/// By BIRD's own judgement, which costs it nothing; the ROAs themselves are only asked for where
/// they have to explain something.
Result<Origin> origin_of(Client& client, const std::string& table, const Prefix& prefix, Asn asn) {
  const auto text = to_string(prefix);
  const auto valid =
      client.ask(fmt::format("eval roa_check({}, {}, {}) = ROA_VALID", table, text, asn));
  if (!valid) return tl::unexpected(valid.error());
  if (valid->code() == 9001) {
    return tl::unexpected(no_table(table, unexpected("eval roa_check", *valid)));
  }
  const auto is = read_truth(*valid);
  if (!is) return tl::unexpected(is.error());
  if (*is) return Origin{.state = OriginState::valid};
  auto roas = client.ask(fmt::format("show route table {} where net ~ [ {}- ]", table, text))
                  .and_then(read_roas);
  if (!roas) return tl::unexpected(roas.error());
  return judge_origin(prefix, asn, *std::move(roas));
}

}  // namespace

Result<OriginView> BirdSpeaker::origins() {
  auto client =
      Client::connect(settings_.socket, settings_.timeout, settings_.timeout * kRoasInTimeouts);
  if (!client) return tl::unexpected(client.error());
  if (auto ok = client->restrict_rights(); !ok) return tl::unexpected(ok.error());
  OriginView view;
  if (!settings_.rpki.empty()) {
    const auto age = client->ask(fmt::format("show protocols all {}", quote(settings_.rpki)))
                         .and_then(read_roa_age);
    if (!age) return tl::unexpected(age.error());
    if (!*age) {
      return fail(
          Remedy::look_at_peer,
          fmt::format("bird's RPKI protocol '{}' has no whole set of ROAs", settings_.rpki));
    }
    view.as_of = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()) - **age;
  }
  for (const auto& [prefix, asn] : settings_.origins) {
    const auto& table =
        prefix.address.family == Address::Family::v4 ? settings_.roas4 : settings_.roas6;
    auto origin = origin_of(*client, table, prefix, asn);
    if (!origin) return tl::unexpected(origin.error());
    view.prefixes.emplace(prefix, *std::move(origin));
  }
  return view;
}

}  // namespace anycast::bird
