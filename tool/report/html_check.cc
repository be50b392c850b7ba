// The page of a check: the verdict, what went astray first, the picture of it, and the rest.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "judge/codes.h"
#include "report/html_page.h"
#include "report/html_picture.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

std::string frames_of(const std::vector<NamedFrame>& frames, const std::vector<std::size_t>& numbers,
                      const std::string& library, bool whole) {
  std::string out = "<ol class=\"stack\">";
  for (const std::size_t i : numbers) {
    const NamedFrame& frame = frames[i];
    const std::string name = whole ? frame.function : brief(frame.function);
    out += fmt::format("<li{}><span class=\"number\">#{}</span><code>{}</code><code class=\"at\">{}</code></li>",
                       is_own(frame, library) ? " class=\"own\"" : "", i, escaped(name.empty() ? "??" : name),
                       escaped(place_of(frame)));
  }
  return out + "</ol>";
}

// What tells something, and all of it folded below.
std::string titled_stack(const std::string& title, const std::vector<NamedFrame>& frames, const std::string& library) {
  if (frames.empty()) return {};
  const std::vector<std::size_t> telling = telling_frames(frames, library);
  std::string out = fmt::format("<section><h3>{}</h3>{}", escaped(title), frames_of(frames, telling, library, false));
  if (telling.size() < frames.size()) {
    std::vector<std::size_t> all(frames.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    out += fmt::format("<details><summary>All {} frames</summary>{}</details>", frames.size(),
                       frames_of(frames, all, library, true));
  }
  return out + "</section>";
}

std::string side(const char* name, const Finding& finding, const std::string& user, const std::string& outcome) {
  std::string out = fmt::format("<div class=\"{0}\"><dt>{0}</dt><dd>", name);
  if (finding.effect)
    out += fmt::format("<code>{} {}</code>\nas <strong>{}</strong> \u2192 ", escaped(finding.effect->call),
                       escaped(finding.effect->object), escaped(user));
  out += escaped(outcome);
  if (finding.effect && std::string_view(name) == "got")
    out += fmt::format("\n<span class=\"soft small\">{}</span>", escaped(finding.effect->ids));
  return out + "</dd></div>";
}

std::string card_of(const Finding& finding, const Reported& reported) {
  const std::string& library = reported.answers.inquiry.library;
  const Code& code = code_for(finding.hop, finding.kind);
  std::string out = fmt::format(
      "<article class=\"card finding\"><h3>{} {}</h3><p class=\"soft\">{} \u00b7 hop: {} \u00b7 in the leg {} \u00b7 "
      "as {} \u00b7 identity read by the clock: {}</p>",
      code_badge(finding.code), escaped(in_words(finding)), escaped(code.title), escaped(finding.hop),
      escaped(finding.leg), escaped(finding.expected_user), escaped(finding.clock));
  out += "<dl class=\"sides\">" + side("expected", finding, finding.expected_user, finding.expected_outcome) +
         side("got", finding, finding.got_user, finding.got_outcome) + "</dl>";
  const std::string role = finding.thread_role.empty() ? "the service" : finding.thread_role;
  const bool made = !finding.created_by.empty() && finding.thread_role.find("called") == std::string::npos;
  out += fmt::format("<p>In {}{}.</p>", escaped(role), made ? ", made by " + escaped(finding.created_by) : "");
  if (!finding.handed_by.empty())
    out += fmt::format("<p>Identity was last right in {}, which handed the work over ({}, {}).</p>",
                       escaped(finding.handed_by), escaped(finding.handoff), escaped(finding.certainty));
  if (!finding.kept.empty())
    out += fmt::format("<p>Kept: {}; opened for {}.</p>", escaped(finding.kept), escaped(finding.opened_for));
  out += fmt::format("<p class=\"cure\"><strong>Cure.</strong> {}</p>", escaped(cure_of(finding, reported)));
  out += folded_page(code);
  out += "<div class=\"stacks\">" + titled_stack("Where it went astray", finding.stack, library) +
         titled_stack("Where it was last right", finding.handed_at, library) +
         titled_stack("Where what was kept was opened", finding.opened_at, library) +
         [&] {
           std::string all;
           for (const auto& frames : finding.handed_maybe)
             all += titled_stack("Where it may have been last right", frames, library);
           return all;
         }() +
         titled_stack("Where the thread was made", finding.made_at, library) + "</div>";
  if (const std::string folded = folded_in_words(finding); !folded.empty())
    out += fmt::format("<p class=\"small soft\">{}.</p>", escaped(folded));
  return out + "</article>";
}

std::string legs_of(const Verdict& verdict) {
  std::string out = "<ul class=\"legs\" aria-label=\"Legs\">";
  for (const LegSummary& leg : verdict.legs)
    out += fmt::format("<li><span class=\"badge {}\">{}: {}</span></li>", leg.same ? "works" : "fails",
                       escaped(leg.name), leg.same ? "same" : "different");
  return out + "</ul>";
}

class Page {
 public:
  explicit Page(const Report& report) : report_(report) {}

  std::string body() {
    std::string out = "<main>";
    const bool several = report_.operations.size() > 1 || postures_of(report_).size() > 1;
    out += "<p class=\"eyebrow\">behalf \u00b7 Does this operation work when impersonating?</p>";
    if (several) add_overview(out);
    for (const Reported& reported : report_.operations)
      for (const Verdict& verdict : reported.answers.verdicts) add(out, reported, verdict, several);
    const std::string ground = ground_of(report_);
    out += fmt::format(
        "<footer>{}{}<p>{}</p><p>Self-check {}. Time in the pictures is the order of events.</p></footer>",
        notes_of(report_), ground.empty() ? "" : "<p>Made " + escaped(ground) + ".</p>", escaped(head_of(report_)),
        report_.self_check ? "passed" : "FAILED: " + escaped(report_.self_check_trouble));
    return out + "</main>";
  }

 private:
  void add_overview(std::string& out) const {
    out += "<nav aria-label=\"Answers\"><ul class=\"answers\">";
    std::size_t number = 0;
    for (const Reported& reported : report_.operations)
      for (const Verdict& verdict : reported.answers.verdicts) {
        out += fmt::format("<li>{} <a href=\"#answer-{}\">{}</a> <span class=\"soft\">posture {}{}</span></li>",
                           badge(verdict.answer), ++number, escaped(reported.answers.inquiry.name),
                           escaped(verdict.posture), is_suppressed(verdict) ? ", suppressed" : "");
      }
    out += "</ul></nav>";
  }

  void add(std::string& out, const Reported& reported, const Verdict& verdict, bool several) {
    const Inquiry& inquiry = reported.answers.inquiry;
    const std::string title = fmt::format("{}{}", inquiry.name, several ? ", posture " + verdict.posture : "");
    out += fmt::format("<h1 id=\"answer-{}\">{}</h1>", ++verdicts_, escaped(title));
    std::uint64_t stops = 0;
    for (const LegSummary& leg : verdict.legs) stops += leg.stops;
    out += fmt::format(
        "<p class=\"verdict {}\">{}<small>{} \u00b7 posture {} \u00b7 {} legs beside 5 oracles \u00b7 {} stops \u00b7 "
        "{:.1f} s</small></p>",
        is_suppressed(verdict) ? "unclear" : to_string(verdict.answer), escaped(says(verdict)),
        escaped(inquiry.library), escaped(verdict.posture), verdict.legs.size(), stops, report_.seconds);
    for (const std::string& reason : verdict.reasons)
      out += fmt::format("<p class=\"reason\"><span class=\"badge unclear\">unclear</span> {}</p>", escaped(reason));
    const auto is_open = [](const Finding& finding) { return !finding.suppressed; };
    const auto open =
        static_cast<std::size_t>(std::count_if(verdict.findings.begin(), verdict.findings.end(), is_open));
    if (open > 0) out += "<h2>What went astray first</h2>" + card_of(verdict.findings.front(), reported);
    if (open == 0) add_suppressed(out, reported, verdict, open);
    add_pictures(out, verdict);
    if (open > 1) out += "<h2>And besides</h2>";
    for (std::size_t i = 1; i < open; ++i) out += card_of(verdict.findings[i], reported);
    if (open > 0) add_suppressed(out, reported, verdict, open);
  }

  static void add_suppressed(std::string& out, const Reported& reported, const Verdict& verdict, std::size_t first) {
    if (first < verdict.findings.size()) out += "<h2>Suppressed</h2>";
    for (std::size_t i = first; i < verdict.findings.size(); ++i) {
      const Finding& finding = verdict.findings[i];
      out += fmt::format("<details class=\"suppressed\"><summary>{} {}<br>{}</summary>{}</details>",
                         code_badge(finding.code), escaped(in_words(finding)), escaped(in_words(*finding.suppressed)),
                         card_of(finding, reported));
    }
  }

  void add_pictures(std::string& out, const Verdict& verdict) {
    out += "<h2>The legs</h2>" + legs_of(verdict);
    if (verdict.records.empty()) return;
    out += legend();
    for (std::size_t i = 0; i < verdict.records.size(); ++i) {
      const LegRecord& leg = verdict.records[i];
      const Picture picture = picture_of(leg, verdict.findings);
      if (picture.lanes.empty()) {
        out += fmt::format("<p><strong>{}</strong> was not seen{}</p>", escaped(leg.name),
                           leg.error.empty() ? "." : ": " + escaped(leg.error));
        continue;
      }
      const bool same = i < verdict.legs.size() && verdict.legs[i].same;
      out += "<div class=\"card\">" + figure_of(picture, same, ++figures_) + "</div>";
    }
  }

  const Report& report_;
  std::size_t verdicts_ = 0, figures_ = 0;
};

}  // namespace

std::string html_of_check(const Report& report) {
  std::string names;
  for (const Reported& reported : report.operations)
    names += (names.empty() ? "" : ", ") + reported.answers.inquiry.name;
  return page(names + " \u2013 behalf", Page(report).body(), {});
}

}  // namespace behalf::tool
