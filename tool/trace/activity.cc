#include "trace/activity.h"

#include <linux/futex.h>
#include <linux/io_uring.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "trace/memory.h"

namespace behalf::tool {
namespace {

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

// How a blocking call says when it ends.
enum class TimeOut : std::uint8_t { always, pointer, milliseconds };
struct Wait {
  long number;
  TimeOut time_out;
  int argument;
};
constexpr Wait waits[] = {
    {SYS_nanosleep, TimeOut::always, 0},         {SYS_clock_nanosleep, TimeOut::always, 0},
    {SYS_restart_syscall, TimeOut::always, 0},   {SYS_futex, TimeOut::pointer, 3},
    {SYS_futex_waitv, TimeOut::pointer, 3},      {SYS_ppoll, TimeOut::pointer, 2},
    {SYS_pselect6, TimeOut::pointer, 4},         {SYS_rt_sigtimedwait, TimeOut::pointer, 2},
    {SYS_epoll_pwait, TimeOut::milliseconds, 3}, {SYS_epoll_pwait2, TimeOut::pointer, 3},
    {SYS_semtimedop, TimeOut::pointer, 3},       {SYS_mq_timedreceive, TimeOut::pointer, 4},
    {SYS_mq_timedsend, TimeOut::pointer, 4},     {SYS_recvmmsg, TimeOut::pointer, 4},
    {SYS_io_getevents, TimeOut::pointer, 4},
#ifdef SYS_poll
    {SYS_poll, TimeOut::milliseconds, 2},        {SYS_select, TimeOut::pointer, 4},
    {SYS_epoll_wait, TimeOut::milliseconds, 3},
#endif
};

// Which system call a blocked thread is in: "NUMBER ARG... SP PC" (proc(5), /proc/pid/syscall).
bool ends_of_its_own_accord(pid_t tid) {
  std::istringstream words(read_file(fmt::format("/proc/{}/syscall", tid)));
  long number = -1;
  if (!(words >> number)) return false;
  std::uint64_t arguments[6] = {};
  for (std::uint64_t& argument : arguments) {
    std::string word;
    words >> word;
    argument = std::strtoull(word.c_str(), nullptr, 16);
  }
  if (number == SYS_io_uring_enter && (arguments[3] & IORING_ENTER_EXT_ARG)) {
    std::uint64_t time_out = 0;  // struct io_uring_getevents_arg, its last word
    return read_object(tid, arguments[4] + 16, time_out) && time_out != 0;
  }
  const auto* wait =
      std::find_if(std::begin(waits), std::end(waits), [&](const Wait& w) { return w.number == number; });
  if (wait == std::end(waits)) return false;
  const std::uint64_t argument = arguments[wait->argument];
  switch (wait->time_out) {
    case TimeOut::always:
      return true;
    case TimeOut::pointer:
      return argument != 0;
    case TimeOut::milliseconds:
      return static_cast<int>(argument) >= 0;
  }
  return false;
}

// A parent in vfork(2) waits for its child, uninterruptibly.
bool in_vfork(pid_t tid) {
  const long number = std::strtol(read_file(fmt::format("/proc/{}/syscall", tid)).c_str(), nullptr, 10);
#ifdef SYS_vfork
  if (number == SYS_vfork) return true;
#endif
  return number == SYS_clone || number == SYS_clone3;
}

}  // namespace

char state_of(pid_t tid) {
  const std::string stat = read_file(fmt::format("/proc/{}/stat", tid));
  const auto end = stat.rfind(')');  // the name before it may hold anything
  return end == std::string::npos || end + 2 >= stat.size() ? '\0' : stat[end + 2];
}

std::uint64_t run_count(pid_t tid) {
  const std::string stat = read_file(fmt::format("/proc/{}/schedstat", tid));
  const auto last = stat.rfind(' ');
  if (last != std::string::npos) return std::strtoull(stat.c_str() + last, nullptr, 10);
  // A kernel without CONFIG_SCHED_INFO: context switches tell the same.
  const std::string status = read_file(fmt::format("/proc/{}/status", tid));
  std::uint64_t switches = 0;
  for (const char* key : {"\nvoluntary_ctxt_switches:", "\nnonvoluntary_ctxt_switches:"}) {
    const auto at = status.find(key);
    if (at != std::string::npos) switches += std::strtoull(status.c_str() + status.find(':', at) + 1, nullptr, 10);
  }
  return switches;
}

// /proc/pid/schedstat is "ON-CPU WAITING TIMES" (Documentation/scheduler/sched-stats.rst).
std::chrono::nanoseconds time_on_cpu(pid_t tid) {
  return std::chrono::nanoseconds(std::strtoll(read_file(fmt::format("/proc/{}/schedstat", tid)).c_str(), nullptr, 10));
}

std::chrono::nanoseconds time_without_cpu(pid_t tid) {
  const std::string stat = read_file(fmt::format("/proc/{}/schedstat", tid));
  const auto second = stat.find(' ');
  return std::chrono::nanoseconds(second == std::string::npos ? 0 : std::strtoll(stat.c_str() + second, nullptr, 10));
}

Seen look_at(pid_t tid) {
  Seen seen;
  seen.runs = run_count(tid);
  switch (state_of(tid)) {
    case 'S':
      seen.activity = ends_of_its_own_accord(tid) ? Activity::lingering : Activity::waiting;
      break;
    case 'D':
      seen.activity = in_vfork(tid) ? Activity::waiting : Activity::running;
      break;
    case 'T':  // stopped by a signal: until somebody continues it
      seen.activity = Activity::waiting;
      break;
    case 'Z':
    case 'X':
    case '\0':
      seen.activity = Activity::gone;
      break;
    default:
      seen.activity = Activity::running;
  }
  return seen;
}

}  // namespace behalf::tool
