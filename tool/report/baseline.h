// An earlier survey, and what has changed since.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "judge/verdict.h"

namespace behalf::tool {

struct Report;

struct Baseline {
  using Key = std::tuple<std::string, std::string, std::string>;  // family, operation, posture
  std::string tool, kernel;
  std::map<Key, Answer> answers;  // but for those that it could not give for want of root
  std::set<Key> unjudged;         // these
};

// Reads a report that `survey --format json` wrote. Throws FileError when the file is none.
Baseline read_baseline(const std::string& file);

struct Change {
  std::string family, name, posture;
  std::string was, is;  // verdicts; empty where there is none
};

// In the order of the survey; what is gone, in the order of the baseline.
struct Comparison {
  std::string tool, kernel;  // that the baseline was made with
  std::vector<Change> worse, better, fresh, gone;
};

// What could not be judged for want of root, then or now, has not changed. `families` (or operations) and `postures`
// are what the survey was asked for, and all when empty: what was not asked for is not gone.
Comparison compare(const Baseline& baseline, const Report& report, const std::vector<std::string>& families,
                   const std::vector<std::string>& postures);

// One line for each change, and one that sums them up.
std::string text_of(const Comparison& comparison);

// The four lists with the names that reports give them, worst first.
struct NamedChanges {
  const char* name;
  const std::vector<Change>* changes;
};
std::vector<NamedChanges> lists_of(const Comparison& comparison);

}  // namespace behalf::tool
