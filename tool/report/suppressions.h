// A project's suppressions, laid over a report: what is known and meant to stay is still told, and with the reason, but
// is no failure. It never says of anything that it works.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "report/suppression_rules.h"

namespace behalf::tool {

struct Report;

// What became of a rule in a report: it suppressed something; nothing was found that it suppresses; it names an
// operation that was not asked about; it would have suppressed something, or nothing, but for its date.
enum class RuleState : std::uint8_t { used, unused, elsewhere, expired };
std::string_view to_string(RuleState state);

struct AppliedRule {
  SuppressionRule rule;
  RuleState state = RuleState::unused;
  int findings = 0;  // that it suppresses, or would if it had not expired
};

struct Suppressions {
  std::string file;
  std::vector<AppliedRule> rules;
};

// Throws FileError: where it is a line of the file that cannot be used, with its number.
Suppressions read_suppressions(const std::string& file);

// Marks what the rules suppress, and puts it behind what they do not; the rules' own fate goes into the report too.
// What was folded into a finding that is suppressed, and is not suppressed itself, becomes a finding of its own.
// `all` operations that there are were asked about: a rule for another one is then unused.
void suppress(Report& report, Suppressions suppressions, bool all, std::chrono::sys_days today);

// What is to be said of the rules: a line for each that is unused or has expired.
std::vector<std::string> warnings_of(const Suppressions& suppressions);

// How many rules became what, in a few words.
std::string summary_of(const Suppressions& suppressions);

}  // namespace behalf::tool
