// The tracer's part in what all threads of a process share, and one of them changes for all: umask and working
// directory (umask(2), chdir(2); CLONE_FS in clone(2)). A thread that has its own (unshare(2)) changes nothing for
// them.
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "trace/memory.h"
#include "trace/tracer_live.h"

namespace behalf::tool {
namespace {

struct Shared {
  int number;
  std::string_view what;
};
constexpr Shared table[] = {
    {SYS_umask, "the umask"},
    {SYS_chdir, "the working directory"},
    {SYS_fchdir, "the working directory"},
    {SYS_chroot, "the root directory"},
};

// As the thread has it now; empty when it is gone.
std::string seen_by(pid_t tid, const SystemCall& call) {
  if (call.number == SYS_umask) return status_field(read_file(fmt::format("/proc/{}/status", tid)), "Umask");
  return read_link(fmt::format("/proc/{}/{}", tid, call.number == SYS_chroot ? "root" : "cwd"));
}

// Where the kernel does not say (it may be built without kcmp(2)), what the other thread has afterwards must do: two
// that change their own at the same moment are then not told apart from one that changes both.
bool may_share(pid_t one, pid_t other) {
  const long order = syscall(SYS_kcmp, one, other, KCMP_FS, 0, 0);
  return order == 0 || (order < 0 && errno != ESRCH);
}

}  // namespace

std::string_view shared_by(const SystemCall& call) {
  for (const Shared& one : table)
    if (one.number == call.number) return one.what;
  return {};
}

bool Tracer::enter_shared(Live& live, const SystemCall& call) {
  live.beside.clear();
  const std::string_view what = shared_by(call);
  const int window = observer_.window(live.number);
  // The first change in a call says it all.
  if (what.empty() || window < 0 ||
      std::any_of(shared_changes_.begin(), shared_changes_.end(),
                  [&](const SharedChange& change) { return change.window == window && change.what == what; }))
    return false;
  for (const auto& [tid, other] : live_)
    if (other->process == live.process && tid != live.tid && may_share(live.tid, tid))
      live.beside.emplace_back(tid, seen_by(tid, call));
  return !live.beside.empty();
}

void Tracer::leave_shared(Live& live) {
  for (const auto& [tid, before] : std::exchange(live.beside, {})) {
    std::string now = seen_by(tid, *live.call);
    if (now.empty() || before.empty() || now == before) continue;
    shared_changes_.push_back({++sequence_, live.number, observer_.window(live.number),
                               std::string(shared_by(*live.call)), before, std::move(now),
                               unwinder_.unwind(live.process, live.tid)});
    return;
  }
}

}  // namespace behalf::tool
