// The page of a survey: the table, its sums above it, and the words it uses below it.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "judge/codes.h"
#include "report/html_page.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

// Hides the rows that are not asked for, and families with none left. Without it, the table is whole.
constexpr Script filter = {
    R"js("use strict";
(function () {
  var form = document.querySelector("form.filter"), rows = Array.from(document.querySelectorAll("tr.row"));
  var text = form.elements.text, verdict = form.elements.verdict, posture = form.elements.posture, count = form.querySelector("output");
  function fits(row) {
    var words = text.value.toLowerCase().split(/\s+/).filter(Boolean), all = row.textContent.toLowerCase() + " " + row.dataset.name;
    if (!words.every(function (word) { return all.includes(word); })) return false;
    var cells = Array.from(row.querySelectorAll("[data-verdict]"));
    return cells.some(function (cell) {
      return (!posture.value || cell.dataset.posture === posture.value) && (!verdict.value || cell.dataset.verdict === verdict.value);
    });
  }
  function apply() {
    var shown = 0;
    rows.forEach(function (row) { row.hidden = !fits(row); if (!row.hidden) ++shown; });
    document.querySelectorAll("tbody").forEach(function (family) { family.hidden = !family.querySelector("tr.row:not([hidden])"); });
    document.querySelectorAll("[data-column]").forEach(function (cell) { cell.hidden = !!posture.value && cell.dataset.column !== posture.value; });
    count.textContent = shown + " of " + rows.length + " operations";
  }
  form.addEventListener("input", apply);
  form.addEventListener("reset", function () { setTimeout(apply, 0); });
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  form.hidden = false;
  apply();
})();
)js",
    "Hx1Wf78qJsCMFsG4wS4Kigh/JRYV4PVm6gYVP2xT2yU="};

struct Word {
  std::string_view name, meaning;
};
constexpr Word posture_words[] = {
    {"files", "only the file-system ids are the user's (setfsuid)"},
    {"effective", "the effective ids are the user's, the real ones stay the service's"},
    {"full", "all ids are the user's but the saved one; what the library does unless told otherwise"},
    {"shielded", "as full, but the real id is a spare account that owns nothing"},
};
constexpr Word verdict_words[] = {
    {"works",
     "in every leg the outcome is the user's own, every effect ran with her ids and groups, and nothing stayed behind"},
    {"fails", "in some leg the work ran as somebody else, met somebody else's answer, or left something behind"},
    {"unclear", "the operation does not agree with itself, or could not be run: never the same as works"},
};

std::string_view meaning_of(const std::string& posture) {
  for (const Word& word : posture_words)
    if (word.name == posture) return word.meaning;
  return {};
}

void add_tiles(std::string& out, const Report& report) {
  const auto counts = counts_of(report);
  out += "<ul class=\"tiles\" aria-label=\"Operations that work, by posture\">";
  for (const std::string& posture : postures_of(report)) {
    const Counts& count = counts.at(posture);
    out += fmt::format(
        "<li><span class=\"soft small\">{}</span><b>{} <i>of {} work</i></b><span class=\"small soft\">{} fail{}, {} "
        "unclear</span><div class=\"bar\" aria-hidden=\"true\">",
        escaped(posture), count.works, count.works + count.fails + count.unclear, count.fails,
        count.suppressed == 0 ? "" : fmt::format(" ({} suppressed)", count.suppressed), count.unclear);
    for (const auto& [name, number] :
         {std::pair{"works", count.works}, {"fails", count.fails}, {"unclear", count.unclear}})
      if (number > 0) out += fmt::format("<span class=\"{}\" style=\"flex:{}\"></span>", name, number);
    out += "</div></li>";
  }
  out += "</ul>";
}

void add_filter(std::string& out, const std::vector<std::string>& postures) {
  // Hidden until the script that makes it work shows it.
  out +=
      "<form class=\"filter\" hidden role=\"search\" aria-label=\"Filter the table\">"
      "<label>Find<input name=\"text\" type=\"search\" autocomplete=\"off\" placeholder=\"thread, openat, B102 "
      "\u2026\"></label>"
      "<label>Verdict<select name=\"verdict\"><option value=\"\">any</option>";
  for (const Word& word : verdict_words) out += fmt::format("<option>{}</option>", word.name);
  out += "</select></label><label>Posture<select name=\"posture\"><option value=\"\">all</option>";
  for (const std::string& posture : postures) out += fmt::format("<option>{}</option>", escaped(posture));
  out += "</select></label><button type=\"reset\">Show all</button><output aria-live=\"polite\"></output></form>";
}

void add_row(std::string& out, const Reported& reported, const std::vector<std::string>& postures) {
  const Inquiry& inquiry = reported.answers.inquiry;
  out += fmt::format("<tr class=\"row\" data-name=\"{0}\"><th scope=\"row\">{1}<small class=\"mono\">{0}</small></th>",
                     escaped(inquiry.name), escaped(reported.title.empty() ? inquiry.name : reported.title));
  for (const std::string& posture : postures) {
    const Verdict* const verdict = verdict_in(reported.answers.verdicts, posture);
    out += verdict == nullptr
               ? fmt::format("<td class=\"verdict-in\" data-posture=\"{0}\" data-column=\"{0}\">\u2013</td>",
                             escaped(posture))
               : fmt::format(
                     "<td class=\"verdict-in\" data-posture=\"{0}\" data-column=\"{0}\" data-verdict=\"{1}\">{2}</td>",
                     escaped(posture), to_string(verdict->answer),
                     badge(verdict->answer) + (is_suppressed(*verdict) ? "<small>suppressed</small>" : ""));
  }
  out += "<td class=\"what\">";
  if (const Finding* const finding = first_finding(reported)) {
    out += fmt::format("<p><a href=\"#{0}\"><code class=\"code\">{0}</code></a> {1}</p><p class=\"soft\">Cure: {2}",
                       escaped(finding->code), escaped(line_of(*finding)), escaped(cure_of(*finding, reported)));
    if (const auto answer = answer_of(reported.cure))
      out += fmt::format(" <span class=\"cured\">{}</span>", badge(*answer));
    out += "</p>";
  } else if (const std::string reason = first_reason(reported); !reason.empty()) {
    out += fmt::format("<p class=\"soft\">{}</p>", escaped(reason));
  }
  out += "</td></tr>";
}

