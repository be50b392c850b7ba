#include "cli/explain.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/catalogue.h"
#include "cli/library.h"
#include "cli/nearest.h"
#include "judge/codes.h"
#include "report/cure_page.h"

namespace behalf::tool {
namespace {

std::string in_bold(const std::string& text, const Style& style) {
  return style.colour ? fmt::format("\033[1m{}\033[0m", text) : text;
}

std::string_view or_any(std::string_view value) {
  return value.empty() ? "any" : value;
}

std::string all_codes(const Style& style) {
  std::string out;
  for (const Code& code : codes())
    out += fmt::format("{}  {:<13}  {}\n", in_bold(std::string(code.code), style), or_any(code.hop), code.title);
  return out + "\nbehalf explain CODE says what happens, why, how to see it, and the cure in code.\n";
}

std::string page_of(const Code& code, const Style& style) {
  return fmt::format(
      "{}\n{}\n{}", in_bold(fmt::format("{}  {}", code.code, code.title), style),
      text_of_markdown(fmt::format("hop: {}, kind: {}. Cure: {}.\n", or_any(code.hop), or_any(code.kind), code.cure),
                       false, style.width),
      text_of_markdown(code.page, style.colour, style.width));
}

// A function of the row's source, from its first line to the brace that closes it at the margin.
std::string function_in(const std::string& source, const std::string& declaration) {
  const auto begin = source.find("\nextern \"C\" " + declaration + " {");
  if (begin == std::string::npos) return {};
  const auto end = source.find("\n}\n", begin);
  return end == std::string::npos ? std::string{} : source.substr(begin + 1, end + 2 - begin);
}

// The codes under which the row's findings go: that of its hop, and those of a kind of its own at that hop.
std::vector<const Code*> codes_of(const Row& row) {
  std::vector<const Code*> found = {&code_for(row.hop, "")};
  for (const Code& code : codes())
    if (!code.kind.empty() && !code.hop.empty() && code.hop == row.hop) found.push_back(&code);
  return found;
}

std::string row_of(const Row& row, const Style& style) {
  const bool nothing_wrong = row.works.size() == all_postures.size();
  std::string markdown = fmt::format("## What goes wrong\n\n{}\n\n## Where\n\n", row.wrong);
  markdown += fmt::format("* hop: {}\n", row.hop);
  if (!row.clock.empty()) markdown += fmt::format("* identity read by the clock: {}\n", row.clock);
  markdown += fmt::format("* works in the postures: {}\n",
                          row.works.empty() ? "none" : fmt::format("{}", fmt::join(row.works, ", ")));
  if (!row.source.empty()) markdown += fmt::format("* rests on: {}\n", row.source);
  markdown += fmt::format("\n## The cure\n\n{}\n", row.cure);
  std::string code;
  for (const char* function : {"void before_cured()", "int cured()"})
    if (const std::string text = function_in(row.code, function); !text.empty())
      code += (code.empty() ? "" : "\n") + text;
  if (!code.empty()) markdown += fmt::format("\nAs the survey runs it:\n\n```cpp\n{}```\n", code);
  markdown += fmt::format("\n## More\n\n    behalf survey {}\n", row.name);
  if (!nothing_wrong)
    for (const Code* page : codes_of(row))
      markdown += fmt::format("    behalf explain {}    # {}\n", page->code, page->title);
  return in_bold(fmt::format("{}/{}  {}", row.family, row.name, row.title), style) + "\n\n" +
         text_of_markdown(markdown, style.colour, style.width);
}

bool looks_like_a_code(const std::string& subject) {
  return subject.size() > 1 && std::toupper(static_cast<unsigned char>(subject[0])) == 'B' &&
         std::all_of(subject.begin() + 1, subject.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::string explanation(const std::string& subject, const Style& style) {
  if (subject.empty()) return all_codes(style);
  if (const Code* code = code_named(subject)) return page_of(*code, style);
  std::vector<std::string> names;
  for (const Code& code : codes()) names.emplace_back(code.code);
  if (looks_like_a_code(subject)) {
    std::string upper = subject;
    upper[0] = 'B';
    throw UsageError(fmt::format("no code '{}': the nearest is {} (behalf explain lists them)", subject,
                                 nearest(upper, names, 1).front()));
  }
  const std::vector<Row> rows = read_catalogue();
  for (const Row& row : rows)
    if (subject == row.name || subject == row.family + "/" + row.name) return row_of(row, style);
  for (const Row& row : rows) names.push_back(row.name);
  throw UsageError(fmt::format(
      "no code or operation '{}': the nearest is {} (behalf explain lists the codes, behalf survey the operations)",
      subject, nearest(subject, names, 1).front()));
}

}  // namespace behalf::tool
