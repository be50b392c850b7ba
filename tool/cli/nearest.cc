#include "cli/nearest.h"

#include <algorithm>
#include <utility>

namespace behalf::tool {
namespace {

// How far two names are from each other, in letters changed.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::vector<std::string> nearest(const std::string& to, std::vector<std::string> names, std::size_t count) {
  std::sort(names.begin(), names.end(), [&](const auto& a, const auto& b) {
    return std::pair(distance(a, to), a) < std::pair(distance(b, to), b);
  });
  names.erase(std::unique(names.begin(), names.end()), names.end());
  names.resize(std::min(names.size(), count));
  return names;
}

}  // namespace behalf::tool
