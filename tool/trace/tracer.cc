#include "trace/tracer.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "trace/activity.h"
#include "trace/memory.h"
#include "trace/tracer_live.h"

namespace behalf::tool {
namespace {

using namespace std::chrono_literals;

constexpr long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;

// glibc runs a process-wide change of ids in every thread, in the handler of this signal (nptl(7)).
constexpr int setxid_signal = 33;

bool sent_by_the_kernel(pid_t tid) {
  siginfo_t info{};
  return ptrace(PTRACE_GETSIGINFO, tid, 0, &info) == 0 && info.si_code == SI_KERNEL;
}

// Wakes a blocked waitpid now and then, so that deadlines are seen; the handler does nothing on purpose. And no SIGCHLD
// comes at every stop: waitpid tells.
class Ticker {
 public:
  Ticker() {
    struct sigaction no_stops {};
    no_stops.sa_handler = SIG_DFL;
    no_stops.sa_flags = SA_NOCLDSTOP;
    sigaction(SIGCHLD, &no_stops, &before_children_);
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, &before_);  // no SA_RESTART: the wait is to end
    const itimerval every = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &every, nullptr);
  }
  ~Ticker() {
    const itimerval never = {};
    setitimer(ITIMER_REAL, &never, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
    sigaction(SIGCHLD, &before_children_, nullptr);
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  struct sigaction before_ {
  }, before_children_{};
};

// While there is one, a stop, or an end, of a tracee cuts a nap short: its SIGCHLD is kept until it is asked for.
class Nap {
 public:
  Nap() {
    sigemptyset(&child_);
    sigaddset(&child_, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_, &before_);
  }
  ~Nap() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  Nap(const Nap&) = delete;
  Nap& operator=(const Nap&) = delete;

  void take(std::chrono::microseconds at_most) const {
    const timespec time{at_most / 1s, (at_most % 1s) / 1ns};
    (void)sigtimedwait(&child_, nullptr, &time);
  }

 private:
  sigset_t child_{}, before_{};
};

Decides decides_of(const SystemCall& call, const std::array<std::uint64_t, 6>& arguments) {
  const auto is_keyring_of_user = [](std::uint64_t number) {
    return static_cast<int>(number) == KEY_SPEC_USER_KEYRING ||
           static_cast<int>(number) == KEY_SPEC_USER_SESSION_KEYRING;
  };
  // access(2): with AT_EACCESS the effective ids decide, as for an open.
  if (call.number == SYS_faccessat2 && (arguments[3] & AT_EACCESS)) return Decides::fs;
  // keyrings(7): the user's two keyrings are found by the real id.
  if (call.number == SYS_keyctl && is_keyring_of_user(arguments[1])) return Decides::real;
  if (call.number == SYS_add_key && is_keyring_of_user(arguments[4])) return Decides::real;
  return call.decides;
}

}  // namespace

Tracer::Tracer(TracerOptions given, Observer& observer) : options_(given), observer_(observer), rings_(&read_memory) {}

Tracer::~Tracer() {
  kill_all();
}

void Tracer::adopt(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, options) != 0)
    throw std::system_error(errno, std::generic_category(), "cannot trace the service (ptrace)");
  born(pid, nullptr, Birth::first);
}

Tracer::Live& Tracer::born(pid_t tid, Live* parent, Birth birth) {
  auto live = std::make_unique<Live>(tid);
  live->process = birth == Birth::thread && parent != nullptr ? parent->process : tid;
  live->number = static_cast<int>(threads_.size());
  if (options_.ignore_pidfd_info) live->handle.reset();
  Thread thread;
  thread.number = live->number;
  thread.tid = tid;
  thread.process = live->process;
  thread.birth = birth;
  thread.born = ++sequence_;
  if (parent != nullptr) {
    thread.parent = parent->number;
    live->names_relative = parent->names_relative;
    thread.born_in = observer_.window(parent->number);
    if (observer_.wants_birth_stack(parent->number))
      thread.made_at = unwinder_.unwind_maker(parent->process, parent->tid);
    live->as = current(*parent);  // clone copies the creator's credentials
    live->fresh = true;
  }
  thread.born_as = current(*live);
  threads_.push_back(std::move(thread));
  return *(live_[tid] = std::move(live));
}

