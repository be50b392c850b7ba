// The names that a misspelt one may have meant.
#pragma once

#include <string>
#include <vector>

namespace behalf::tool {

// At most `count` of them, the nearest first (by letters changed), each once.
std::vector<std::string> nearest(const std::string& to, std::vector<std::string> names, std::size_t count);

}  // namespace behalf::tool
