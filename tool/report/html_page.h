// What the pages have in common: one file with its style in it, that asks nothing of any network.
#pragma once

#include <string>
#include <string_view>

#include "judge/codes.h"
#include "judge/verdict.h"

namespace behalf::tool {

struct Report;

// For element content and for quoted attributes. Controls, and characters that reorder what is read, become U+FFFD.
std::string escaped(std::string_view bytes);

// JavaScript of our own. The page's policy lets nothing run but what has this hash, whoever got it into the page.
struct Script {
  std::string_view text;
  std::string_view sha256;  // in base64, of exactly the text
};

// A whole page. `body` is HTML; `title` is text; an empty script is none.
std::string page(std::string_view title, std::string_view body, const Script& script);

// A verdict as a small sign: a mark, the word, and a colour; never the colour alone.
std::string badge(Answer answer);

std::string code_badge(std::string_view code);

// What the report lacks, and why: a paragraph each.
std::string notes_of(const Report& report);

// The code's page, folded.
std::string folded_page(const Code& code);

}  // namespace behalf::tool
