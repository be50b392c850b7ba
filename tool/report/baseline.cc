#include "report/baseline.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "judge/needs_root.h"
#include "report/reading.h"
#include "report/report.h"
#include "report/whole_file.h"

namespace behalf::tool {
namespace {

using nlohmann::json;

constexpr std::size_t largest = std::size_t{256} << 20;

std::optional<Answer> answer_named(const std::string& name) {
  for (const Answer answer : {Answer::works, Answer::fails, Answer::unclear})
    if (to_string(answer) == name) return answer;
  return std::nullopt;
}

// How good an answer is: only an order.
int rank(Answer answer) {
  return answer == Answer::works ? 2 : answer == Answer::unclear ? 1 : 0;
}

bool has_reason_for_root(const json& operation) {
  const auto reasons = operation.find("reasons");
  return reasons != operation.end() && std::any_of(reasons->begin(), reasons->end(), [](const json& reason) {
           return reason.is_string() && reason.get_ref<const std::string&>().starts_with(needs_root);
         });
}

bool asked(const std::vector<std::string>& wanted, std::initializer_list<std::string> names) {
  return wanted.empty() || std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
         });
}

}  // namespace

Baseline read_baseline(const std::string& file) {
  const auto is_none = [&](const std::string& why) {
    return FileError(fmt::format("the baseline '{}' is no report of behalf survey --format json: {}", file, why));
  };
  const json document = json::parse(read_whole("the baseline", file, largest), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) throw is_none("it is not JSON, or not whole");
  const auto text = [&](const json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (!object.is_object() || found == object.end() || !found->is_string())
      throw is_none(fmt::format("it has no text '{}'", key));
    return valid_utf8(found->get<std::string>());
  };
  if (const std::string schema = text(document, "schema"); schema != "behalf/1")
    throw is_none(fmt::format("its schema is '{}', and not 'behalf/1'", schema));
  if (!document.contains("operations") || !document["operations"].is_array())
    throw is_none("it has no list 'operations'");

  Baseline baseline{text(document, "tool"), text(document, "kernel"), {}, {}};
  for (const json& operation : document["operations"]) {
    const std::string verdict = text(operation, "verdict");
    const std::optional<Answer> answer = answer_named(verdict);
    if (!answer) throw is_none(fmt::format("it has a verdict '{}'", verdict));
    const Baseline::Key key{text(operation, "family"), text(operation, "name"), text(operation, "posture")};
    if (*answer == Answer::unclear && has_reason_for_root(operation))
      baseline.unjudged.insert(key);
    else
      baseline.answers[key] = *answer;
  }
  return baseline;
}

Comparison compare(const Baseline& baseline, const Report& report, const std::vector<std::string>& families,
                   const std::vector<std::string>& postures) {
  Comparison comparison{baseline.tool, baseline.kernel, {}, {}, {}, {}};
  std::set<Baseline::Key> seen;
  for (const Reported& reported : report.operations) {
    const Inquiry& inquiry = reported.answers.inquiry;
    for (const Verdict& verdict : reported.answers.verdicts) {
      const Baseline::Key key{inquiry.family, inquiry.name, verdict.posture};
      seen.insert(key);
      if (baseline.unjudged.contains(key) || (verdict.answer == Answer::unclear && for_want_of_root(verdict))) continue;
      Change change{inquiry.family, inquiry.name, verdict.posture, "", std::string(to_string(verdict.answer))};
      const auto before = baseline.answers.find(key);
      if (before == baseline.answers.end()) {
        comparison.fresh.push_back(change);
        continue;
      }
      change.was = to_string(before->second);
      const int step = rank(verdict.answer) - rank(before->second);
      if (step < 0) comparison.worse.push_back(change);
      if (step > 0) comparison.better.push_back(change);
    }
  }
  for (const auto& [key, answer] : baseline.answers) {
    const auto& [family, name, posture] = key;
    if (!seen.contains(key) && asked(families, {family, name}) && asked(postures, {posture}))
      comparison.gone.push_back({family, name, posture, std::string(to_string(answer)), ""});
  }
  return comparison;
}

std::vector<NamedChanges> lists_of(const Comparison& comparison) {
  return {{"worse", &comparison.worse},
          {"better", &comparison.better},
          {"new", &comparison.fresh},
          {"gone", &comparison.gone}};
}

std::string text_of(const Comparison& comparison) {
  std::string lines, counts;
  for (const auto& [name, changes] : lists_of(comparison)) {
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", changes->size(), name);
    for (const Change& change : *changes) {
      const std::string words = change.was.empty()  ? change.is
                                : change.is.empty() ? "was " + change.was
                                                    : change.was + " -> " + change.is;
      lines += fmt::format("  {:<7} {}/{}  {}  {}\n", name, change.family, change.name, change.posture, words);
    }
  }
  return fmt::format("\nsince the baseline ({} on Linux {})\n{}BASELINE: behalf: {}\n", comparison.tool,
                     comparison.kernel, lines.empty() ? "  nothing has changed\n" : lines, counts);
}

}  // namespace behalf::tool
