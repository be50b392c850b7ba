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

bool is_reason_for_root(const json& reason) {
  return reason.is_string() && reason.get_ref<const std::string&>().starts_with(needs_root);
}

bool has_reason_for_root(const json& operation) {
  const auto reasons = operation.find("reasons");
  return reasons != operation.end() && std::any_of(reasons->begin(), reasons->end(), is_reason_for_root);
}

// The operation that a cure is a part of.
std::string without_cure(const std::string& name) {
  return name.substr(0, name.rfind('/'));
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
  const auto add = [&](const json& of, const Baseline::Key& key, bool for_want_of_root) {
    const std::string verdict = text(of, "verdict");
    const std::optional<Answer> answer = answer_named(verdict);
    if (!answer) throw is_none(fmt::format("it has a verdict '{}'", verdict));
    if (*answer == Answer::unclear && for_want_of_root)
      baseline.unjudged.insert(key);
    else
      baseline.answers[key] = *answer;
  };
  for (const json& operation : document["operations"]) {
    const std::string name = text(operation, "name"), family = text(operation, "family"),
                      posture = text(operation, "posture");
    add(operation, {family, name, posture}, has_reason_for_root(operation));
    if (const auto cure = operation.find("cure"); cure != operation.end())
      add(*cure, {family, text(*cure, "operation"), posture},
          cure->contains("why") && is_reason_for_root((*cure)["why"]));
  }
  return baseline;
}

Comparison compare(const Baseline& baseline, const Report& report, const std::vector<std::string>& families,
                   const std::vector<std::string>& postures) {
  Comparison comparison{baseline.tool, baseline.kernel, {}, {}, {}, {}};
  std::set<Baseline::Key> seen;
  const auto add = [&](const std::string& family, const std::string& name, const Verdict& verdict) {
    const Baseline::Key key{family, name, verdict.posture};
    seen.insert(key);
    if (baseline.unjudged.contains(key) || (verdict.answer == Answer::unclear && for_want_of_root(verdict))) return;
    Change change{family, name, verdict.posture, "", std::string(to_string(verdict.answer))};
    change.why = !verdict.findings.empty()  ? line_of(verdict.findings.front())
                 : !verdict.reasons.empty() ? verdict.reasons.front()
                                            : "";
    change.suppressed = is_suppressed(verdict);
    const auto before = baseline.answers.find(key);
    if (before == baseline.answers.end()) {
      comparison.fresh.push_back(change);
      return;
    }
    change.was = to_string(before->second);
    const int step = rank(verdict.answer) - rank(before->second);
    if (step < 0) comparison.worse.push_back(change);
    if (step > 0) comparison.better.push_back(change);
  };
  for (const Reported& reported : report.operations) {
    const Inquiry& inquiry = reported.answers.inquiry;
    for (const Verdict& verdict : reported.answers.verdicts) add(inquiry.family, inquiry.name, verdict);
    for (const Verdict& verdict : reported.cure.verdicts) add(inquiry.family, reported.cure.operation, verdict);
  }
  for (const auto& [key, answer] : baseline.answers) {
    const auto& [family, name, posture] = key;
    if (!seen.contains(key) && asked(families, {family, name, without_cure(name)}) && asked(postures, {posture}))
      comparison.gone.push_back({family, name, posture, std::string(to_string(answer)), ""});
  }
  return comparison;
}

bool got_worse(const Comparison& comparison) {
  return std::any_of(comparison.worse.begin(), comparison.worse.end(), [](const Change& c) { return !c.suppressed; });
}

std::vector<NamedChanges> lists_of(const Comparison& comparison) {
  return {{"worse", &comparison.worse},
          {"better", &comparison.better},
          {"new", &comparison.fresh},
          {"gone", &comparison.gone}};
}

std::vector<ToldChange> told(const std::vector<Change>& changes) {
  std::vector<ToldChange> list;
  const auto same = [](const Change& a, const Change& b) {
    return a.family == b.family && a.name == b.name && a.was == b.was && a.is == b.is && a.why == b.why;
  };
  for (const Change& change : changes) {
    const auto before =
        std::find_if(list.begin(), list.end(), [&](const ToldChange& other) { return same(*other.change, change); });
    if (before != list.end()) {
      before->postures += ", " + change.posture;
      continue;
    }
    const std::string words = change.was.empty()  ? change.is
                              : change.is.empty() ? "was " + change.was
                                                  : change.was + " -> " + change.is;
    list.push_back({&change, change.family + "/" + change.name, change.posture, words});
  }
  return list;
}

std::string counts_in_words(const Comparison& comparison) {
  std::string counts;
  for (const auto& [name, changes] : lists_of(comparison))
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", changes->size(), name);
  return counts;
}

}  // namespace behalf::tool
