// System calls of which the n-th fails or lies, for one thread at a time.
#pragma once

#include <cerrno>
#include <string>

#include "identity/system_calls.h"

namespace behalf::testing {

// Which call is to go wrong, counted from 0 since the plan was put on; with a second one, after the first.
struct FaultPlan {
  long first = -1;
  long second = -1;
  int error = EPERM;
  bool silent = false;  // the call claims success and does nothing: only those that set something
};

// Puts a plan on for the calling thread; the constructor of the first installs the table.
void arm(const FaultPlan& plan);

struct Faults {
  long calls = 0;     // made since arm()
  bool hit = false;   // one of them went wrong
  std::string trace;  // their names
};

// Called before each call that is counted, from then on.
void watch_calls(void (*watcher)(const char* name));

// Takes the plan off.
Faults disarm();

}  // namespace behalf::testing
