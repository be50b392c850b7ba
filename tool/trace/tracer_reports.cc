// The tracer's part in exit reports: a call whose result the kernel tells is let go at its entry, and what it came to
// is taken at the thread's next stop, its end, or when all is quiet.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "trace/memory.h"
#include "trace/tracer_live.h"

namespace behalf::tool {
namespace {

// ERESTARTSYS and its like: the kernel's own word for a call that a signal broke off, which no program sees.
bool interrupted(std::int64_t result) {
  return result <= -512 && result >= -516;
}

}  // namespace

bool Tracer::is_told(Live& live, const SystemCall& call) {
  // An execve ends in an event of its own; an opening is noted where it ends, with its stack; and what a call changed
  // for all threads is looked at before it can be taken back.
  if (options_.openings || call.decides == Decides::program || !shared_by(call).empty()) return false;
  if (effects_.size() < options_.results_told_after) return false;
  if (!asked_for_reporter_) {
    asked_for_reporter_ = true;
    reporter_ = ExitReporter::open();
  }
  if (reporter_ && !live.report) {
    if (auto watch = reporter_->watch(live.tid)) live.report.emplace(std::move(*watch));
  }
  return live.report.has_value();
}

// A call that opens writes nothing over its own path. Where the directory is a descriptor, though, it may be closed by
// the time that the path is known.
bool Tracer::path_is_told(const Live& live, const SystemCall& call, const Arguments& arguments) const {
  if (live.names_relative || !opens(call)) return false;
  return call.object == Object::path ||
         (call.object == Object::path_at &&
          static_cast<int>(arguments[static_cast<std::size_t>(call.directory)]) == AT_FDCWD);
}

void Tracer::name(Effect& effect, std::string object) const {
  effect.object = std::move(object);
  if (effect.object.empty()) effect.decides = Decides::none;  // no name that leads anywhere: no effect on anything
}

void Tracer::name_by_report(Live& live) {
  const ExitReport& report = live.report->report();
  if (report.path_at == 0) return;
  std::string path(report.path_told());
  if (report.path_size <= 0) path = read_string(live.tid, report.path_at);
  if (path.empty() && report.path_size != 1 && report.result != -EFAULT)
    problems_.insert("the path of a call could not be read: what it did was not judged");
  if (!path.empty() && path.front() != '/') {
    live.names_relative = true;
    if (read_link(fmt::format("/proc/{}/cwd", live.tid)).empty())
      problems_.insert("a relative path's directory was gone before it was seen: what was done there was not judged");
  }
  name(effects_[*live.effect], absolute(live.tid, AT_FDCWD, std::move(path)));
}

// Track, then verify: the model must say what the kernel says.
void Tracer::verify(Live& live, Effect& effect, const ThreadIds& truth) {
  Credentials model = credentials_[effect.as];
  if (truth == ThreadIds{model.uid, model.gid}) return;
  problems_.insert(
      fmt::format("a thread's credentials changed unseen: {} was expected at {}", describe(model), effect.call));
  live.fresh = false;
  model.uid = truth.uid;
  model.gid = truth.gid;
  effect.as = credentials_.intern(model);
}

// `still`: it has not stopped since, and so was not interrupted but by its own end.
void Tracer::take_report(Live& live, bool still, bool stands_there) {
  if (!live.asked || !live.report->told()) return;
  live.asked = false;
  const ExitReport& report = live.report->report();
  live.owes_stop = live.owes_stop || report.stop_sent != 0;
  if (report.ids_unread == 0)
    verify(live, effects_[*live.effect], report.ids_told());
  else if (reporter_->tells_ids())
    problems_.insert("the kernel did not tell whose a call was: it cannot be judged");
  name_by_report(live);
  if (still && interrupted(report.result))
    live.effect.reset();
  else
    leave_effect(live, static_cast<long>(report.result), stands_there);
}

void Tracer::take_report_at_stop(Live& live) {
  // Refused: does the thread still stand where it made the call?
  bool stands_there = false;
  if (live.report->report().stop_sent != 0) {
    __ptrace_syscall_info info{};
    stands_there = ptrace(PTRACE_GET_SYSCALL_INFO, live.tid, sizeof info, &info) > 0 &&
                   info.op != PTRACE_SYSCALL_INFO_SECCOMP && info.instruction_pointer == live.at_instruction &&
                   info.stack_pointer == live.at_stack;
  }
  take_report(live, false, stands_there);
  if (!live.asked) return;
  // A thread that stops has left the call, whatever it was told.
  live.asked = false;
  live.effect.reset();
  problems_.insert("the kernel did not tell what a call came to: it cannot be judged");
}

void Tracer::take_what_is_told(Live& live) {
  take_report(live, true, false);
  if (live.asked && effects_[*live.effect].object.empty()) name_by_report(live);  // it is in the call, or died there
}

void Tracer::take_reports() {
  for (const auto& [tid, live] : live_) take_what_is_told(*live);
}

}  // namespace behalf::tool