void Tracer::ended(pid_t tid, int status) {
  const auto found = live_.find(tid);
  if (found == live_.end()) return;
  Live& live = *found->second;
  take_what_is_told(live);
  Thread& thread = threads_[static_cast<std::size_t>(live.number)];
  thread.ended = true;
  const bool whole = live.tid == live.process;
  const pid_t process = live.process;
  live_.erase(found);
  if (whole) {
    std::erase_if(armed_, [&](const auto& timer) { return timer.first[0] == static_cast<std::uint64_t>(process); });
    unwinder_.forget(process);
    observer_.on_process_end(thread.number, status);
  }
}

std::optional<int> Tracer::find_live(pid_t tid) const {
  const auto found = live_.find(tid);
  return found == live_.end() ? std::nullopt : std::optional(found->second->number);
}

CredentialsTable::Id Tracer::current(Live& live) {
  if (live.fresh) return live.as;
  if (const auto read = read_status_credentials(live.tid)) {
    live.as = credentials_.intern(*read);
    live.fresh = true;
  }
  return live.as;
}

std::optional<CredentialsTable::Id> Tracer::worn_by(int thread) {
  for (auto& [tid, live] : live_)
    if (live->number == thread) return current(*live);
  return std::nullopt;
}

std::vector<State::Worn> Tracer::worn_by_all(int except) {
  std::vector<State::Worn> worn;
  for (auto& [tid, live] : live_) {
    if (live->number == except || state_of(tid) == 'Z') continue;
    live->fresh = false;  // the truth, not the model
    worn.push_back({live->number, current(*live)});
  }
  std::sort(worn.begin(), worn.end(), [](const auto& a, const auto& b) { return a.thread < b.thread; });
  return worn;
}

Stack Tracer::stack_of(int thread) {
  for (const auto& [tid, live] : live_) {
    if (live->number != thread) continue;
    if (!live->stopped) {  // it runs, or is blocked: its registers can be read only when it is stopped
      if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) != 0) return {};
      int status = 0;
      if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status)) return {};
      live->stopped = true;
    }
    return unwinder_.unwind(live->process, tid);
  }
  return {};
}

void Tracer::resume(Live& live, int request, long signal) {
  // The thread may have been killed while it was stopped: its end is reported by waitpid.
  ptrace(static_cast<__ptrace_request>(request), live.tid, 0, signal);
}

void Tracer::kill_all() {
  take_reports();
  for (const auto& [tid, live] : live_)
    if (live->tid == live->process) kill(tid, SIGKILL);
  const auto deadline = Clock::now() + 5s;
  while (!live_.empty() && Clock::now() < deadline) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
    if (tid < 0) break;
    if (tid == 0) {
      std::this_thread::sleep_for(200us);
      continue;
    }
    if (WIFEXITED(status) || WIFSIGNALED(status))
      live_.erase(tid);
    else
      ptrace(PTRACE_CONT, tid, 0, 0);
  }
  live_.clear();
}

bool Tracer::run_until(const std::function<bool()>& done, Clock::time_point deadline) {
  const Ticker ticker;
  while (!done()) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL);
    if (tid > 0) {
      dispatch(tid, status);
    } else if (errno == ECHILD) {
      return done();
    }
    if (Clock::now() >= deadline) return done();
  }
  return true;
}

