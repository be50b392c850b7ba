// The stable codes of findings: one for each way in which identity goes astray.
#pragma once

#include <span>
#include <string_view>

namespace behalf::tool {

struct Code {
  std::string_view code;
  std::string_view hop;
  std::string_view kind;  // empty: any kind at this hop
  std::string_view title;
  std::string_view cure;
};

std::span<const Code> codes();
const Code& code_for(std::string_view hop, std::string_view kind);

}  // namespace behalf::tool
