#include "report/html_page.h"

#include <fmt/format.h>

#include "report/cure_page.h"
#include "report/html_style.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

std::string_view escape_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

}  // namespace

std::string escaped(std::string_view bytes) {
  const std::string text = legible(bytes);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    if (const std::string_view escape = escape_of(c); !escape.empty())
      out += escape;
    else
      out += c;
  }
  return out;
}

std::string page(std::string_view title, std::string_view body, const Script& script) {
  // The policy holds even where this page is served by somebody else: nothing is loaded, nothing is sent.
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'{}; "
      "base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light "
      "dark\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}{}</body>\n</html>\n",
      script.text.empty() ? "" : fmt::format("; script-src 'sha256-{}'", script.sha256), escaped(title), page_style,
      body, script.text.empty() ? "" : fmt::format("<script>{}</script>\n", script.text));
}

std::string badge(Answer answer) {
  constexpr std::string_view marks[] = {"\u2713", "\u2717", "?"};
  const std::string_view word = to_string(answer);
  return fmt::format("<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span>\u00a0{}</span>", word,
                     marks[static_cast<int>(answer)], word);
}

std::string code_badge(std::string_view code) {
  return fmt::format("<code class=\"code\">{}</code>", escaped(code));
}

std::string notes_of(const Report& report) {
  std::string out;
  if (report.suppressions) out += fmt::format("<p>Suppressions: {}.</p>", escaped(summary_of(*report.suppressions)));
  for (const std::string& note : report.notes) out += fmt::format("<p class=\"note\">{}</p>", escaped(note));
  return out;
}

std::string folded_page(const Code& code) {
  return fmt::format("<details class=\"page\"><summary>What {} is, and the cure in code</summary>{}</details>",
                     escaped(code.code), html_of_markdown(code.page, 4));
}

}  // namespace behalf::tool