Tracer::Quiet Tracer::run_until_quiet(Clock::duration bound, Clock::time_point deadline) {
  // How long a look is good for. A thread that stops running tells nobody; one that lingers will, when it goes on and
  // does what is traced, and whether it does is to be known at the bound.
  constexpr auto shortest = 100us, while_busy = 1000us, while_lingering = 40000us;
  const auto start = Clock::now();
  const Nap nap;
  auto pause = shortest;
  for (;;) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
    if (tid > 0) {
      dispatch(tid, status);
      pause = shortest;
      continue;
    }
    if (tid < 0) return Quiet::gone;
    const Quiet now = look();
    if (now == Quiet::quiet) {
      take_reports();
      settle_rings();
      return now;
    }
    const auto time = Clock::now();
    if (time >= deadline || (now == Quiet::lingering && time - start >= bound)) {
      take_reports();
      settle_rings();
      return now;
    }
    const auto left = now == Quiet::lingering ? std::min(deadline, start + bound) - time : deadline - time;
    nap.take(std::min(pause, std::chrono::ceil<std::chrono::microseconds>(left)));
    pause = std::min(pause * 2, now == Quiet::lingering ? while_lingering : while_busy);
  }
}

Tracer::Clock::duration Tracer::time_without_cpu() const {
  auto sum = tool::time_without_cpu(static_cast<pid_t>(syscall(SYS_gettid)));
  for (const auto& [tid, live] : live_) sum += tool::time_without_cpu(tid);
  return sum;
}

Tracer::Clock::duration Tracer::time_on_cpu() const {
  Clock::duration sum{};
  for (const auto& [tid, live] : live_) sum += tool::time_on_cpu(tid);
  return sum;
}

Tracer::Quiet Tracer::look() const {
  // Two looks: when no thread ran between its own two, there was an instant at which all were blocked.
  bool lingers = timer_armed();
  bool all_ended = !live_.empty();
  std::vector<std::pair<pid_t, std::uint64_t>> counts;
  const auto at = [&](pid_t tid) {
    const Seen seen = look_at(tid);
    if (seen.activity == Activity::running) return false;
    all_ended = all_ended && seen.activity == Activity::gone;
    lingers = lingers || seen.activity == Activity::lingering;
    counts.emplace_back(tid, seen.runs);
    return true;
  };
  std::set<pid_t> ringed;
  for (const auto& [tid, live] : live_) {
    if (live->stopped || live->listening) {
      all_ended = false;
      continue;
    }
    if (!at(tid)) return Quiet::busy;
    if (live->has_ring) ringed.insert(live->process);
  }
  // The kernel's own threads that work for a ring are tasks of the process, but not tracees.
  for (const pid_t process : ringed) {
    for (const pid_t tid : tasks_of(process)) {
      if (live_.contains(tid)) continue;
      const bool polls = read_file(fmt::format("/proc/{}/task/{}/comm", process, tid)).starts_with("iou-sqp");
      const char state = state_of(tid);
      if (polls)
        lingers = lingers || state == 'R';
      else if (state == 'R' || state == 'D')
        return Quiet::busy;
    }
  }
  for (const auto& [tid, runs] : counts)
    if (run_count(tid) != runs || state_of(tid) == 'R' || state_of(tid) == 't') return Quiet::busy;
  if (all_ended) return Quiet::busy;  // that they have is still to be told
  return lingers ? Quiet::lingering : Quiet::quiet;
}

bool Tracer::timer_armed() const {
  const auto now = Clock::now();
  // A timer that has just fired has its helper still to come.
  return std::any_of(armed_.begin(), armed_.end(), [&](const auto& timer) { return timer.second + 2ms > now; });
}

