#include <algorithm>

#include <fmt/format.h>

#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

enum class Ink { plain, good, bad, doubtful, faint, strong };

class Painter {
 public:
  explicit Painter(bool colour) : colour_(colour) {}
  std::string operator()(Ink ink, const std::string& text) const {
    constexpr const char* codes[] = {"", "32", "31", "33", "2", "1"};
    if (!colour_ || ink == Ink::plain) return text;
    return fmt::format("\033[{}m{}\033[0m", codes[static_cast<int>(ink)], text);
  }

 private:
  bool colour_;
};

Ink ink_of(Answer answer) {
  return answer == Answer::works ? Ink::good : answer == Answer::fails ? Ink::bad : Ink::doubtful;
}

Ink ink_of(const Verdict& verdict) {
  return is_suppressed(verdict) ? Ink::doubtful : ink_of(verdict.answer);
}

// A name of a file may have line ends, after which it would be taken for a line of ours.
std::string in_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// Text in lines of at most `width`, each after the first indented.
std::string wrapped(const std::string& wanted, std::size_t indent, std::size_t width) {
  const std::string text = in_line(wanted);
  std::string out;
  std::size_t column = indent;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    const std::size_t length = end - at;
    if (column + length > width && column > indent) {
      out.pop_back();
      out += "\n" + std::string(indent, ' ');
      column = indent;
    }
    out += text.substr(at, length);
    column += length;
    if (end < text.size()) {
      out += ' ';
      ++column;
    }
    at = end + 1;
  }
  return out;
}

// The place that is the operation's own: the first frame of its library, else the first that has a name.
std::string location(const std::vector<NamedFrame>& frames, const std::string& library) {
  if (const NamedFrame* frame = own_frame(frames, library))
    return fmt::format("{}:{}", base_name(frame->file), frame->line);
  for (const NamedFrame& frame : frames)
    if (!frame.function.empty()) return frame.function;
  return {};
}

void add_notes(std::string& out, const Report& report, const Style& style) {
  if (report.suppressions) out += fmt::format("suppressions: {}\n", summary_of(*report.suppressions));
  for (const std::string& note : report.notes)
    out += fmt::format("note: {}\n", wrapped(note, 6, static_cast<std::size_t>(style.width)));
}

void add_stack(std::string& out, const std::vector<NamedFrame>& frames, const std::string& library,
               const Style& style) {
  const std::vector<std::size_t> telling = telling_frames(frames, library);
  const std::size_t shown = style.verbose ? frames.size() : telling.size();
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t number = style.verbose ? i : telling[i];
    const NamedFrame& frame = frames[number];
    const std::string name = style.verbose ? frame.function : brief(frame.function);
    out += fmt::format("    #{:<2} {}  {}\n", number, name.empty() ? "??" : in_line(name), in_line(place_of(frame)));
  }
  if (shown < frames.size()) out += fmt::format("    ... and {} more (-v shows them)\n", frames.size() - shown);
}

