// Follows a tree of processes through their identity-sensitive system calls: seccomp picks the calls, ptrace stops at
// them. One thread traces; it must be the parent that launched the tree, and every call here must come from it.
//
//     Tracer tracer{{.pinned = true}, observer};
//     tracer.adopt(pid);              // a child that waits to be adopted
//     tracer.run_until([&] { return tracer.empty(); }, limit);
//
// Cost per traced call, tracer and tracee on one CPU: two stops; one where the kernel tells results; see bench/.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "trace/channel.h"
#include "trace/event.h"
#include "trace/exit_report.h"
#include "trace/ring.h"
#include "trace/unwinder.h"

namespace behalf::tool {

// A mark is prctl(mark_option, kind, a, b, c) by the traced service.
struct Mark {
  int thread = 0;  // number
  unsigned long kind = 0;
  unsigned long a = 0, b = 0, c = 0;
};

// What the owner of a Tracer is told while it runs.
class Observer {
 public:
  virtual ~Observer() = default;
  // The thread stands at a mark, and goes on from it.
  virtual void on_mark(const Mark& mark) = 0;
  // An effect is about to happen; where it opens a file, its object may not be known yet. True: its stack is wanted.
  virtual bool wants_stack(const Effect& effect, const Credentials& as) = 0;
  // An effect is over, or its process is. True: its stack is wanted now, if there is none yet.
  virtual bool wants_stack_after(const Effect& effect) = 0;
  // A thread or process is being made. True: the stack of its maker is wanted.
  virtual bool wants_birth_stack(int maker) = 0;
  // The window that an event of this thread belongs to.
  virtual int window(int thread) = 0;
  // A process of the tree ended: the wait status.
  virtual void on_process_end(int thread, int status) = 0;
};

struct TracerOptions {
  // The CPUs that tracees are told they may use, whatever the tracer pinned them to; unset: the truth.
  std::optional<cpu_set_t> shown_affinity;
  // Record who wakes whom and who reads whose bytes; the tracees' filter must have been made for it.
  bool handoffs = false;
  // Record where files, connections and rings are opened.
  bool openings = false;
  // Record the births that the kernel refused, as effects: a stop more at each.
  bool refused_births = false;
  // Keep the bytes that each thread writes to descriptor 1.
  bool keep_output = false;
  // From so many effects on, results are told by the kernel where it will (exit_report.h), and calls are not stopped at
  // when they end: not sooner, since the first few would not repay the making of it.
  std::size_t results_told_after = 256;
  // Read ids from /proc alone, as on kernels before 6.13: for tests.
  bool ignore_pidfd_info = false;
};

class Tracer {
 public:
  using Clock = std::chrono::steady_clock;

  Tracer(TracerOptions options, Observer& observer);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Attaches to a child of the caller and all that it will make. Throws std::system_error.
  void adopt(pid_t pid);

  // Handles what happens until `done`, or the deadline. False: the deadline came first.
  bool run_until(const std::function<bool()>& done, Clock::time_point deadline);

  // Waits until every thread is blocked with no end of its own accord, and says so. A thread in a
  // finite wait, or an armed timer, is waited for until `bound`. False: the bound came first.
  enum class Quiet : std::uint8_t { quiet, lingering, busy, gone };
  Quiet run_until_quiet(Clock::duration bound, Clock::time_point deadline);

  // How long the tree's threads, and the tracer, were ready to run and had no CPU: the machine's doing, not theirs.
  Clock::duration time_without_cpu() const;

  // How long the tree's threads were on a CPU.
  Clock::duration time_on_cpu() const;

  // A thread of the tree runs, is ready to, or waits for a device or for the kernel: not all of them wait for another.
  bool is_under_way() const { return look() == Quiet::busy; }

  void kill_all();