void Tracer::dispatch(pid_t tid, int status) {
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    early_.erase(tid);
    ended(tid, status);
    return;
  }
  if (!WIFSTOPPED(status)) return;
  ++stops_;
  const int signal = WSTOPSIG(status), event = status >> 16;
  if (event == PTRACE_EVENT_EXEC) {
    at_exec(tid);
    return;
  }
  const auto found = live_.find(tid);
  if (found == live_.end()) {  // a newborn may stop before its birth is reported
    early_[tid] = status;
    return;
  }
  Live& live = *found->second;
  live.listening = false;
  if (live.asked) take_report_at_stop(live);
  switch (event) {
    case PTRACE_EVENT_SECCOMP:
      at_seccomp(live);
      return;
    case PTRACE_EVENT_CLONE:
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
      at_birth(live, event);
      return;
    case PTRACE_EVENT_STOP:
      if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
        live.listening = true;  // a group-stop: it goes on with SIGCONT, not with us
        resume(live, PTRACE_LISTEN);
      } else {
        resume(live, PTRACE_CONT);
      }
      return;
    case 0:
      if (signal == (SIGTRAP | 0x80))
        at_exit_stop(live);
      else
        at_signal(live, signal);
      return;
    default:
      resume(live, PTRACE_CONT);
  }
}

void Tracer::at_birth(Live& parent, int event) {
  unsigned long message = 0;
  if (ptrace(PTRACE_GETEVENTMSG, parent.tid, 0, &message) == 0 && message > 0 && message <= 0x7fffffff) {
    const auto tid = static_cast<pid_t>(message);
    Birth birth = event == PTRACE_EVENT_VFORK ? Birth::vfork : Birth::fork;
    // clone(2) makes a thread or a process: its thread group tells.
    if (event == PTRACE_EVENT_CLONE && in_process(tid, parent.process)) birth = Birth::thread;
    born(tid, &parent, birth);
    if (const auto early = early_.find(tid); early != early_.end()) {
      const int status = early->second;
      early_.erase(early);
      --stops_;
      dispatch(tid, status);
    }
  }
  resume(parent, parent.wants_exit() ? PTRACE_SYSCALL : PTRACE_CONT);
}

void Tracer::at_exec(pid_t tid) {
  unsigned long former = 0;
  ptrace(PTRACE_GETEVENTMSG, tid, 0, &former);
  // The thread that called execve takes the leader's number, and all the others are gone (execve(2)).
  if (static_cast<pid_t>(former) != tid && live_.contains(static_cast<pid_t>(former))) {
    auto moved = std::move(live_[static_cast<pid_t>(former)]);
    live_.erase(static_cast<pid_t>(former));
    if (const auto leader = live_.find(tid); leader != live_.end()) {
      take_what_is_told(*leader->second);
      threads_[static_cast<std::size_t>(leader->second->number)].ended = true;
    }
    moved->report.reset();
    moved->tid = tid;
    moved->handle.emplace(tid);
    if (options_.ignore_pidfd_info) moved->handle.reset();
    live_[tid] = std::move(moved);
  }
  const auto found = live_.find(tid);
  if (found == live_.end()) {
    ptrace(PTRACE_CONT, tid, 0, 0);
    return;
  }
  Live& live = *found->second;
  for (auto other = live_.begin(); other != live_.end();) {
    if (other->second->process == live.process && other->second->tid != tid) {
      take_what_is_told(*other->second);
      threads_[static_cast<std::size_t>(other->second->number)].ended = true;
      other = live_.erase(other);
    } else {
      ++other;
    }
  }
  live.fresh = false;
  live.has_ring = false;
  unwinder_.forget(live.process);
  std::erase_if(armed_, [&](const auto& timer) { return timer.first[0] == static_cast<std::uint64_t>(live.process); });
  Thread& thread = threads_[static_cast<std::size_t>(live.number)];
  thread.tid = tid;
  if (live.effect) {
    Effect& effect = effects_[*live.effect];
    thread.program = effect.object;
    effect.as = current(live);  // what the new program is left with
    leave_effect(live, 0);
  }
  live.call = nullptr;
  resume(live, PTRACE_CONT);
}

