// The answer for one operation in one posture, and the evidence for it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "judge/leg.h"
#include "trace/symbolizer.h"

namespace behalf::tool {

enum class Answer : std::uint8_t { works, fails, unclear };
std::string_view to_string(Answer answer);

// A finding that is known and meant to stay, by a rule that somebody wrote.
struct Suppressed {
  std::string reason;
  std::string file;
  int line = 0;
  std::string until;  // the last day, 2027-01-31; empty: for good
};

struct Finding {
  std::string code;
  std::string kind, hop, clock, leg;
  std::string expected_user, expected_outcome, got_user, got_outcome;
  struct On {
    std::string call, object;
    long error = 0;
    std::string ids;
  };
  std::optional<On> effect;
  std::string thread_role, created_by;
  // The hand-off at which the work left the thread that was last right.
  std::string handoff = "none", certainty = "none";
  std::string handed_by;  // "the thread that called the operation"
  std::vector<NamedFrame> handed_at;
  std::vector<std::vector<NamedFrame>> handed_maybe;  // or, where it is any of several, all of them
  // What outlived the call that it was opened in, where that is what crossed: "descriptor 7, /home/bob/note.txt".
  std::string kept, opened_for;
  std::vector<NamedFrame> opened_at;
  std::vector<NamedFrame> stack;    // of the thread, where it went astray
  std::vector<NamedFrame> made_at;  // of the thread's maker, where it was made
  int folded = 0;                   // divergences that follow from it, or repeat it
  std::vector<Finding> within;      // those of them that are more than its outcome, one of each place
  std::uint64_t sequence = 0;
  int call = -1;                         // of the leg
  std::optional<Suppressed> suppressed;  // the judge leaves it empty
};

struct LegSummary {
  std::string name;
  bool same = true;
  std::uint64_t stops = 0;
  std::int64_t milliseconds = 0;
};

struct Verdict {
  std::string posture;
  Answer answer = Answer::unclear;
  std::vector<std::string> reasons;  // why it is unclear
  std::vector<Finding> findings;     // the first is the first divergence of the first leg that has one
  std::vector<LegSummary> legs;
  std::vector<LegRecord> records;  // what was seen in them, where a report draws it
};

// The records of the oracles, by user, and of the legs in one posture.
using Oracles = std::map<std::string, std::vector<LegRecord>>;
Verdict judge(const Oracles& oracles, const std::vector<LegRecord>& legs, const std::string& posture,
              Symbolizer& symbolizer, const std::vector<Shown>& shown);

// True where the machine's root is needed for an answer: among the reasons is one of judge/needs_root.h.
bool for_want_of_root(const Verdict& verdict);

// A finding in a few words: "lost: opened as root by a thread made before the call".
std::string in_words(const Finding& finding);

}  // namespace behalf::tool
