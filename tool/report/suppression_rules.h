// The file of a project's suppressions, as it is written: what is known to fail, and why it may. One rule a line:
//
//     # the nightly job runs as the service, and its settings are the service's
//     operation:nightly_*  code:B402  because it reads the service's settings on purpose
//     function:legacy_cache_*  until 2027-01-31  because ticket 4711 replaces it
//
// All that a line names must hold of a finding. In a GLOB `*` stands for any characters, blanks among them, and `?` for
// one; a GLOB has no blanks itself. The reason is never left out.
#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace behalf::tool {

struct SuppressionRule {
  int line = 0;
  std::string code, operation, function;             // empty: any
  std::optional<std::chrono::year_month_day> until;  // the last day on which it holds
  std::string reason;
};

// A line that is no rule: which, and why.
class SuppressionRuleError : public std::runtime_error {
 public:
  SuppressionRuleError(int line, const std::string& why) : std::runtime_error(why), line_(line) {}
  int line() const { return line_; }

 private:
  int line_;
};

// Throws SuppressionRuleError at the first line that is none.
std::vector<SuppressionRule> parse_suppressions(std::string_view text);

// The rule without its reason: it reads as the same rule again where one is added.
std::string to_string(const SuppressionRule& rule);

// "2027-01-31"; a rule that holds for good has "".
std::string until_of(const SuppressionRule& rule);

bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace behalf::tool
