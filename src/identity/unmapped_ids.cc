#include "identity/unmapped_ids.h"

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace behalf::detail {

namespace {

constexpr std::uint64_t all_ids = 4294967295;  // -1 is none

std::uint32_t overflow_id(const char* file) {
  std::uint32_t id = 65534;
  std::ifstream(file) >> id;
  return id;
}

bool maps_all(const char* map) {
  std::uint64_t inside = 1;
  std::uint64_t outside = 1;
  std::uint64_t count = 0;
  std::ifstream(map) >> inside >> outside >> count;
  return inside == 0 && count == all_ids;
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
