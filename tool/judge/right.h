// What is right: what the oracle of one user answered, and what it was refused.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "judge/leg.h"
#include "judge/outcome.h"

namespace behalf::tool {

struct Right {
  using Key = std::pair<std::string, std::string>;  // call, object

  std::string user;
  std::vector<Reference> answers;  // by call
  std::set<Key> refused, allowed;
  std::map<Key, std::string> results;
  std::map<Key, std::vector<Credentials>> worn;  // under which each was done
  std::string unclear;                           // why the oracle can not be relied on; empty when it can

  bool usable() const { return unclear.empty() && !answers.empty(); }
  const Reference& answer(std::size_t call) const { return answers[std::min(call, answers.size() - 1)]; }
  // True when the user herself did it under these very credentials: in a set-user-ID program, which she may run.
  bool did(const Key& key, const Credentials& as) const;
  // A first call and a later one may rightly differ, by what the operation itself left behind.
  bool matches(const Outcome& outcome, std::size_t call) const {
    return answer(call).matches(outcome) || answers.front().matches(outcome);
  }
};

Right right_of(const std::string& user, const std::vector<LegRecord>& runs);

bool refused(const Effect& effect);
std::string result_in_words(const Effect& effect);

}  // namespace behalf::tool
