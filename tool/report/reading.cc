#include "report/reading.h"

#include <algorithm>

#include <fmt/format.h>

#include "judge/codes.h"
#include "judge/needs_root.h"

namespace behalf::tool {
namespace {

// The length of the well-formed UTF-8 sequence at the beginning of `bytes` (RFC 3629, section 4); 0 when there is none.
std::size_t sequence_length(std::string_view bytes) {
  struct Form {
    unsigned char first_low, first_high, second_low, second_high;
    std::size_t length;
  };
  constexpr Form forms[] = {{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                            {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                            {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (const Form& form : forms) {
    if (byte(0) < form.first_low || byte(0) > form.first_high) continue;
    if (form.length == 1) return 1;
    if (bytes.size() < form.length || byte(1) < form.second_low || byte(1) > form.second_high) return 0;
    for (std::size_t i = 2; i < form.length; ++i)
      if ((byte(i) & 0xc0) != 0x80) return 0;
    return form.length;
  }
  return 0;
}

}  // namespace

std::string says(const Verdict& verdict) {
  if (is_suppressed(verdict)) return "does NOT work when impersonating; all that was found is suppressed";
  switch (verdict.answer) {
    case Answer::works:
      return "works when impersonating";
    case Answer::fails:
      return "does NOT work when impersonating";
    case Answer::unclear:
      break;
  }
  return "unclear whether it works when impersonating";
}

const Verdict* verdict_in(const std::vector<Verdict>& verdicts, const std::string& posture) {
  const auto found =
      std::find_if(verdicts.begin(), verdicts.end(), [&](const Verdict& v) { return v.posture == posture; });
  return found == verdicts.end() ? nullptr : &*found;
}

std::vector<std::string> postures_of(const Report& report) {
  std::vector<std::string> postures;
  for (const Reported& reported : report.operations)
    for (const Verdict& verdict : reported.answers.verdicts)
      if (std::find(postures.begin(), postures.end(), verdict.posture) == postures.end())
        postures.push_back(verdict.posture);
  return postures;
}

bool is_suppressed(const Verdict& verdict) {
  return verdict.answer == Answer::fails &&
         std::all_of(verdict.findings.begin(), verdict.findings.end(), [](const Finding& f) { return f.suppressed; });
}

std::string in_words(const Suppressed& suppressed) {
  return fmt::format("because {} ({}:{}{}{})", suppressed.reason, suppressed.file, suppressed.line,
                     suppressed.until.empty() ? "" : ", until ", suppressed.until);
}

std::string line_of(const Finding& finding) {
  if (!finding.suppressed) return in_words(finding);
  return fmt::format("suppressed: {}; {}", in_words(finding), in_words(*finding.suppressed));
}

const Finding* first_finding(const Reported& reported) {
  const Finding* suppressed = nullptr;
  for (const char* posture : {"full", "shielded", "effective", "files"}) {
    const Verdict* const verdict = verdict_in(reported.answers.verdicts, posture);
    if (verdict == nullptr || verdict->findings.empty()) continue;
    const Finding* const first = &verdict->findings.front();
    if (!first->suppressed) return first;
    if (suppressed == nullptr) suppressed = first;
  }
  return suppressed;
}

std::string first_reason(const Reported& reported) {
  for (const Verdict& verdict : reported.answers.verdicts)
    if (!verdict.reasons.empty()) return verdict.reasons.front();
  return {};
}

std::string unclear_in_words(const std::string& reason) {
  return (reason.starts_with(needs_root) ? "unclear here: " : "unclear: ") + reason;
}

std::optional<Answer> answer_of(const Cure& cure) {
  if (cure.verdicts.empty()) return std::nullopt;
  Answer worst = Answer::works;
  for (const Verdict& verdict : cure.verdicts) {
    if (verdict.answer == Answer::fails) return Answer::fails;
    if (verdict.answer == Answer::unclear) worst = Answer::unclear;
  }
  return worst;
}

std::string cure_of(const Finding& finding, const Reported& reported) {
  return reported.cure.words.empty() ? std::string(code_for(finding.hop, finding.kind).cure) : reported.cure.words;
}

std::map<std::string, Counts> counts_of(const Report& report) {
  std::map<std::string, Counts> counts;
  for (const Reported& reported : report.operations)
    for (const Verdict& verdict : reported.answers.verdicts) {
      Counts& count = counts[verdict.posture];
      if (is_suppressed(verdict)) ++count.suppressed;
      ++(verdict.answer == Answer::works ? count.works : verdict.answer == Answer::fails ? count.fails : count.unclear);
    }
  return counts;
}

std::string place_of(const NamedFrame& frame) {
  if (!frame.file.empty()) return fmt::format("{}:{}", frame.file, frame.line);
  return frame.function.empty() ? fmt::format("{}+{:#x}", base_name(frame.module), frame.offset)
                                : base_name(frame.module);
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

bool is_own(const NamedFrame& frame, const std::string& library) {
  // A name that the dynamic linker knows is often a link to a file with more of the version in its name.
  const std::string name = base_name(library), module = base_name(frame.module);
  return !name.empty() && (module == name || module.starts_with(name + "."));
}

const NamedFrame* own_frame(const std::vector<NamedFrame>& frames, const std::string& library) {
  for (const NamedFrame& frame : frames)
    if (!frame.file.empty() && is_own(frame, library) && frame.file.find("/usr/include/") == std::string::npos)
      return &frame;
  return nullptr;
}

std::string telling_function(const std::vector<NamedFrame>& frames, const std::string& library) {
  if (const NamedFrame* frame = own_frame(frames, library); frame != nullptr && !frame->function.empty())
    return frame->function;
  for (const bool own : {true, false})
    for (const NamedFrame& frame : frames)
      if (!frame.function.empty() && (!own || is_own(frame, library))) return frame.function;
  return {};
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    text += length == 0 ? std::string_view("\xef\xbf\xbd") : bytes.substr(0, length);
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

std::string head_of(const Report& report) {
  return fmt::format("{} on Linux {}; impersonation makes any process non-dumpable and clears its parent-death signal",
                     report.tool, report.kernel);
}

std::string ground_of(const Report& report) {
  return report.stage == "userns"
             ? "without root, on a stage in a user namespace: what only the machine's root is granted "
               "cannot be judged, and is unclear here"
             : "";
}

}  // namespace behalf::tool
