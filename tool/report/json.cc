#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "judge/codes.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

using nlohmann::ordered_json;

ordered_json stack_of(const std::vector<NamedFrame>& frames) {
  ordered_json stack = ordered_json::array();
  for (const NamedFrame& frame : frames) {
    stack.push_back(
        {{"function", frame.function}, {"file", frame.file}, {"line", frame.line}, {"module", frame.module}});
    if (frame.function.empty()) stack.back()["offset"] = frame.offset;
  }
  return stack;
}

ordered_json finding_of(const Finding& finding, const Reported& reported) {
  ordered_json value = {
      {"code", finding.code},
      {"kind", finding.kind},
      {"hop", finding.hop},
      {"clock", finding.clock},
      {"leg", finding.leg},
      {"expected", {{"user", finding.expected_user}, {"outcome", finding.expected_outcome}}},
      {"got", {{"user", finding.got_user}, {"outcome", finding.got_outcome}}},
  };
  if (finding.effect)
    value["effect"] = {
        {"syscall", finding.effect->call}, {"object", finding.effect->object}, {"errno", finding.effect->error}};
  value["thread"] = {
      {"role", finding.thread_role}, {"created_by", finding.created_by}, {"made_at", stack_of(finding.made_at)}};
  value["handoff"] = {{"kind", finding.handoff},
                      {"certainty", finding.certainty},
                      {"stack", stack_of(finding.handoff == "clone" ? finding.made_at : finding.handed_at)}};
  for (const auto& frames : finding.handed_maybe) value["handoff"]["candidates"].push_back(stack_of(frames));
  if (!finding.kept.empty())
    value["provenance"] = {
        {"what", finding.kept}, {"opened_for", finding.opened_for}, {"stack", stack_of(finding.opened_at)}};
  value["stack"] = stack_of(finding.stack);
  value["cure"] =
      reported.cure.words.empty() ? std::string(code_for(finding.hop, finding.kind).cure) : reported.cure.words;
  value["folded"] = finding.folded;
  if (const auto& by = finding.suppressed) {
    value["suppressed"] = {{"reason", by->reason}, {"file", by->file}, {"line", by->line}};
    if (!by->until.empty()) value["suppressed"]["until"] = by->until;
  }
  return value;
}

ordered_json baseline_of(const Comparison& comparison) {
  ordered_json value = {{"tool", comparison.tool}, {"kernel", comparison.kernel}};
  for (const auto& [name, changes] : lists_of(comparison)) {
    value[name] = ordered_json::array();
    for (const Change& change : *changes) {
      ordered_json entry = {{"family", change.family}, {"name", change.name}, {"posture", change.posture}};
      if (!change.was.empty()) entry["was"] = change.was;
      if (!change.is.empty()) entry["is"] = change.is;
      if (!change.why.empty()) entry["why"] = change.why;
      if (change.suppressed) entry["suppressed"] = true;
      value[name].push_back(std::move(entry));
    }
  }
  return value;
}

ordered_json suppressions_of(const Suppressions& suppressions) {
  ordered_json rules = ordered_json::array();
  for (const AppliedRule& applied : suppressions.rules) {
    rules.push_back({{"line", applied.rule.line},
                     {"rule", to_string(applied.rule)},
                     {"reason", applied.rule.reason},
                     {"state", to_string(applied.state)},
                     {"findings", applied.findings}});
    if (applied.rule.until) rules.back()["until"] = until_of(applied.rule);
  }
  return {{"file", suppressions.file}, {"rules", rules}};
}

}  // namespace

std::string json_of(const Report& report) {
  ordered_json operations = ordered_json::array();
  int counts[3] = {}, suppressed = 0;
  for (const Reported& reported : report.operations) {
    const Inquiry& inquiry = reported.answers.inquiry;
    for (const Verdict& verdict : reported.answers.verdicts) {
      ++counts[static_cast<int>(verdict.answer)];
      ordered_json findings = ordered_json::array(), legs = ordered_json::array();
      for (const Finding& finding : verdict.findings) findings.push_back(finding_of(finding, reported));
      for (const LegSummary& leg : verdict.legs)
        legs.push_back({{"name", leg.name},
                        {"outcome", leg.same ? "same" : "different"},
                        {"stops", leg.stops},
                        {"ms", leg.milliseconds}});
      ordered_json operation = {
          {"name", inquiry.name},       {"library", inquiry.library},           {"family", inquiry.family},
          {"posture", verdict.posture}, {"verdict", to_string(verdict.answer)}, {"reasons", verdict.reasons},
          {"findings", findings}};
      if (is_suppressed(verdict)) {
        operation["suppressed"] = true;
        ++suppressed;
      }
      const auto cured = std::find_if(reported.cure.verdicts.begin(), reported.cure.verdicts.end(),
                                      [&](const Verdict& v) { return v.posture == verdict.posture; });
      if (cured != reported.cure.verdicts.end()) {
        operation["cure"] = {{"operation", reported.cure.operation}, {"verdict", to_string(cured->answer)}};
        if (cured->answer == Answer::fails) operation["cure"]["why"] = in_words(cured->findings.front());
        if (cured->answer == Answer::unclear) operation["cure"]["why"] = cured->reasons.front();
      }
      operation["legs"] = legs;
      operations.push_back(std::move(operation));
    }
  }
  ordered_json document = {
      {"schema", "behalf/1"},
      {"tool", report.tool},
      {"kernel", report.kernel},
      {"stage", report.stage},
      {"self_check", report.self_check ? "passed" : "failed: " + report.self_check_trouble},
      {"operations", operations},
      {"summary", {{"works", counts[0]}, {"fails", counts[1]}, {"unclear", counts[2]}}},
  };
  if (!report.notes.empty()) document["notes"] = report.notes;
  if (report.suppressions) {
    document["summary"]["suppressed"] = suppressed;
    document["suppressions"] = suppressions_of(*report.suppressions);
  }
  if (report.baseline) document["baseline"] = baseline_of(*report.baseline);
  // What a program printed may be any bytes.
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

int exit_code(const Report& report) {
  bool fails = false, unclear = false;
  for (const Reported& reported : report.operations)
    for (const Verdict& verdict : reported.answers.verdicts) {
      const bool suppressed = is_suppressed(verdict);
      fails = fails || (verdict.answer == Answer::fails && !suppressed);
      unclear = unclear || verdict.answer == Answer::unclear || (suppressed && !verdict.reasons.empty());
    }
  return fails ? 1 : unclear ? 2 : 0;
}

}  // namespace behalf::tool
