// SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0), as code-scanning services read it.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "judge/codes.h"
#include "report/cure_page.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

using nlohmann::ordered_json;

// What GitHub takes (docs.github.com, "SARIF support for code scanning"): more is refused, or cut off in silence.
constexpr std::size_t most_results = 5000, most_text = 1024, most_tags = 10;

// FNV-1a, 64 bits: the same on every machine, which std::hash does not promise.
std::string fingerprint(const std::vector<std::string>& parts) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (const std::string& part : parts) {
    for (const char c : part) add(static_cast<unsigned char>(c));
    add(0);
  }
  return fmt::format("{:016x}", hash);
}

ordered_json text_of(const std::string& words) {
  std::string text = valid_utf8(words);
  if (text.size() > most_text) {
    std::size_t end = most_text - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // not within a character
    text = text.substr(0, end) + "...";
  }
  return {{"text", text}};
}

// "a pool's thread works as whoever made it" -> "APoolsThreadWorksAsWhoeverMadeIt": names are identifiers.
std::string identifier(std::string_view words) {
  std::string name;
  bool begin = true;
  for (const char c : words) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += begin ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
      begin = false;
    } else if (c != '\'') {
      begin = true;
    }
  }
  return name;
}

// RFC 3986, section 3.3: what a path may hold as it is.
std::string as_uri(const std::string& path) {
  std::string uri;
  for (const char c : path)
    uri += std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                   std::string_view("/-._~+@,=").find(c) != std::string_view::npos
               ? std::string(1, c)
               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return uri;
}

ordered_json rules() {
  ordered_json list = ordered_json::array();
  for (const Code& code : codes()) {
    ordered_json tags = {"impersonation", "security"};
    for (const std::string_view tag : {code.hop, code.kind})
      if (!tag.empty() && tags.size() < most_tags) tags.push_back(tag);
    std::string happens(section_of(code, "What happens"));
    std::replace(happens.begin(), happens.end(), '\n', ' ');
    const std::string head = fmt::format("{}. Cure: {}.", code.title, code.cure);
    list.push_back({
        {"id", code.code},
        {"name", identifier(code.title)},
        {"shortDescription", text_of(std::string(code.title))},
        {"fullDescription", text_of(happens)},
        {"help",
         {{"text", head + "\n\n" + text_of_markdown(code.page, false, 80)},
          {"markdown", fmt::format("**{}.** Cure: {}.\n{}", code.title, code.cure, code.page)}}},
        {"defaultConfiguration", {{"level", "error"}}},
        {"properties", {{"tags", tags}, {"precision", "very-high"}, {"problem.severity", "error"}}},
    });
  }
  return list;
}

std::size_t rule_index(const std::string& id) {
  const auto all = codes();
  return static_cast<std::size_t>(std::find_if(all.begin(), all.end(), [&](const Code& c) { return c.code == id; }) -
                                  all.begin());
}

class Writer {
 public:
  Writer(const Report& report, const std::string& directory) : report_(report), directory_(directory) {}

  ordered_json run(int exit_code) {
    for (const Reported& reported : report_.operations)
      for (const Verdict& verdict : reported.answers.verdicts) add_verdict(reported, verdict);
    ordered_json results = ordered_json::array();
    for (Result& result : results_) {
      result.value["message"] = text_of(fmt::format(
          "{} (posture{} {})", result.words, result.postures.size() > 1 ? "s" : "", fmt::join(result.postures, ", ")));
      result.value["properties"]["postures"] = result.postures;
      result.value["occurrenceCount"] = result.times;
      results.push_back(std::move(result.value));
    }
    if (left_out_ > 0)
      notify("note", fmt::format("{} more results are left out: {} are what code-scanning services keep", left_out_,
                                 most_results));
    for (const std::string& note : report_.notes) notify("warning", note);
    if (report_.suppressions)
      for (const std::string& warning : warnings_of(*report_.suppressions)) notify("warning", warning);
    if (report_.baseline)
      for (const ToldChange& change : told(report_.baseline->worse))
        notify("warning",
               fmt::format("{} ({}) got worse than in the baseline: {}", change.name, change.postures, change.words));
    if (!report_.self_check) notify("error", "the tool's check of itself failed: " + report_.self_check_trouble);
    const std::string version = report_.tool.substr(report_.tool.rfind(' ') + 1);
    return {
        {"tool",
         {{"driver", {{"name", "behalf"}, {"version", version}, {"semanticVersion", version}, {"rules", rules()}}}}},
        {"invocations",
         {{{"executionSuccessful", report_.self_check},
           {"exitCode", exit_code},
           {"toolExecutionNotifications", notifications_}}}},
        {"originalUriBaseIds", {{"%SRCROOT%", {{"description", {{"text", "the directory in which behalf was run"}}}}}}},
        {"columnKind", "unicodeCodePoints"},
        {"results", results},
    };
  }

