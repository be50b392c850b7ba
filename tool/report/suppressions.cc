#include "report/suppressions.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "judge/codes.h"
#include "report/report.h"
#include "report/whole_file.h"

namespace behalf::tool {
namespace {

constexpr std::size_t largest = std::size_t{1} << 20;

bool is_about(const SuppressionRule& rule, const Inquiry& inquiry) {
  return rule.operation.empty() || glob_matches(rule.operation, inquiry.name) ||
         (!inquiry.family.empty() && glob_matches(rule.operation, inquiry.family + "/" + inquiry.name));
}

bool has_function(const SuppressionRule& rule, const Finding& finding) {
  for (const auto* stack : {&finding.stack, &finding.handed_at, &finding.made_at})
    for (const NamedFrame& frame : *stack)
      if (!frame.function.empty() && glob_matches(rule.function, frame.function)) return true;
  return rule.function.empty();
}

bool matches(const SuppressionRule& rule, const Inquiry& inquiry, const Finding& finding) {
  return (rule.code.empty() || rule.code == finding.code) && is_about(rule, inquiry) && has_function(rule, finding);
}

bool has_expired(const SuppressionRule& rule, std::chrono::sys_days today) {
  return rule.until && std::chrono::sys_days(*rule.until) < today;
}

class Applying {
 public:
  Applying(Suppressions& suppressions, std::chrono::sys_days today) : suppressions_(suppressions), today_(today) {}

  void to(const Inquiry& inquiry, Verdict& verdict) {
    std::vector<Finding> open, suppressed;
    for (Finding& finding : verdict.findings) {
      if (!mark(inquiry, finding)) {
        for (const Finding& inner : finding.within) (void)rule_for(inquiry, inner);  // counts it
        open.push_back(std::move(finding));
        continue;
      }
      std::vector<Finding> within = std::exchange(finding.within, {});
      for (Finding& inner : within) {
        if (mark(inquiry, inner)) continue;
        --finding.folded;
        open.push_back(std::move(inner));
      }
      suppressed.push_back(std::move(finding));
    }
    verdict.findings = std::move(open);
    std::move(suppressed.begin(), suppressed.end(), std::back_inserter(verdict.findings));
  }

 private:
  bool mark(const Inquiry& inquiry, Finding& finding) {
    const SuppressionRule* const rule = rule_for(inquiry, finding);
    if (rule != nullptr) finding.suppressed = {rule->reason, suppressions_.file, rule->line, until_of(*rule)};
    return rule != nullptr;
  }

  // The first that holds. All that match count: what is suppressed twice is unused by neither.
  const SuppressionRule* rule_for(const Inquiry& inquiry, const Finding& finding) {
    const SuppressionRule* first = nullptr;
    for (AppliedRule& applied : suppressions_.rules) {
      if (!matches(applied.rule, inquiry, finding)) continue;
      ++applied.findings;
      if (first == nullptr && !has_expired(applied.rule, today_)) first = &applied.rule;
    }
    return first;
  }

  Suppressions& suppressions_;
  std::chrono::sys_days today_;
};

}  // namespace

std::string_view to_string(RuleState state) {
  constexpr std::string_view names[] = {"used", "unused", "elsewhere", "expired"};
  return names[static_cast<int>(state)];
}

Suppressions read_suppressions(const std::string& file) {
  Suppressions suppressions{file, {}};
  try {
    for (SuppressionRule& rule : parse_suppressions(read_whole("the suppressions", file, largest))) {
      if (!rule.code.empty() && code_named(rule.code) == nullptr)
        throw SuppressionRuleError(rule.line, fmt::format("there is no code {}: behalf explain lists them", rule.code));
      suppressions.rules.push_back({std::move(rule)});
    }
  } catch (const SuppressionRuleError& error) {
    throw FileError(fmt::format("{}:{}: {}", file, error.line(), error.what()));
  }
  return suppressions;
}

void suppress(Report& report, Suppressions suppressions, bool all, std::chrono::sys_days today) {
  Applying applying(suppressions, today);
  for (Reported& reported : report.operations)
    for (Verdict& verdict : reported.answers.verdicts) applying.to(reported.answers.inquiry, verdict);
  for (AppliedRule& applied : suppressions.rules) {
    const bool asked = all || std::any_of(report.operations.begin(), report.operations.end(),
                                          [&](const Reported& r) { return is_about(applied.rule, r.answers.inquiry); });
    applied.state = has_expired(applied.rule, today) ? RuleState::expired
                    : applied.findings > 0           ? RuleState::used
                    : asked                          ? RuleState::unused
                                                     : RuleState::elsewhere;
  }
  report.suppressions = std::move(suppressions);
}

std::vector<std::string> warnings_of(const Suppressions& suppressions) {
  std::vector<std::string> lines;
  for (const AppliedRule& applied : suppressions.rules) {
    const std::string place = fmt::format("{}:{}: ", suppressions.file, applied.rule.line);
    const std::string rule = to_string(applied.rule);
    if (applied.state == RuleState::unused)
      lines.push_back(place + fmt::format("unused: nothing was found that '{}' suppresses", rule));
    else if (applied.state == RuleState::expired)
      lines.push_back(place + fmt::format("expired: '{}' no longer suppresses{}", rule,
                                          applied.findings == 0 ? ", and nothing was found that it names"
                                          : applied.findings == 1
                                              ? " the finding that it names"
                                              : fmt::format(" the {} findings that it names", applied.findings)));
  }
  return lines;
}

std::string summary_of(const Suppressions& suppressions) {
  std::string words;
  for (const RuleState state : {RuleState::used, RuleState::unused, RuleState::expired, RuleState::elsewhere}) {
    const auto count = std::count_if(suppressions.rules.begin(), suppressions.rules.end(),
                                     [&](const AppliedRule& applied) { return applied.state == state; });
    if (count > 0 || state == RuleState::used)
      words += fmt::format("{}{} {}", words.empty() ? "" : ", ", count,
                           state == RuleState::elsewhere ? "about other operations" : to_string(state));
  }
  return fmt::format("{}: of {} rule{} {}", suppressions.file, suppressions.rules.size(),
                     suppressions.rules.size() == 1 ? "" : "s", words);
}

}  // namespace behalf::tool
