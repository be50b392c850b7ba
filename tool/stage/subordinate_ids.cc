#include "stage/subordinate_ids.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string_view>

namespace behalf::tool {
namespace {

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

struct Line {
  std::string_view owner;
  IdRange range;
};

// "OWNER:FIRST:COUNT"; a range that would leave the numbers that ids have is none.
std::optional<Line> read_line(std::string_view line) {
  const auto first = line.find(':'), second = first == line.npos ? line.npos : line.find(':', first + 1);
  if (second == line.npos || first == 0) return std::nullopt;
  const auto begin = number(line.substr(first + 1, second - first - 1)), count = number(line.substr(second + 1));
  if (!begin || !count || *count == 0 || *begin > ~0U - *count) return std::nullopt;
  return Line{line.substr(0, first), {*begin, *count}};
}

}  // namespace

std::vector<IdRange> ranges_in(const std::string& text, const std::string& name, uid_t uid) {
  std::vector<IdRange> ranges;
  const std::string by_number = std::to_string(uid);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const auto read = read_line(line); read && (read->owner == name || read->owner == by_number))
      ranges.push_back(read->range);
  return ranges;
}

unsigned first_free_in(const std::string& text) {
  unsigned free = 100000;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const auto read = read_line(line)) free = std::max(free, read->range.first + read->range.count);
  return free;
}

std::vector<Extent> laid_over(const std::vector<IdRange>& ranges, unsigned wanted) {
  std::vector<Extent> map;
  unsigned next = 0;
  for (const IdRange& range : ranges) {
    if (next == wanted) break;
    const unsigned count = std::min(range.count, wanted - next);
    map.push_back({next, range.first, count});
    next += count;
  }
  return map;
}

unsigned ids_in(const std::vector<Extent>& map) {
  return map.empty() ? 0 : map.back().inside + map.back().count;
}

}  // namespace behalf::tool