 private:
  struct Result {
    ordered_json value;
    std::string words;
    std::vector<std::string> postures;
    int times = 0;
  };

  void notify(const char* level, const std::string& words) {
    notifications_.push_back({{"level", level}, {"message", text_of(words)}});
  }

  static std::string name_of(const Inquiry& inquiry) {
    return inquiry.family.empty() ? inquiry.name : inquiry.family + "/" + inquiry.name;
  }

  void add_verdict(const Reported& reported, const Verdict& verdict) {
    for (const std::string& reason : verdict.reasons)
      notify("warning",
             fmt::format("{}, posture {}: unclear: {}", name_of(reported.answers.inquiry), verdict.posture, reason));
    for (const Finding& finding : verdict.findings) add_finding(reported, verdict, finding);
  }

  // The same finding in another posture is the same result, and says in which it was seen.
  void add_finding(const Reported& reported, const Verdict& verdict, const Finding& finding) {
    const Inquiry& inquiry = reported.answers.inquiry;
    const std::string print =
        fingerprint({finding.code, name_of(inquiry), finding.effect ? finding.effect->call : "",
                     telling_function(finding.stack, inquiry.library), finding.hop, finding.kind});
    // What is suppressed and what is not are never one result.
    const auto key = std::pair(print, finding.suppressed ? finding.suppressed->line : 0);
    if (const auto known = known_.find(key); known != known_.end()) {
      Result& result = results_[known->second];
      if (result.postures.back() != verdict.posture) result.postures.push_back(verdict.posture);
      result.times += 1 + finding.folded;
      return;
    }
    if (results_.size() == most_results) {
      ++left_out_;
      return;
    }
    known_[key] = results_.size();
    Result result{{}, message(finding, inquiry), {verdict.posture}, 1 + finding.folded};
    result.value = {
        {"ruleId", finding.code},
        {"ruleIndex", rule_index(finding.code)},
        {"kind", "fail"},
        {"level", "error"},
        {"message", {}},
        {"locations", {location(own_or_first(finding.stack, inquiry), finding, inquiry)}},
        {"partialFingerprints", {{"behalf/v1", print}}},
        {"codeFlows", {flow(finding, inquiry)}},
    };
    if (const ordered_json list = stacks(finding); !list.empty()) result.value["stacks"] = list;
    if (finding.suppressed) result.value["suppressions"] = {suppression(*finding.suppressed)};
    result.value["properties"] = {{"kind", finding.kind},
                                  {"hop", finding.hop},
                                  {"clock", finding.clock},
                                  {"leg", finding.leg},
                                  {"cure", valid_utf8(cure_of(finding, reported))}};
    results_.push_back(std::move(result));
  }

  ordered_json suppression(const Suppressed& by) const {
    ordered_json value = {{"kind", "external"}, {"status", "accepted"}, {"justification", text_of(by.reason)["text"]}};
    if (const ordered_json file = artifact(by.file); !file.empty())
      value["location"] = {{"physicalLocation", {{"artifactLocation", file}, {"region", {{"startLine", by.line}}}}}};
    return value;
  }

  static std::string message(const Finding& finding, const Inquiry& inquiry) {
    const std::string act = finding.effect ? fmt::format("{} {} ", finding.effect->call, finding.effect->object) : "";
    const auto side = [&](const std::string& user, const std::string& outcome) {
      return finding.effect ? fmt::format("{}as {} -> {}", act, user, outcome) : outcome;
    };
    const std::string kept =
        finding.kept.empty() ? "" : fmt::format(" Kept: {}, opened for {}.", finding.kept, finding.opened_for);
    return fmt::format("{} loses its way at the hop {}: {}. Expected: {}; got: {}.{}", name_of(inquiry), finding.hop,
                       in_words(finding), side(finding.expected_user, finding.expected_outcome),
                       side(finding.got_user, finding.got_outcome), kept);
  }

  static const NamedFrame* own_or_first(const std::vector<NamedFrame>& stack, const Inquiry& inquiry) {
    if (const NamedFrame* own = own_frame(stack, inquiry.library)) return own;
    const std::string telling = telling_function(stack, inquiry.library);
    for (const NamedFrame& frame : stack)
      if (frame.function == telling) return &frame;
    return nullptr;
  }

