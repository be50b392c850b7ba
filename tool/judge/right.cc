#include "judge/right.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace behalf::tool {

bool refused(const Effect& effect) {
  return effect.finished && (effect.result == -EACCES || effect.result == -EPERM);
}

std::string result_in_words(const Effect& effect) {
  if (!effect.finished) return "not seen to end";
  if (effect.result >= 0) return "ok";
  const char* name = strerrorname_np(static_cast<int>(-effect.result));
  return name != nullptr ? name : fmt::format("error {}", -effect.result);
}

bool Right::did(const Key& key, const Credentials& as) const {
  const auto found = worn.find(key);
  return found != worn.end() && std::find(found->second.begin(), found->second.end(), as) != found->second.end();
}

Right right_of(const std::string& user, const std::vector<LegRecord>& runs) {
  Right right;
  right.user = user;
  for (const LegRecord& run : runs) {
    if (!run.error.empty()) right.unclear = fmt::format("the oracle could not be run as {}: {}", user, run.error);
    for (const std::string& problem : run.problems) right.unclear = fmt::format("the oracle as {}: {}", user, problem);
    for (const Effect& effect : run.effects) {
      const std::pair key{effect.call, effect.object};
      right.results.try_emplace(key, result_in_words(effect));
      if (const Credentials& as = run.credentials.at(effect.as); !right.did(key, as)) right.worn[key].push_back(as);
      if (refused(effect))
        right.refused.insert(key);
      else if (effect.finished && effect.result >= 0)
        right.allowed.insert(key);
    }
  }
  if (!right.unclear.empty() || runs.empty()) {
    if (runs.empty()) right.unclear = fmt::format("no oracle was run as {}", user);
    return right;
  }
  const LegRecord& first = runs.front();
  const LegRecord& second = runs.back();
  for (std::size_t call = 0; call < std::min(first.calls.size(), second.calls.size()); ++call) {
    right.answers.emplace_back(outcome_of(first.calls[call]), outcome_of(second.calls[call]));
    const Outcome one = outcome_of(first.calls[call]), other = outcome_of(second.calls[call]);
    if (!right.answers.back().agrees())
      right.unclear =
          fmt::format("two runs as {} do not agree: {} / {}", user, describe(one, other), describe(other, one));
  }
  return right;
}

}  // namespace behalf::tool
