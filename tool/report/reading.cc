#include "report/reading.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "judge/codes.h"
#include "judge/needs_root.h"

namespace behalf::tool {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

// U+202A to U+202E and U+2066 to U+2069: they make text read as something that it is not.
bool reorders(std::string_view character) {
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(character[1]), third = static_cast<unsigned char>(character[2]);
  return (second == 0x80 && third >= 0xaa && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

// libbehalf's own, wherever it was linked: what carries the identity is not what forgot it. A function whose name says
// nothing (a lambda's) is, where another of its file is.
bool is_behalfs(const NamedFrame& frame, const std::vector<NamedFrame>& frames) {
  const auto by_name = [](const NamedFrame& one) { return one.function.starts_with("behalf::"); };
  return by_name(frame) || frame.file.find("/include/behalf/") != std::string::npos ||
         frame.module.ends_with("/behalf-service") ||
         (!frame.file.empty() && std::any_of(frames.begin(), frames.end(), [&](const NamedFrame& other) {
           return by_name(other) && other.file == frame.file;
         }));
}

bool is_plumbing(const NamedFrame& frame, const std::vector<NamedFrame>& frames, const std::string& library) {
  if (frame.file.find("/usr/include/") != std::string::npos || is_behalfs(frame, frames)) return true;
  if (is_own(frame, library)) return false;
  constexpr std::string_view modules[] = {"libc.so",    "libc-",    "libstdc++.so", "libc++.so",
                                          "libpthread", "libgcc_s", "ld-linux"};
  const std::string module = base_name(frame.module);
  return std::any_of(std::begin(modules), std::end(modules), [&](std::string_view m) { return module.starts_with(m); });
}

// What stands between the outermost pairs of these, left out: "f(...)". An operator's own are no pair, nor is what is
// part of a name: "(anonymous namespace)".
std::string without_inner(const std::string& name, char open, char close) {
  std::string out;
  int depth = 0;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const std::string_view rest = std::string_view(name).substr(at);
    for (const std::string_view kept : {"operator()", "operator<=>", "operator<<", "operator<", "operator>>",
                                        "operator>", "operator->", "(anonymous namespace)"})
      if (depth == 0 && rest.starts_with(kept)) {
        out += kept;
        at += kept.size();
        break;
      }
    if (at >= name.size()) break;
    if (name[at] == close && depth > 0 && --depth == 0) out += "...";
    if (depth == 0) out += name[at];
    if (name[at] == open) ++depth;
  }
  return out;
}

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

std::string folded_in_words(const Finding& finding) {
  if (finding.folded == 0) return {};
  std::string others;
  std::set<std::string> told = {finding.code};
  for (const Finding& inner : finding.within)
    if (told.insert(inner.code).second)
      others += fmt::format("{}{} [{}]", others.empty() ? ", among them " : "; ", in_words(inner), inner.code);
  return fmt::format("{} more that follow{} from it or repeat{} it{}", finding.folded, finding.folded == 1 ? "s" : "",
                     finding.folded == 1 ? "s" : "", others);
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
    if (!frame.file.empty() && is_own(frame, library) && !is_plumbing(frame, frames, library)) return &frame;
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

std::vector<std::size_t> telling_frames(const std::vector<NamedFrame>& frames, const std::string& library) {
  constexpr std::size_t most = 8;
  std::vector<std::size_t> telling, first;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (first.size() < most) first.push_back(i);
    if (telling.size() < most && (i == 0 || !is_plumbing(frames[i], frames, library))) telling.push_back(i);
  }
  return telling.size() > 1 ? telling : first;
}

std::string brief(const std::string& function) {
  constexpr std::size_t most = 60;
  std::string name = function.substr(0, function.find('@', 1));
  constexpr std::string_view long_string =
      "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  for (auto at = name.find(long_string); at != std::string::npos; at = name.find(long_string, at))
    name.replace(at, long_string.size(), "std::string");
  if (name.size() > most) name = without_inner(name, '<', '>');
  if (name.size() > most) name = without_inner(name, '(', ')');
  return name;
}

std::string legible(std::string_view bytes) {
  const std::string text = valid_utf8(bytes);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (reorders(std::string_view(text).substr(at, 3))) {
      out += replacement;
      at += 2;
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
      out += replacement;
    } else {
      out += c;
    }
  }
  return out;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    text += length == 0 ? replacement : bytes.substr(0, length);
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