  // Debug information has what the compiler was told: absolute, or relative to a folder that is not known here. A
  // relative path that leads nowhere would send the reader to a file that is not there.
  ordered_json artifact(const std::string& file) const {
    if (file.empty()) return {};
    std::error_code error;
    const auto path = std::filesystem::path(file).lexically_normal();
    const auto relative = path.is_absolute() ? path.lexically_relative(directory_) : path;
    const bool below = !relative.empty() && *relative.begin() != "..";
    if (below && (path.is_absolute() || std::filesystem::exists(directory_ / relative, error)))
      return {{"uri", as_uri(relative.string())}, {"uriBaseId", "%SRCROOT%"}};
    if (path.is_absolute()) return {{"uri", "file://" + as_uri(path.string())}};
    return {};
  }

  ordered_json location(const NamedFrame* frame, const Finding& finding, const Inquiry& inquiry) const {
    ordered_json value = ordered_json::object();
    if (frame == nullptr) {
      value["logicalLocations"] = {{{"name", valid_utf8(name_of(inquiry))}, {"kind", "function"}}};
      value["message"] = text_of(finding.thread_role.empty() ? "the service" : finding.thread_role);
      return value;
    }
    if (const ordered_json file = artifact(frame->file); !file.empty()) {
      value["physicalLocation"] = {{"artifactLocation", file}};
      if (frame->line > 0) value["physicalLocation"]["region"] = {{"startLine", frame->line}};
    }
    const std::string function = valid_utf8(frame->function.empty() ? "??" : frame->function);
    value["logicalLocations"] = {{{"name", function},
                                  {"fullyQualifiedName", function + "@" + valid_utf8(base_name(frame->module))},
                                  {"kind", "function"}}};
    return value;
  }

  // From the thread that handed the work on, and the maker of the one that took it, to where that went astray.
  ordered_json flow(const Finding& finding, const Inquiry& inquiry) const {
    struct Station {
      const char* id;
      std::string thread, words;
      const std::vector<NamedFrame>* stack;
      bool shown;
    };
    const std::string astray = finding.thread_role.empty() ? "the service" : finding.thread_role;
    const Station stations[] = {
        {"maker", finding.created_by.empty() ? "the maker of the thread" : finding.created_by,
         "makes the thread that will go astray", &finding.made_at, !finding.made_at.empty()},
        {"right", finding.handed_by,
         fmt::format("identity was last right here; the work is handed on ({}, {})", finding.handoff,
                     finding.certainty),
         &finding.handed_at, !finding.handed_by.empty()},
        {"astray", astray, fmt::format("here it went astray: {}", in_words(finding)), &finding.stack, true},
    };
    ordered_json threads = ordered_json::array();
    int order = 0;
    for (const Station& station : stations) {
      if (!station.shown) continue;
      ordered_json at = location(own_or_first(*station.stack, inquiry), finding, inquiry);
      at["message"] = text_of(station.words);
      threads.push_back(
          {{"id", station.id},
           {"message", text_of(station.thread)},
           {"locations",
            {{{"location", at},
              {"executionOrder", ++order},
              {"importance", order == 1 || station.id == std::string_view("astray") ? "essential" : "important"}}}}});
    }
    return {{"message", text_of("how the work came to run as somebody else")}, {"threadFlows", threads}};
  }

  ordered_json stacks(const Finding& finding) const {
    ordered_json list = ordered_json::array();
    for (const auto& [words, stack] : {std::pair{"where it went astray", &finding.stack},
                                       {"where the work was handed on", &finding.handed_at},
                                       {"where what was kept was opened", &finding.opened_at},
                                       {"where the thread was made", &finding.made_at}}) {
      if (stack->empty()) continue;
      ordered_json frames = ordered_json::array();
      for (const NamedFrame& frame : *stack) {
        ordered_json at = location(&frame, finding, {});
        frames.push_back({{"location", at}, {"module", valid_utf8(base_name(frame.module))}});
      }
      list.push_back({{"message", text_of(words)}, {"frames", frames}});
    }
    return list;
  }

  const Report& report_;
  std::filesystem::path directory_;
  std::vector<Result> results_;
  std::map<std::pair<std::string, int>, std::size_t> known_;
  ordered_json notifications_ = ordered_json::array();
  std::size_t left_out_ = 0;
};

}  // namespace

std::string sarif_of(const Report& report, int exit_code, const std::string& directory) {
  const ordered_json document = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"version", "2.1.0"},
      {"runs", ordered_json::array({Writer(report, directory).run(exit_code)})},
  };
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace behalf::tool