  // What was seen.
  const std::vector<Thread>& threads() const { return threads_; }
  const std::vector<Effect>& effects() const { return effects_; }
  const std::vector<Handoff>& handoffs() const { return handoffs_; }
  const std::vector<Opening>& openings() const { return openings_; }
  const std::vector<SharedChange>& shared_changes() const { return shared_changes_; }
  const std::vector<IdentityCall>& identity_calls() const { return identity_calls_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  const std::set<std::string>& problems() const { return problems_; }
  CredentialsTable& credentials() { return credentials_; }
  // The stack of the first fatal signal in a process that runs no other program.
  const Stack& crash_stack() const { return crash_stack_; }
  std::uint64_t stops() const { return stops_; }
  std::uint64_t sequence() const { return sequence_; }
  bool empty() const { return live_.empty(); }

  // Who a live thread is now; and what all threads but `except` (the tree's init) wear now.
  std::optional<CredentialsTable::Id> worn_by(int thread);
  std::vector<State::Worn> worn_by_all(int except);
  std::optional<int> find_live(pid_t tid) const;
  // Stops the thread for it, and leaves it stopped: for the end of a leg.
  Stack stack_of(int thread);

 private:
  struct Live;
  struct Stopped;

  using Arguments = std::array<std::uint64_t, 6>;

  Live& born(pid_t tid, Live* parent, Birth birth);
  void ended(pid_t tid, int status);
  void dispatch(pid_t tid, int status);
  void at_birth(Live& parent, int event);
  void at_exec(pid_t tid);
  void at_seccomp(Live& live);
  void at_exit_stop(Live& live);
  void at_signal(Live& live, int signal);
  void resume(Live& live, int request, long signal = 0);

  // What the tracer does at a call of each role; true: its exit is wanted.
  bool enter(Live& live, const SystemCall& call, const Arguments& arguments);
  bool enter_effect(Live& live, const SystemCall& call, const Arguments& arguments);
  bool enter_identity(Live& live, const SystemCall& call);
  bool enter_shared(Live& live, const SystemCall& call);
  bool enter_timer(Live& live, const SystemCall& call, const Arguments& arguments);
  bool enter_ring(Live& live, const SystemCall& call, const Arguments& arguments);
  void enter_output(Live& live, const SystemCall& call, const Arguments& arguments);
  bool enter_causal(Live& live, const SystemCall& call, const Arguments& arguments);
  bool enter_futex(Live& live, const SystemCall& call, const Arguments& arguments);
  void leave_causal(Live& live, long result);
  void leave_futex(Live& live, long result);
  void leave_socketpair(Live& live);
  void connect_peers(const std::string& one, const std::string& other);
  void leave_accept(Live& live, long result);
  void enter_connect(Live& live, const Arguments& arguments);
  bool enter_epoll(Live& live, const SystemCall& call, const Arguments& arguments);
  void change_semaphore(Live& live, const Arguments& arguments, bool gives);
  void send_signal(Live& live, const SystemCall& call, const Arguments& arguments);
  void take_signal(Live& live, int signal);
  Giver giver(Live& live);
  void give(Live& live, const std::string& channel, std::uint64_t size);
  void take(Live& live, const std::string& channel, std::uint64_t size);
  bool enter_transfer(Live& live, const SystemCall& call, const Arguments& arguments);
  void leave_transfer(Live& live, long result);
  void take_from_outside(Live& live, const std::string& channel);
  void hand_over(Live& to, const std::string& kind, std::vector<Giver> givers);
  std::string channel_of(const Live& live, int descriptor) const;
  void leave_effect(Live& live, long result, bool stands_there = true);
  bool is_told(Live& live, const SystemCall& call);
  bool path_is_told(const Live& live, const SystemCall& call, const Arguments& arguments) const;
  void name(Effect& effect, std::string object) const;
  void name_by_report(Live& live);
  void take_report(Live& live, bool still, bool stands_there);
  void take_report_at_stop(Live& live);
  void take_what_is_told(Live& live);
  void take_reports();
  void leave_ring(Live& live, long result);
  void leave_shared(Live& live);
  void note_opening_by(Live& live, long result);
  void note_opening(Live& live, int descriptor, const std::string& object);
  void leave_affinity(Live& live, long result);

  void settle_rings();
  void add_ring_effects(Live& live, std::uint64_t ring, const std::vector<RingRequest>& requests);
  Effect& add_effect(Live& live, std::string call, std::string object, Decides decides, CredentialsTable::Id as);
  CredentialsTable::Id current(Live& live);
  void verify(Live& live, Effect& effect, const ThreadIds& truth);
  std::string object_of(Live& live, const SystemCall& call, const Arguments& arguments) const;
  bool timer_armed() const;
  Quiet look() const;

  TracerOptions options_;
  Observer& observer_;
  CredentialsTable credentials_;
  std::vector<Thread> threads_;
  std::vector<Effect> effects_;
  std::vector<IdentityCall> identity_calls_;
  std::vector<Output> outputs_;
  std::set<std::string> problems_;
  std::unique_ptr<ExitReporter> reporter_;  // outlives who is watched
  bool asked_for_reporter_ = false;
  std::unordered_map<pid_t, std::unique_ptr<Live>> live_;
  std::unordered_map<pid_t, int> early_;                             // stopped before its birth was reported
  std::map<std::array<std::uint64_t, 3>, Clock::time_point> armed_;  // (process, kind, id) of timers
  struct Asked {
    std::uint64_t ring, user_data;
    std::size_t effect;
    pid_t by;
  };
  std::vector<Asked> asked_;  // of rings, and not seen done
  RingTable rings_;
  std::vector<Handoff> handoffs_;
  std::vector<Opening> openings_;
  std::vector<SharedChange> shared_changes_;
  // A wake that may have reached somebody.
  struct Wake {
    std::uint64_t sequence;
    FutexWord word;
    std::size_t waiting;             // threads that were blocked on the word
    long woken;                      // -1: not told yet
    std::vector<std::size_t> edges;  // drawn from it
    bool disputed;                   // another wake may have been the one
    Giver by;
  };
  std::vector<Wake> wakes_;
  std::map<std::string, Channel> channels_;
  std::map<std::string, std::string> peers_;                  // of connected sockets, by their channels
  std::map<std::string, int> last_sent_;                      // the window in which something was, by channel
  std::map<std::string, std::deque<Connecting>> connecting_;  // by address: whose turn it is to be accepted
  Stack crash_stack_;
  Unwinder unwinder_;
  std::uint64_t sequence_ = 0;
  std::uint64_t stops_ = 0;
};

}  // namespace behalf::tool
