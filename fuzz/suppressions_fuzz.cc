// A file of suppressions may be any bytes: each rule is read, or a line of it refused, and what was read is written so
// that it reads as the same again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "report/suppression_rules.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace behalf::tool;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  std::vector<SuppressionRule> rules;
  try {
    rules = parse_suppressions(text);
  } catch (const SuppressionRuleError& error) {
    if (error.line() < 1 || error.line() > lines) std::abort();
    return 0;
  }
  for (const SuppressionRule& rule : rules) {
    if (rule.reason.empty() || rule.line < 1 || rule.line > lines) std::abort();
    if (rule.code.empty() && rule.operation.empty() && rule.function.empty()) std::abort();
    const auto again = parse_suppressions(to_string(rule) + " because " + rule.reason);
    if (again.size() != 1 || to_string(again[0]) != to_string(rule) || again[0].reason != rule.reason) std::abort();
    if (!glob_matches(rule.operation + "*", rule.operation)) std::abort();
    (void)glob_matches(rule.function, text);
  }
  return 0;
}
