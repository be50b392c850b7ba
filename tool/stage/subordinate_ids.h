// The ids that the machine lends an ordinary user to be other people with, in user namespaces of her own: subuid(5),
// subgid(5), newuidmap(1).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace behalf::tool {

struct IdRange {
  unsigned first = 0;
  unsigned count = 0;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

// The ranges that a text as subuid(5) has it gives a user, who is named or numbered there. Lines that are none are
// passed over, as newuidmap(1) does.
std::vector<IdRange> ranges_in(const std::string& text, const std::string& name, uid_t uid);

// The first id from 100000 on after which no range of the text has anything.
unsigned first_free_in(const std::string& text);

// One line of a map, as uid_map has it (user_namespaces(7)).
struct Extent {
  unsigned inside = 0, outside = 0, count = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

// The ids 0 to `wanted` - 1 of the inside, laid over the ranges in their order. Fewer where those do not suffice.
std::vector<Extent> laid_over(const std::vector<IdRange>& ranges, unsigned wanted);
unsigned ids_in(const std::vector<Extent>& map);

}  // namespace behalf::tool