// What was built of others' bytes, made safe for a terminal: of controls, only our own colours are left.
std::string shown_as(std::string_view text, bool colour) {
  constexpr std::string_view colours[] = {"\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"};
  std::string out;
  while (!text.empty()) {
    const auto at = std::min(colour ? text.find('\033') : std::string_view::npos, text.size());
    out += legible(text.substr(0, at));
    text.remove_prefix(at);
    const auto ours = std::find_if(std::begin(colours), std::end(colours), [&](auto c) { return text.starts_with(c); });
    const std::size_t length = ours != std::end(colours) ? ours->size() : std::min<std::size_t>(1, text.size());
    out += ours != std::end(colours) ? std::string(*ours) : legible(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

void add_finding(std::string& out, const Finding& finding, const Reported& reported, const Painter& paint,
                 const Style& style) {
  const std::string& library = reported.answers.inquiry.library;
  std::string kind = finding.kind;
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  out += fmt::format("{}  [{} {}]   as {}, in the leg {}\n", paint(Ink::bad, kind), finding.code, finding.hop,
                     finding.expected_user, finding.leg);
  if (finding.suppressed)
    out += fmt::format("  suppressed  {}\n",
                       wrapped(in_words(*finding.suppressed), 14, static_cast<std::size_t>(style.width)));
  if (finding.effect) {
    const std::string what = fmt::format("{} {}", finding.effect->call, in_line(finding.effect->object));
    out += fmt::format("  expected  {}   as {}  -> {}\n", what, finding.expected_user, finding.expected_outcome);
    out += fmt::format("  got       {}   as {}  -> {}\n", what, finding.got_user, finding.got_outcome);
    out += fmt::format("            {}\n", paint(Ink::faint, finding.effect->ids));
  } else {
    out +=
        fmt::format("  expected  {}\n", wrapped(finding.expected_outcome, 12, static_cast<std::size_t>(style.width)));
    out += fmt::format("  got       {}\n", wrapped(finding.got_outcome, 12, static_cast<std::size_t>(style.width)));
  }
  out += fmt::format("  in        {}", finding.thread_role.empty() ? "the service" : finding.thread_role);
  out += finding.created_by.empty() || finding.thread_role.find("called") != std::string::npos
             ? "\n"
             : fmt::format(", made by {}\n", finding.created_by);
  add_stack(out, finding.stack, library, style);
  if (!finding.handed_by.empty()) {
    out += fmt::format("  identity was last right in {}, which handed over here ({}, {})\n", finding.handed_by,
                       finding.handoff, finding.certainty);
    add_stack(out, finding.handed_at, library, style);
  }
  if (!finding.handed_maybe.empty()) {
    out += fmt::format("  identity was last right before one of these hand-offs ({}, ambiguous)\n", finding.handoff);
    for (const auto& frames : finding.handed_maybe) add_stack(out, frames, library, style);
  }
  if (finding.handoff == "none" && (finding.hop == "queue" || finding.hop == "message" || finding.hop == "coroutine"))
    out += "  hand-off  none was seen: the work went through memory, to one that was awake\n";
  if (!finding.kept.empty()) {
    out += fmt::format("  kept      {}; opened for {}\n", in_line(finding.kept), finding.opened_for);
    add_stack(out, finding.opened_at, library, style);
  }
  if (!finding.made_at.empty()) {
    out += fmt::format("  {} was made here\n", finding.thread_role);
    add_stack(out, finding.made_at, library, style);
  }
  out += fmt::format("  identity  read {}\n", finding.clock == "first-caller" ? "by the first caller, and kept"
                                                                              : "by the clock: " + finding.clock);
  out +=
      fmt::format("  cure      {}\n", wrapped(cure_of(finding, reported), 12, static_cast<std::size_t>(style.width)));
  if (const std::string folded = folded_in_words(finding); !folded.empty())
    out += fmt::format("  {}\n", paint(Ink::faint, wrapped(folded, 12, static_cast<std::size_t>(style.width))));
}

// One line for each change, what is so now below it, and one line that sums them up.
void add_baseline(std::string& out, const Comparison& comparison, const Painter& paint, const Style& style) {
  out += fmt::format("\nsince the baseline ({} on Linux {})\n", comparison.tool, comparison.kernel);
  bool any = false;
  for (const auto& [name, changes] : lists_of(comparison))
    for (const ToldChange& change : told(*changes)) {
      const bool worse = changes == &comparison.worse;
      const Ink ink = !worse ? Ink::plain : change.change->suppressed ? Ink::doubtful : Ink::bad;
      out += fmt::format("  {} {}  {}  {}\n", paint(ink, fmt::format("{:<7}", name)), change.name, change.postures,
                         change.words);
      if (!change.change->why.empty())
        out += fmt::format("          {}\n", wrapped(change.change->why, 10, static_cast<std::size_t>(style.width)));
      any = true;
    }
  out += fmt::format("{}BASELINE: behalf: {}\n", any ? "" : "  nothing has changed\n", counts_in_words(comparison));
}

std::string markdown_of(const Comparison& comparison) {
  std::string out = fmt::format("\n## Since the baseline\n\nCompared with {} on Linux {}: {}.\n\n", comparison.tool,
                                comparison.kernel, counts_in_words(comparison));
  for (const auto& [name, changes] : lists_of(comparison))
    for (const ToldChange& change : told(*changes))
      out += fmt::format("* **{}** `{}` ({}): {}{}{}\n", name, change.name, change.postures, change.words,
                         change.change->why.empty() ? "" : ". ", change.change->why);
  return out;
}

// One line, and another where there was no root.
std::string head_lines(const Report& report, int width = 1000) {
  const std::string ground = ground_of(report);
  return wrapped(head_of(report), 0, static_cast<std::size_t>(width)) +
         (ground.empty() ? "" : "\n" + wrapped(ground, 0, static_cast<std::size_t>(width)));
}

}  // namespace

std::string text_of_check(const Report& report, const Style& wanted) {
  // Longer lines are hard to read, however wide the terminal.
  Style style = wanted;
  style.width = std::min(style.width, 110);
  const Painter paint(style.colour);
  std::string out;
  for (const Reported& reported : report.operations) {
    const Inquiry& inquiry = reported.answers.inquiry;
    for (const Verdict& verdict : reported.answers.verdicts) {
      out += fmt::format("{}: {}   (posture {})\n\n", paint(Ink::strong, inquiry.name),
                         paint(ink_of(verdict), says(verdict)), verdict.posture);
      for (const std::string& reason : verdict.reasons)
        out += fmt::format("  unclear   {}\n", wrapped(reason, 12, static_cast<std::size_t>(style.width)));
      if (!verdict.reasons.empty()) out += "\n";
      const auto open = static_cast<std::size_t>(std::count_if(verdict.findings.begin(), verdict.findings.end(),
                                                               [](const Finding& f) { return !f.suppressed; }));
      const std::size_t shown = style.verbose ? verdict.findings.size() : std::min<std::size_t>(1, open);
      for (std::size_t i = 0; i < shown; ++i) {
        add_finding(out, verdict.findings[i], reported, paint, style);
        out += "\n";
      }
      for (std::size_t i = shown; i < open; ++i)
        out += fmt::format("  and       {} [{}], in the leg {}\n", in_line(in_words(verdict.findings[i])),
                           verdict.findings[i].code, verdict.findings[i].leg);
      for (std::size_t i = std::max(shown, open); i < verdict.findings.size(); ++i) {
        const Finding& finding = verdict.findings[i];
        out += fmt::format("  suppressed  {} [{}], in the leg {}\n              {}\n", in_line(in_words(finding)),
                           finding.code, finding.leg,
                           wrapped(in_words(*finding.suppressed), 14, static_cast<std::size_t>(style.width)));
      }
      if (shown < verdict.findings.size()) out += "            (-v shows them whole)\n\n";
      if (!verdict.findings.empty()) {
        const Finding& first = verdict.findings.front();
        const std::string place = in_line(location(first.stack, inquiry.library));
        out += fmt::format("SUMMARY: behalf: {}{} {} {} {}in {}\n", first.suppressed ? "suppressed " : "", first.kind,
                           first.code, first.hop, place.empty() ? "" : place + " ", inquiry.name);
      } else {
        out += fmt::format("SUMMARY: behalf: {} {}\n", to_string(verdict.answer), inquiry.name);
      }
      std::uint64_t stops = 0;
      for (const LegSummary& leg : verdict.legs) stops += leg.stops;
      for (const bool same : {true, false}) {
        std::string names;
        for (const LegSummary& leg : verdict.legs)
          if (leg.same == same) names += (names.empty() ? "" : ", ") + leg.name;
        if (!names.empty()) out += fmt::format("legs: {} in {}\n", same ? "same" : paint(Ink::bad, "different"), names);
      }
      out += paint(Ink::faint,
                   fmt::format("{} legs beside 5 oracles, {} stops, {:.1f} s, self-check {}", verdict.legs.size(),
                               stops, report.seconds, report.self_check ? "passed" : "FAILED")) +
             "\n\n";
    }
  }
  add_notes(out, report, style);
  out += paint(Ink::faint, head_lines(report, style.width)) + "\n";
  return shown_as(out, style.colour);
}

std::string text_of_survey(const Report& report, const Style& style) {
  const Painter paint(style.colour);
  const std::vector<std::string> postures = postures_of(report);

  constexpr std::size_t name_width = 40;
  // A column is as wide as its head, or as the longest answer.
  const auto column = [](const std::string& posture) { return std::max<std::size_t>(posture.size(), 7) + 2; };
  std::size_t words_at = 2 + name_width;
  for (const std::string& posture : postures) words_at += column(posture);
  const std::size_t width = std::max<std::size_t>(static_cast<std::size_t>(style.width), words_at + 30);
  std::string out = "Does this operation work when impersonating?\n" + paint(Ink::faint, head_lines(report)) + "\n\n";
  out += std::string(2 + name_width, ' ');
  for (const std::string& posture : postures) out += fmt::format("{:<{}}", posture, column(posture));
  out += "what goes wrong, and the cure\n";
  std::string family;
  for (const Reported& reported : report.operations) {
    if (reported.answers.inquiry.family != family) {
      family = reported.answers.inquiry.family;
      out += paint(Ink::strong, family) + "\n";
    }
    std::string title = reported.title.empty() ? reported.answers.inquiry.name : reported.title;
    if (title.size() >= name_width) title = title.substr(0, name_width - 4) + "...";
    out += fmt::format("  {:<{}}", title, name_width);
    for (const std::string& posture : postures) {
      const Verdict* verdict = verdict_in(reported.answers.verdicts, posture);
      const std::string word = verdict == nullptr ? "-" : std::string(to_string(verdict->answer));
      out += paint(verdict == nullptr ? Ink::faint : ink_of(*verdict), fmt::format("{:<{}}", word, column(posture)));
    }
    const Finding* finding = first_finding(reported);
    const std::string reason = first_reason(reported);
    std::string words = finding != nullptr ? line_of(*finding) : reason.empty() ? "" : unclear_in_words(reason);
    out += wrapped(words, words_at, width) + "\n";
    if (finding == nullptr) continue;
    out += std::string(words_at, ' ') +
           paint(Ink::faint, "cure: " + wrapped(cure_of(*finding, reported), words_at, width - 6));
    if (const auto answer = answer_of(reported.cure))
      out += " -> " + paint(ink_of(*answer), std::string(to_string(*answer)));
    out += "\n";
  }
  out += "\n";
  for (const auto& [posture, count] : counts_of(report))
    out += fmt::format("{:<10} {:>3} work, {:>3} fail{}, {:>3} unclear\n", posture, count.works, count.fails,
                       count.suppressed == 0 ? "" : fmt::format(" ({} suppressed)", count.suppressed), count.unclear);
  if (report.baseline) add_baseline(out, *report.baseline, paint, style);
  if (!report.notes.empty() || report.suppressions) out += "\n";
  add_notes(out, report, style);
  out += fmt::format("\nSUMMARY: behalf: {} operations, {} postures, {:.0f} s, self-check {}\n",
                     report.operations.size(), postures.size(), report.seconds,
                     report.self_check ? "passed" : "FAILED: " + report.self_check_trouble);
  return shown_as(out, style.colour);
}

std::string markdown_of_survey(const Report& report) {
  // What would end a cell, or be markup of the page that it is put in.
  const auto cell = [](const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? "\\|" : c == '<' ? "&lt;" : c == '\n' ? " " : std::string(1, c);
    return out;
  };
  std::string out = fmt::format("# Does this operation work when impersonating?\n\n{}\n", head_lines(report));
  std::string family;
  for (const Reported& reported : report.operations) {
    const Inquiry& inquiry = reported.answers.inquiry;
    if (inquiry.family != family) {
      family = inquiry.family;
      out += fmt::format("\n## {}\n\n| operation |", family);
      for (const std::string& posture : inquiry.postures) out += fmt::format(" {} |", posture);
      out += " what goes wrong | cure | the cure |\n|---|";
      for (std::size_t i = 0; i < inquiry.postures.size() + 3; ++i) out += "---|";
      out += "\n";
    }
    out += fmt::format("| {} |", cell(reported.title.empty() ? inquiry.name : reported.title));
    for (const Verdict& verdict : reported.answers.verdicts)
      out += fmt::format(" {}{} |", to_string(verdict.answer), is_suppressed(verdict) ? " (suppressed)" : "");
    const Finding* finding = first_finding(reported);
    const std::string reason = first_reason(reported);
    const auto answer = answer_of(reported.cure);
    out += fmt::format(" {} | {} | {} |\n",
                       cell(finding != nullptr ? line_of(*finding)
                            : reason.empty()   ? ""
                                               : unclear_in_words(reason)),
                       finding != nullptr ? cell(cure_of(*finding, reported)) : "", answer ? to_string(*answer) : "");
  }
  out += "\n";
  for (const auto& [posture, count] : counts_of(report))
    out += fmt::format("* {}: {} work, {} fail{}, {} unclear\n", posture, count.works, count.fails,
                       count.suppressed == 0 ? "" : fmt::format(" ({} suppressed)", count.suppressed), count.unclear);
  for (const std::string& note : report.notes) out += fmt::format("* {}\n", cell(note));
  if (!report.self_check)
    out += fmt::format("\nThe self-check failed: nothing here is said to work. {}\n", cell(report.self_check_trouble));
  if (report.baseline) out += markdown_of(*report.baseline);
  return legible(out);
}

}  // namespace behalf::tool
