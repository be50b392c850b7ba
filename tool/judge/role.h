// What a thread is to the call in which it acted: how it came to be, and so by which hop the work reached it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "judge/leg.h"
#include "trace/symbolizer.h"

namespace behalf::tool {

struct ThreadRole {
  std::string hop, clock;
  std::string words;  // "a thread made before the call"
  std::string created_by;
  std::vector<NamedFrame> made_at;  // the stack of its maker, where it is known
};

// `window` is the call that the thread acted in; `stack` what it did there, where it is known.
ThreadRole thread_role(const LegRecord& leg, int thread, int window, const std::vector<NamedFrame>& stack,
                       const std::function<std::vector<NamedFrame>(const Stack&)>& name);

}  // namespace behalf::tool
