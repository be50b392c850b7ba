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
  // A cure that was run is an operation too: "thread_made_before/cured".
  using Key = std::tuple<std::string, std::string, std::string>;  // family, operation, posture
  std::string tool, kernel;
  std::map<Key, Answer> answers;  // but for those that it could not give for want of root
  std::set<Key> unjudged;         // these
};

// Reads a report that `survey --format json` wrote. Throws FileError when the file is none.
Baseline read_baseline(const std::string& file);

struct Change {
  std::string family, name, posture;
  std::string was, is;      // verdicts; empty where there is none
  std::string why = {};     // it is what it is: what goes wrong, or why it is unclear
  bool suppressed = false;  // what goes wrong now is suppressed whole
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

// Whether something got worse, and that is not suppressed.
bool got_worse(const Comparison& comparison);

// The four lists with the names that reports give them, worst first.
struct NamedChanges {
  const char* name;
  const std::vector<Change>* changes;
};
std::vector<NamedChanges> lists_of(const Comparison& comparison);

// A change as it is told: one for all postures in which it is the same.
struct ToldChange {
  const Change* change;
  std::string name;      // "threads/thread_joined"
  std::string postures;  // "files, full"
  std::string words;     // "works -> fails", "was works"
};
std::vector<ToldChange> told(const std::vector<Change>& changes);

// "1 worse, 0 better, 2 new, 0 gone".
std::string counts_in_words(const Comparison& comparison);

}  // namespace behalf::tool