void Tracer::at_signal(Live& live, int signal) {
  if (signal == SIGSTOP && live.owes_stop && sent_by_the_kernel(live.tid)) {
    live.owes_stop = false;  // what it was sent for has been seen to
    resume(live, PTRACE_CONT);
    return;
  }
  if (signal == setxid_signal) live.in_setxid = true;
  if (options_.handoffs) take_signal(live, signal);
  if (signal == SIGSEGV || signal == SIGABRT || signal == SIGBUS || signal == SIGILL || signal == SIGFPE) {
    live.last_fatal = signal;
    Thread& thread = threads_[static_cast<std::size_t>(live.number)];
    if (crash_stack_.empty() && thread.program.empty()) crash_stack_ = unwinder_.unwind(live.process, live.tid);
  }
  resume(live, live.wants_exit() ? PTRACE_SYSCALL : PTRACE_CONT, signal);
}

void Tracer::at_seccomp(Live& live) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, live.tid, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_SECCOMP) {
    resume(live, PTRACE_CONT);
    return;
  }
  Arguments arguments{};
  std::copy(std::begin(info.seccomp.args), std::end(info.seccomp.args), arguments.begin());
  const SystemCall* call = find_system_call(static_cast<int>(info.seccomp.nr));
  if (info.arch != native_architecture || call == nullptr) {
    problems_.insert("a system call of a foreign architecture was made: it cannot be judged");
    resume(live, PTRACE_CONT);
    return;
  }
  live.call = call;
  live.arguments = arguments;
  live.at_instruction = info.instruction_pointer;
  live.at_stack = info.stack_pointer;
  if (enter(live, *call, arguments)) {
    resume(live, PTRACE_SYSCALL);
  } else {
    live.call = nullptr;
    resume(live, PTRACE_CONT);
  }
}

bool Tracer::enter(Live& live, const SystemCall& call, const Arguments& arguments) {
  const bool wanted = options_.handoffs && enter_causal(live, call, arguments);
  switch (call.role) {
    case Role::identity:
      return enter_identity(live, call);
    case Role::effect:
      enter_shared(live, call);
      return enter_effect(live, call, arguments);
    case Role::shared:
      return enter_shared(live, call);
    case Role::timer:
      return enter_timer(live, call, arguments);
    case Role::ring:
      return enter_ring(live, call, arguments);
    case Role::output:
      if (arguments[0] == 1) enter_output(live, call, arguments);
      return wanted;
    case Role::affinity:
      return options_.shown_affinity.has_value();
    case Role::causal:
      return wanted;
    case Role::birth: {
      std::uint64_t flags = arguments[0];
      if (call.number == SYS_clone3) read_object(live.tid, arguments[0], flags);
      if (flags & CLONE_UNTRACED)
        problems_.insert("a thread or process was made with CLONE_UNTRACED: it cannot be followed");
      return options_.refused_births;
    }
    case Role::mark:
      if (arguments[0] != mark_option) return enter_identity(live, call);
      observer_.on_mark({live.number, arguments[1], arguments[2], arguments[3], arguments[4]});
      return false;
  }
  return false;
}

bool Tracer::enter_identity(Live& live, const SystemCall& call) {
  settle_rings();  // what a ring has done until now, it has done under what the thread wears until now
  live.fresh = false;
  identity_calls_.push_back(
      {++sequence_, live.number, observer_.window(live.number), std::string(call.name), live.in_setxid});
  live.in_setxid = false;
  return false;
}

Effect& Tracer::add_effect(Live& live, std::string call, std::string object, Decides decides, CredentialsTable::Id as) {
  Effect effect;
  effect.sequence = ++sequence_;
  effect.thread = live.number;
  effect.window = observer_.window(live.number);
  effect.call = std::move(call);
  effect.object = std::move(object);
  effect.decides = decides;
  effect.as = as;
  return effects_.emplace_back(std::move(effect));
}