void add_table(std::string& out, const Report& report) {
  const auto postures = postures_of(report);
  out +=
      "<table class=\"survey\"><caption class=\"hidden\">Operations, and whether they work in each "
      "posture</caption><thead><tr><th scope=\"col\">Operation</th>";
  for (const std::string& posture : postures)
    out += fmt::format("<th scope=\"col\" data-column=\"{0}\" title=\"{1}\">{0}</th>", escaped(posture),
                       escaped(meaning_of(posture)));
  out += "<th scope=\"col\">What goes wrong, and the cure</th></tr></thead>";
  std::string family;
  bool open = false;
  for (std::size_t i = 0; i < report.operations.size(); ++i) {
    const Reported& reported = report.operations[i];
    if (!open || reported.answers.inquiry.family != family) {
      family = reported.answers.inquiry.family;
      const auto of_family = std::count_if(report.operations.begin(), report.operations.end(),
                                           [&](const Reported& r) { return r.answers.inquiry.family == family; });
      out += fmt::format(
          "{}<tbody><tr><th class=\"family\" scope=\"rowgroup\" colspan=\"{}\">{}<span>{} operation{}</span></th></tr>",
          open ? "</tbody>" : "", postures.size() + 2, escaped(family), of_family, of_family == 1 ? "" : "s");
      open = true;
    }
    add_row(out, reported, postures);
  }
  out += open ? "</tbody></table>" : "</table>";
}

void add_baseline(std::string& out, const Comparison& comparison) {
  out += fmt::format("<h2>Since the baseline</h2><p class=\"soft\">Compared with {} on Linux {}: {}.</p>",
                     escaped(comparison.tool), escaped(comparison.kernel), counts_in_words(comparison));
  std::string items;
  for (const auto& [name, changes] : lists_of(comparison)) {
    const std::string_view colour = changes == &comparison.worse    ? "fails"
                                    : changes == &comparison.better ? "works"
                                                                    : "";
    for (const ToldChange& change : told(*changes))
      items += fmt::format(
          "<li><span class=\"badge {}\">{}</span> <code>{}</code> <span class=\"soft\">{}</span> {}{}</li>", colour,
          name, escaped(change.name), escaped(change.postures), escaped(change.words),
          change.change->why.empty() ? "" : fmt::format("<p class=\"soft small\">{}</p>", escaped(change.change->why)));
  }
  if (!items.empty()) out += fmt::format("<ul class=\"changes\">{}</ul>", items);
}

void add_words(std::string& out, const Report& report) {
  const auto list = [&](const char* title, const auto& words) {
    out += fmt::format("<h2>{}</h2><dl class=\"words\">", title);
    for (const Word& word : words) out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", word.name, word.meaning);
    out += "</dl>";
  };
  list("The verdicts", verdict_words);
  list("The postures", posture_words);
  std::set<std::string> used;
  for (const Reported& reported : report.operations)
    if (const Finding* const finding = first_finding(reported)) used.insert(finding->code);
  if (used.empty()) return;
  out += "<h2>The codes</h2><dl class=\"words\">";
  for (const Code& code : codes())
    if (used.contains(std::string(code.code)))
      out += fmt::format("<div id=\"{0}\"><dt>{1} {2}</dt><dd>{3}</dd><dd>{4}</dd></div>", escaped(code.code),
                         code_badge(code.code), escaped(code.title), escaped(code.cure), folded_page(code));
  out += "</dl>";
}

}  // namespace

std::string html_of_survey(const Report& report) {
  std::string out =
      "<a class=\"skip\" href=\"#table\">To the table</a><main><p class=\"eyebrow\">behalf \u00b7 a survey of this "
      "machine</p>"
      "<h1>Does this operation work when impersonating?</h1>";
  out += fmt::format(
      "<p class=\"lead\">A service takes on a user\u2019s identity and calls something. {} everyday operations, each "
      "run as the user herself and then in a service "
      "that impersonates her: alone, after others, beside others, and after a pause.</p>",
      report.operations.size());
  if (const std::string ground = ground_of(report); !ground.empty())
    out += fmt::format("<p class=\"reason\">Made {}.</p>", escaped(ground));
  if (!report.self_check)
    out += fmt::format(
        "<p class=\"verdict unclear\">The self-check failed: nothing here is said to work.<small>{}</small></p>",
        escaped(report.self_check_trouble));
  add_tiles(out, report);
  if (report.baseline) add_baseline(out, *report.baseline);
  add_filter(out, postures_of(report));
  out += "<div id=\"table\" tabindex=\"-1\">";
  add_table(out, report);
  out += "</div>";
  add_words(out, report);
  out += fmt::format("<footer>{}<p>{}</p><p>Self-check {}. {:.0f} s.</p></footer></main>", notes_of(report),
                     escaped(head_of(report)), report.self_check ? "passed" : "FAILED", report.seconds);
  return page("Does this operation work when impersonating? \u2013 behalf", out, filter);
}

}  // namespace behalf::tool
