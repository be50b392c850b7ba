// Launch: what a child does between clone(2) and execve(2). It shares the service's memory, whose other threads go on
// meanwhile: it makes system calls, by the seam, and nothing else. Whatever it needs has been put together before.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>

#include "behalf/spawn.h"
#include "identity/credentials.h"
#include "identity/system_calls.h"

namespace behalf::detail {

struct Launch {
  const SystemCalls* calls = nullptr;

  uid_t uid = 0;
  gid_t gid = 0;
  const gid_t* groups = nullptr;  // sorted
  std::size_t group_count = 0;
  gid_t* scratch = nullptr;  // room for one group more
  uid_t service_uid = 0;
  gid_t service_gid = 0;

  bool keyrings = false;     // the kernel has them
  Capabilities to_drop = 0;  // of the bounding set
  bool no_new_privileges = false;
  bool new_session = false;
  bool take_terminal = false;

  const GivenDescriptor* descriptors = nullptr;  // sorted by `there`
  std::size_t descriptor_count = 0;
  int* copies = nullptr;  // room for as many

  const ResourceLimit* limits = nullptr;
  std::size_t limit_count = 0;
  const char* directory = nullptr;
  mode_t umask = 0;
  const char* const* programs = nullptr;  // tried in turn; ends with null
  char* const* argv = nullptr;
  char* const* environment = nullptr;

  // What is told: the step that is being done; where it failed, its errno, 0 where it claimed success and the kernel's
  // state is another.
  const char* volatile step = nullptr;
  volatile bool failed = false;
  volatile int error = 0;
};

// The child. Returns, to end it, where a step failed.
int launch(void* launch) noexcept;

// The last of the steps: a child that has come so far without failing executes a program, or was killed trying to.
const char* last_step() noexcept;

}  // namespace behalf::detail