// What a thread does to the session and thread keyring of its own credentials is part of who it is, as its ids are:
// what it then finds in them is an effect (session-keyring(7), thread-keyring(7)).
static bool prepares_own_keyrings(const SystemCall& call, const std::array<std::uint64_t, 6>& arguments) {
  if (call.number != SYS_keyctl) return false;
  if (arguments[0] == KEYCTL_JOIN_SESSION_KEYRING) return true;
  return (arguments[0] == KEYCTL_GET_KEYRING_ID || arguments[0] == KEYCTL_CLEAR) &&
         static_cast<int>(arguments[1]) == KEY_SPEC_THREAD_KEYRING;
}

bool Tracer::enter_effect(Live& live, const SystemCall& call, const Arguments& arguments) {
  if (prepares_own_keyrings(call, arguments)) return false;
  constexpr std::size_t most_effects = 100000;
  if (effects_.size() >= most_effects) {
    problems_.insert("more than 100000 effects in one leg: the rest was not judged");
    return false;
  }
  if (call.number == SYS_prlimit64 && arguments[2] == 0) return false;  // it only asks
  const bool told = is_told(live, call);
  bool path_told = told && path_is_told(live, call, arguments);
  std::string object = path_told ? std::string() : object_of(live, call, arguments);
  // Of its own process, or of no name: no effect.
  if (object.empty() && call.object != Object::none && !path_told) return false;
  Effect& effect =
      add_effect(live, std::string(call.name), std::move(object), decides_of(call, arguments), current(live));
  live.effect = effects_.size() - 1;
  effect.reads = only_reads(call, arguments);
  if (call.object == Object::path_at)
    if (const int directory = static_cast<int>(arguments[static_cast<std::size_t>(call.directory)]); directory >= 0)
      effect.through = directory;
  if (live.handle && !(told && reporter_->tells_ids()))
    if (const auto truth = live.handle->ids()) verify(live, effect, *truth);
  if (effect.decides != Decides::program && observer_.wants_stack(effect, credentials_[effect.as])) {
    effect.stack = unwinder_.unwind(live.process, live.tid);
    if (std::exchange(path_told, false)) name(effect, object_of(live, call, arguments));
  }
  if (!told) return true;
  live.report->ask(path_told ? arguments[static_cast<std::size_t>(call.at)] : 0);
  live.asked = true;
  return false;
}

void Tracer::note_opening(Live& live, int descriptor, const std::string& object) {
  constexpr std::size_t most_openings = 2000;
  if (!options_.openings || openings_.size() >= most_openings) return;
  openings_.push_back({++sequence_, live.number, observer_.window(live.number), descriptor,
                       std::string(live.call->name), object, current(live), unwinder_.unwind(live.process, live.tid)});
}

void Tracer::note_opening_by(Live& live, long result) {
  const std::string& object = effects_[*live.effect].object;
  if (opens(*live.call) && result >= 0) note_opening(live, static_cast<int>(result), object);
  if (live.call->object == Object::socket_address && (result == 0 || result == -EINPROGRESS))
    note_opening(live, static_cast<int>(live.arguments[0]), object);
}

void Tracer::leave_effect(Live& live, long result, bool stands_there) {
  if (!live.effect) return;
  Effect& effect = effects_[*live.effect];
  effect.result = result;
  effect.finished = true;
  live.effect.reset();
  if (effect.stack.empty() && stands_there && observer_.wants_stack_after(effect))
    effect.stack = unwinder_.unwind(live.process, live.tid);
}

