// What a call did to what all threads of the process share. It is altered when it is another afterwards; and also when
// it was another for a while and has been put back, since the other threads had it meanwhile.
#pragma once

#include <string>
#include <vector>

#include "judge/leg.h"

namespace behalf::tool {

struct Alteration {
  std::string was, became;             // in words: "the umask stays 0022", "the umask is 0077"
  const SharedChange* seen = nullptr;  // where it was made, if that was seen
};

// Of that call of the leg, by its number; those that were seen being made come first.
std::vector<Alteration> alterations(const LegRecord& leg, std::size_t call);

}  // namespace behalf::tool
