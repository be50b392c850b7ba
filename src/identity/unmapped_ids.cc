#include "identity/unmapped_ids.h"

#include <algorithm>
#include <cstdint>

#include "identity/numbers_in_file.h"

namespace behalf::detail {

namespace {

constexpr std::uint64_t all_ids = 4294967295;  // -1 is none

std::uint32_t overflow_id(const char* file) {
  const std::vector<std::uint64_t> numbers = numbers_in_file(file);
  return numbers.empty() ? 65534 : static_cast<std::uint32_t>(numbers.front());
}

bool maps_all(const char* map) {
  const std::vector<std::uint64_t> numbers = numbers_in_file(map);  // inside, outside, count
  return numbers.size() >= 3 && numbers[0] == 0 && numbers[2] == all_ids;
}

}  // namespace

bool is_overflow_id(uid_t uid) {
  return uid == overflow_id("/proc/sys/kernel/overflowuid");
}
bool may_be_unmapped(uid_t uid) {
  return is_overflow_id(uid) && !maps_all("/proc/self/uid_map");
}
bool may_be_unmapped(const std::vector<gid_t>& gids) {
  const gid_t stand_in = overflow_id("/proc/sys/kernel/overflowgid");
  return std::find(gids.begin(), gids.end(), stand_in) != gids.end() && !maps_all("/proc/self/gid_map");
}

}  // namespace behalf::detail
