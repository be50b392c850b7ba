#include "report/html_page.h"

#include <fmt/format.h>

#include "report/cure_page.h"
#include "report/html_style.h"
#include "report/reading.h"
#include "report/report.h"

namespace behalf::tool {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

// U+202A to U+202E and U+2066 to U+2069: they make text read as something that it is not.
bool reorders(std::string_view character) {
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(character[1]), third = static_cast<unsigned char>(character[2]);
  return (second == 0x80 && third >= 0xaa && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

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
    case '\n':
    case '\t':
      return {};
    default:
      return (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? replacement : std::string_view{};
  }
}

}  // namespace

std::string escaped(std::string_view bytes) {
  const std::string text = valid_utf8(bytes);
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (const std::string_view three = std::string_view(text).substr(at, 3); reorders(three)) {
      out += replacement;
      at += 2;
    } else if (const std::string_view escape = escape_of(text[at]); !escape.empty()) {
      out += escape;
    } else {
      out += text[at];
    }
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
