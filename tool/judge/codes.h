// The stable codes of findings: one for each way in which identity goes astray. Each is a page of docs/cures, which are
// part of the tool.
#pragma once

#include <span>
#include <string_view>

namespace behalf::tool {

struct Code {
  std::string_view code;
  std::string_view hop;   // empty: any
  std::string_view kind;  // empty: any
  std::string_view title;
  std::string_view cure;
  std::string_view page;  // markdown, without its head
};

// In the order of their numbers.
std::span<const Code> codes();

// The one that says most: a code of that kind before one of that hop.
const Code& code_for(std::string_view hop, std::string_view kind);

// Null where there is none. `name` in any case.
const Code* code_named(std::string_view name);

// The text below a heading of a page, up to the next one.
std::string_view section_of(const Code& code, std::string_view heading);

}  // namespace behalf::tool