void Tracer::at_exit_stop(Live& live) {
  __ptrace_syscall_info info{};
  long result = -EINTR;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, live.tid, sizeof info, &info) > 0 && info.op == PTRACE_SYSCALL_INFO_EXIT)
    result = static_cast<long>(info.exit.rval);
  if (live.call != nullptr) {
    switch (live.call->role) {
      case Role::effect:
        if (live.effect) note_opening_by(live, result);
        leave_effect(live, result);
        leave_shared(live);
        break;
      case Role::shared:
        leave_shared(live);
        break;
      case Role::ring:
        leave_ring(live, result);
        break;
      case Role::affinity:
        leave_affinity(live, result);
        break;
      case Role::causal:
      case Role::output:
        leave_causal(live, result);
        break;
      case Role::birth:
        if (result < 0) {
          Effect& refused = add_effect(live, std::string(live.call->name), "", Decides::power, current(live));
          refused.result = result;
          refused.finished = true;
        }
        break;
      default:
        break;
    }
  }
  live.call = nullptr;
  resume(live, PTRACE_CONT);
}

void Tracer::leave_affinity(Live& live, long result) {
  if (live.call->number == SYS_sched_setaffinity) {
    if (result == 0) options_.shown_affinity.reset();  // from here on it is as the program wants it
    return;
  }
  if (result > 0 && options_.shown_affinity)
    write_memory(live.tid, live.arguments[2], &*options_.shown_affinity,
                 std::min(static_cast<std::size_t>(result), sizeof(cpu_set_t)));
}

bool Tracer::enter_timer(Live& live, const SystemCall& call, const Arguments& arguments) {
  const auto process = static_cast<std::uint64_t>(live.process), kind = static_cast<std::uint64_t>(call.number);
  if (call.number == SYS_timer_delete) {
    armed_.erase({process, SYS_timer_settime, arguments[0]});
    return false;
  }
#ifdef SYS_alarm
  if (call.number == SYS_alarm) {
    armed_[{process, kind, 0}] = Clock::now() + std::chrono::seconds(arguments[0]);
    return false;
  }
#endif
  // setitimer(which, new, old) counts in microseconds; the others (id, flags, new, old) in nanoseconds.
  const bool interval_timer = call.number == SYS_setitimer;
  struct {
    std::int64_t every_seconds, every_fraction, seconds, fraction;
  } value{};
  if (!read_object(live.tid, arguments[interval_timer ? 1 : 2], value)) return false;
  const std::array<std::uint64_t, 3> key = {process, kind, arguments[0]};
  if (value.seconds == 0 && value.fraction == 0) {
    armed_.erase(key);
    return false;
  }
  const auto of = [&](std::int64_t seconds, std::int64_t fraction) {
    return std::chrono::nanoseconds(seconds * 1'000'000'000 + fraction * (interval_timer ? 1000 : 1));
  };
  auto delay = of(std::min<std::int64_t>(value.seconds, 4'000'000'000), value.fraction);
  if (!interval_timer && (arguments[1] & TIMER_ABSTIME)) {
    timespec now{};
    clock_gettime(delay > 1'000'000'000s ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    delay -= of(now.tv_sec, now.tv_nsec);
  }
  const bool repeats = value.every_seconds != 0 || value.every_fraction != 0;
  armed_[key] = repeats ? Clock::time_point::max() - 1h : Clock::now() + delay;
  return false;
}

void Tracer::enter_output(Live& live, const SystemCall& call, const Arguments& arguments) {
  if (!options_.keep_output) return;
  constexpr std::size_t most = 64 << 20;
  Output output;
  output.sequence = ++sequence_;
  output.thread = live.number;
  const auto take = [&](std::uint64_t from, std::uint64_t size) {
    output.bytes += read_memory(live.tid, from, std::min<std::size_t>(size, most - output.bytes.size()));
  };
  if (call.number == SYS_write) {
    take(arguments[1], arguments[2]);
  } else if (call.number == SYS_writev) {
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(arguments[2], 64); ++i) {
      struct {
        std::uint64_t base, size;
      } piece{};
      if (!read_object(live.tid, arguments[1] + i * sizeof piece, piece)) break;
      take(piece.base, piece.size);
    }
  } else {
    return;
  }
  outputs_.push_back(std::move(output));
}

}  // namespace behalf::tool
