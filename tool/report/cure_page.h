// The page of a code, for readers: as text for a terminal, and as HTML.
#pragma once

#include <string>
#include <string_view>

namespace behalf::tool {

// Headings at the margin, paragraphs wrapped at `width`, code as it stands. With `colour`, headings are bold and code
// in a line is coloured; without, nothing but text.
std::string text_of_markdown(std::string_view markdown, bool colour, int width);

// HTML for the body of a page; headings begin at <h`level`>.
std::string html_of_markdown(std::string_view markdown, int level);

}  // namespace behalf::tool
