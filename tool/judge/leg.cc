#include "judge/leg.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "call/prototype.h"
#include "judge/expectation.h"
#include "judge/leftover.h"
#include "judge/needs_root.h"
#include "service/marks.h"
#include "stage/end_with.h"
#include "trace/filter.h"
#include "trace/memory.h"
#include "trace/tracer.h"

namespace behalf::tool {
namespace {

using namespace std::chrono_literals;
using Clock = Tracer::Clock;

constexpr off_t most_output = 64 << 20;
constexpr std::size_t most_compared_by_word = 1 << 20;

// The ends of the talk between the tracer and the stage's first process.
struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
    read = ends[0];
    write = ends[1];
  }
  ~Pipe() {
    close(read);
    close(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void close_write() { close(std::exchange(write, -1)); }
};

// ---------------------------------------------------------------------------------------------------------------
// On the stage

struct Cast {
  const Operation& operation;
  const LegPlan& plan;
  const DaemonData& daemon_data;
  int service_program;
  int output;
  int gate;  // the service waits here at its marks
  std::vector<sock_filter> filter;
};

[[noreturn]] void be_the_service(const Cast& cast) {
  const Account& person = account(cast.plan.oracle.empty() ? service_name : cast.plan.oracle);
  const int null = open("/dev/null", O_RDWR);
  if (dup2(null, 0) < 0 || dup2(cast.output, 1) < 0 || dup2(null, 2) < 0)
    throw std::system_error(errno, std::generic_category(), "dup2");
  // The service's program is opened by us, so that no folder of the stage need lead to it.
  const int program = fcntl(cast.service_program, F_DUPFD_CLOEXEC, 3);
  std::vector<std::string> words = {"behalf-service", "--operation", cast.operation.call, "--calls",
                                    fmt::format("{}", fmt::join(cast.plan.calls, ","))};
  const auto say = [&](const char* key, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {key, value});
  };
  say("--library", cast.operation.library);
  for (const std::string& call : cast.operation.setup) say("--setup", call);
  say("--posture", cast.plan.posture);
  say("--shield", cast.plan.posture.empty() ? "" : std::string(shield_name));
  const int gate = dup(cast.gate);  // without close-on-exec
  say("--gate", std::to_string(gate));
  say("--rounds", cast.plan.rounds > 0 ? std::to_string(cast.plan.rounds) : "");
  std::vector<std::string> environment =
      environment_of(cast.plan.environment.empty() ? person : account(cast.plan.environment));
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : environment) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  // As a server has them, and not as whoever started the tool does (nohup(1)).
  for (int number = 1; number < NSIG; ++number) signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
  // As root, before becoming anybody: so NO_NEW_PRIVS is not needed, and set-user-ID programs stay what they are. The
  // root of a user namespace may do so too: it has CAP_SYS_ADMIN in its own (seccomp(2)).
  if (const int error = install_filter(cast.filter); error != 0)
    throw std::system_error(error, std::generic_category(), "installing the seccomp filter");
  become(person);
  execveat(program, "", argv.data(), envp.data(), AT_EMPTY_PATH);
  throw std::system_error(errno, std::generic_category(), "starting the service");
}

// The first process of the stage: makes it, starts what the service talks to, lets itself be traced, starts the
// service, reaps, and takes all with it when it ends. The daemons were there before the tracer, who so sees nothing of
// them.
[[noreturn]] void be_the_first(const Cast& cast, const Pipe& staged, const Pipe& go, const Pipe& trouble) {
  const auto give_up = [&](const char* what) {
    [[maybe_unused]] const ssize_t written = write(trouble.write, what, std::strlen(what));
    _exit(69);
  };
  try {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Becoming root forgets that for a while. A tool that is killed meanwhile is seen at these pipes, whose other ends
    // are so to be its alone.
    close(go.write);
    close(staged.read);
    setsid();
    std::vector<Account> of_daemons;
    for (const std::string& name : cast.operation.daemons) of_daemons.push_back(account_of(daemon_named(name)));
    enter_stage(cast.operation.shown, of_daemons);
    // Both are forgotten where becoming root was a change (prctl(2)): that we end with the tracer, and that it may
    // trace.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 1);
    start_daemons(cast.operation.daemons, cast.daemon_data);
    char start = 0;
    if (write(staged.write, "s", 1) != 1 || read(go.read, &start, 1) != 1) _exit(69);
    const pid_t service = fork();
    if (service < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (service == 0) {
      try {
        be_the_service(cast);
      } catch (const std::exception& error) {
        give_up(error.what());
      }
    }
    close(cast.output);
    for (pid_t child = 0; child != service;) {
      child = waitpid(-1, nullptr, 0);
      if (child < 0 && errno != EINTR) break;
    }
    _exit(0);
  } catch (const std::exception& error) {
    give_up(error.what());
  }
  _exit(69);
}

// ---------------------------------------------------------------------------------------------------------------
// Outside

class LegObserver : public Observer {
 public:
  LegObserver(const LegPlan& plan, LegRecord& record) : plan_(plan), record_(record) {
    for (unsigned round = 0; round < std::max(1U, plan.rounds); ++round)
      for (const std::string& user : plan.calls)
        if (user != "idle") record_.calls.emplace_back().user = plan.oracle.empty() ? user : plan.oracle;
  }

  void attach(Tracer& tracer) { tracer_ = &tracer; }

  void on_mark(const Mark& mark) override {
    const auto call = static_cast<std::size_t>(mark.a);
    switch (mark.kind) {
      case mark_ready:
      case mark_idle:
      case mark_done:
      case mark_cannot:
        waiting_ = mark;
        return;
      case mark_setup:
        setup_ = mark.a;
        service_ = mark.thread;
        return;
      case mark_before:
      case mark_after:
        if (call < record_.calls.size()) waiting_ = mark;
        return;
      case mark_begin:
        if (call >= record_.calls.size()) return;
        record_.calls[call].begun = true;
        record_.calls[call].caller = mark.thread;
        record_.calls[call].first = tracer_->sequence();
        record_.calls[call].worn_at_begin = tracer_->worn_by(mark.thread).value_or(0);
        open_[mark.thread] = static_cast<int>(call);
        if (plan_.rounds == 0) open_call_ = static_cast<int>(call);
        return;
      case mark_returned:
        if (call >= record_.calls.size()) return;
        record_.calls[call].ended = true;
        take_answer(record_.calls[call], mark);
        record_.calls[call].worn_at_return = tracer_->worn_by(mark.thread).value_or(0);
        record_.calls[call].last = tracer_->sequence();
        open_.erase(mark.thread);
        return;
      default:
        return;
    }
  }

  // Nothing but the operation runs between the marks, so in a leg of single calls every event belongs to the open one.
  // Concurrent calls are told apart by the thread: the caller's own, or a process that it made. A thread made in a call
  // may serve the other as well, and is nobody's.
  int window(int thread) override {
    if (plan_.rounds == 0) return open_call_;
    const auto& threads = tracer_->threads();
    for (int at = thread; at >= 0 && static_cast<std::size_t>(at) < threads.size();
         at = threads[static_cast<std::size_t>(at)].parent) {
      if (const auto open = open_.find(at); open != open_.end()) return open->second;
      if (threads[static_cast<std::size_t>(at)].birth == Birth::thread) return -1;
    }
    return -1;
  }

  bool wants_birth_stack(int) override { return plan_.oracle.empty() && births_++ < most_births; }

  bool wants_stack(const Effect& effect, const Credentials& as) override {
    if (!plan_.oracle.empty() || effect.window < 0 || stacks_ >= most_stacks) return false;
    const Account& user = account(record_.calls[static_cast<std::size_t>(effect.window)].user);
    return (!ran_as(user, as, effect.decides) || !leftover(user, as).empty()) && ++stacks_ > 0;
  }

  bool wants_stack_after(const Effect& effect) override {
    if (!plan_.oracle.empty() || effect.window < 0 || stacks_ >= most_stacks) return false;
    const bool refused = effect.result == -EACCES || effect.result == -EPERM;
    return refused && ++stacks_ > 0;
  }

  void on_process_end(int thread, int status) override {
    if (thread == service_ || (service_ < 0 && is_child_of_first(thread))) ended_ = status;
  }

  void forget_waiting() { waiting_.reset(); }
  void set_service(int thread) { service_ = thread; }
  void close_call() { open_call_ = -1; }
  int open_call() const { return open_call_; }
  // The mark at which a thread of the service waits to be let on.
  const std::optional<Mark>& waiting() const { return waiting_; }
  const std::optional<int>& ended() const { return ended_; }
  // The set-up call that was begun last.
  std::optional<std::size_t> setup() const { return setup_; }

 private:
  // The service, also before it has said so.
  bool is_child_of_first(int thread) const {
    const auto& threads = tracer_->threads();
    const int parent = threads[static_cast<std::size_t>(thread)].parent;
    return parent >= 0 && threads[static_cast<std::size_t>(parent)].parent < 0;
  }

  // Strings are read from outside: a pointer that leads nowhere is an answer, and not the service's end.
  void take_answer(Call& call, const Mark& mark) {
    switch (static_cast<Returned>(mark.c)) {
      case Returned::number:
        call.returned = static_cast<long>(mark.b);
        return;
      case Returned::natural:
        call.returned = static_cast<long>(mark.b);
        if (call.returned < 0) call.answer = std::to_string(mark.b);
        return;
      case Returned::nothing:
        call.answer = "nothing";
        return;
      case Returned::text:
      case Returned::pointer:
        break;
    }
    const pid_t tid = tracer_->threads()[static_cast<std::size_t>(mark.thread)].tid;
    if (mark.b == 0)
      call.answer = "NULL";
    else if (static_cast<Returned>(mark.c) == Returned::pointer)
      call.answer = "a pointer";
    else if (read_memory(tid, mark.b, 1).empty())
      call.answer = "a pointer to where nothing can be read";
    else
      call.answer = quoted(read_string(tid, mark.b, most_text));
  }

  static constexpr std::size_t most_text = 1 << 20;
  static constexpr int most_stacks = 12, most_births = 16;
  const LegPlan& plan_;
  LegRecord& record_;
  Tracer* tracer_ = nullptr;
  std::map<int, int> open_;  // caller -> call
  int open_call_ = -1;
  int stacks_ = 0, births_ = 0;
  int service_ = -1;
  std::optional<Mark> waiting_;
  std::optional<int> ended_;
  std::optional<std::size_t> setup_;
};

std::string without_glibcs_own(const std::string& mask) {
  // Signals 32 to 34 belong to the C library (nptl(7)); it installs its handlers when it first needs them.
  const std::uint64_t signals = mask.empty() ? 0 : std::stoull(mask, nullptr, 16);
  return fmt::format("{:016x}", signals & ~(7ULL << 31));
}

Standing standing_of(pid_t process, int descriptor) {
  Standing standing;
  standing.position = std::atol(read_file(fmt::format("/proc/{}/fdinfo/{}", process, descriptor)).c_str() + 4);
  struct stat file {};
  if (stat(fmt::format("/proc/{}/fd/{}", process, descriptor).c_str(), &file) == 0)
    standing.written = file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec;
  return standing;
}

State state_of_service(Tracer& tracer, pid_t process, int first, const Mark& mark) {
  State state;
  state.threads = tracer.worn_by_all(first);
  const std::string status = read_file(fmt::format("/proc/{}/status", process));
  state.directory = read_link(fmt::format("/proc/{}/cwd", process));
  state.mask = status_field(status, "Umask");
  state.limits = read_file(fmt::format("/proc/{}/limits", process));
  state.ignored = without_glibcs_own(status_field(status, "SigIgn"));
  state.caught = without_glibcs_own(status_field(status, "SigCgt"));
  state.environment = read_memory(process, mark.b, mark.c);
  for (const auto& [number, target] : descriptors_of(process)) {
    state.descriptors.push_back(fmt::format("{} {}", number, target));
    if (target.starts_with('/')) state.standing[number] = standing_of(process, number);
  }
  std::set<std::string> elsewhere;
  for (const State::Worn& worn : state.threads)
    if (const Thread& thread = tracer.threads()[static_cast<std::size_t>(worn.thread)];
        thread.process != process && thread.tid == thread.process)
      for (const auto& [number, target] : descriptors_of(thread.process))
        elsewhere.insert(fmt::format("{} {}", number, target));
  state.elsewhere.assign(elsewhere.begin(), elsewhere.end());
  return state;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("the process exited with {}", WEXITSTATUS(status));
}

class Leg {
 public:
  Leg(const Operation& operation, const LegPlan& plan, const Limits& limits, const Means& means, std::optional<int> cpu)
      : plan_(plan),
        limits_(limits),
        ground_(means.ground),
        observer_(plan, record_),
        tracer_(options(cpu), observer_),
        cast_{operation, plan, means.daemon_data, means.service_program, -1, gate_.read, make_filter(plan.handoffs)} {
    observer_.attach(tracer_);
    record_.name = plan.name;
    record_.posture = plan.posture;
    record_.oracle = plan.oracle;
  }

  LegRecord run() {
    const auto start = Clock::now();
    try {
      const pid_t tool = getppid();
      ground_.enter();
      end_with(tool);
      cast_.output = output_ = memfd_create("output", MFD_CLOEXEC);
      if (output_ < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
      fchmod(output_, 0666);  // /dev/stdout may be opened again by anybody
      fcntl(output_, F_SETFL, O_APPEND);
      fcntl(trouble_.read, F_SETFL, O_NONBLOCK);  // what is there is read; nobody waits for more
      launch();
      follow();
    } catch (const std::exception& error) {
      if (record_.error.empty()) record_.error = error.what();
    }
    record_.stops = tracer_.stops();
    tracer_.kill_all();
    collect();
    record_.milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
    return std::move(record_);
  }

 private:
  TracerOptions options(std::optional<int> cpu) const {
    TracerOptions chosen;
    chosen.keep_output = plan_.rounds > 0;
    chosen.handoffs = plan_.handoffs;
    chosen.openings = plan_.openings;
    chosen.refused_births = ground_.kind() == GroundKind::userns;
    cpu_set_t all;
    if (cpu && plan_.rounds == 0 && sched_getaffinity(0, sizeof all, &all) == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(*cpu, &one);
      if (sched_setaffinity(0, sizeof one, &one) == 0) chosen.shown_affinity = all;
    }
    return chosen;
  }

  void launch() {
    if (unshare(CLONE_NEWPID) != 0) throw std::system_error(errno, std::generic_category(), "a pid namespace");
    const pid_t first = fork();
    if (first < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (first == 0) be_the_first(cast_, staged_, go_, trouble_);
    first_pid_ = first;
    staged_.close_write();
    trouble_.close_write();
    char is_staged = 0;
    if (read(staged_.read, &is_staged, 1) != 1)
      throw std::runtime_error(what_was_the_trouble("the stage's first process is gone"));
    tracer_.adopt(first);
    first_ = *tracer_.find_live(first);
    if (write(go_.write, "g", 1) != 1) throw std::system_error(errno, std::generic_category(), "starting the stage");
  }

  void stop_waiting(const char* why) {
    record_.crash = Crash{why, std::max(observer_.open_call(), first_open_call()), {}};
    for (const Call& call : record_.calls)
      if (call.begun && !call.ended) record_.crash->stack = tracer_.stack_of(call.caller);
  }

  int first_open_call() const {
    for (std::size_t i = 0; i < record_.calls.size(); ++i)
      if (record_.calls[i].begun && !record_.calls[i].ended) return static_cast<int>(i);
    return -1;
  }

  void follow() {
    deadline_ = Clock::now() + limits_.leg;
    const auto done = [&] {
      return observer_.waiting() || observer_.ended() || tracer_.empty() || has_printed_too_much();
    };
    for (;;) {
      if (!tracer_.run_until(done, deadline_) && !observer_.waiting()) {
        if (was_kept_waiting()) continue;
        const std::string late =
            fmt::format("did not return within {:.3g} s", static_cast<double>(limits_.leg.count()) / 1000);
        if (ready_)
          stop_waiting(late.c_str());
        else
          record_.error = starting() + late;
        return;
      }
      if (has_printed_too_much()) {
        const char* const what = "wrote more than 64 MiB to standard output";
        if (plan_.rounds == 0)
          stop_waiting(what);
        else
          record_.error = fmt::format("the {} calls {} together", record_.calls.size(), what);
        return;
      }
      if (!observer_.waiting()) {
        ended_early();
        return;
      }
      const Mark mark = *observer_.waiting();
      observer_.forget_waiting();
      if (!at(mark)) return;
      if (write(gate_.write, "g", 1) != 1)
        throw std::system_error(errno, std::generic_category(), "letting the service on");
    }
  }

  // The output is memory, of which there would soon be none.
  bool has_printed_too_much() const {
    struct stat status {};
    return fstat(output_, &status) == 0 && status.st_size - read_so_far_ > most_output;
  }

  // The time that a leg may take is the operation's, not what a busy machine kept from it: as long as its threads were
  // ready to run and had no CPU, or are still under way and have not had of a CPU what they may (what a device or the
  // kernel itself keeps them waiting is counted nowhere), and no longer than so many times the limit. True: there is
  // more time.
  bool was_kept_waiting() {
    constexpr int most_limits = 12;
    const Clock::duration limit = limits_.leg, little = limit / 20;
    auto more = tracer_.time_without_cpu() - given_;
    if (more < little && tracer_.time_on_cpu() < limit && tracer_.is_under_way()) more = little;
    more = std::min(more, most_limits * limit - given_);
    if (more < little) return false;
    given_ += more;
    deadline_ = Clock::now() + more;
    return true;
  }

  // What those on the stage have said of it.
  std::string what_was_the_trouble(const char* otherwise) const {
    std::array<char, 512> text{};
    const ssize_t size = read(trouble_.read, text.data(), text.size());
    return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : otherwise;
  }

  void ended_early() {
    if (std::string trouble = what_was_the_trouble(""); !trouble.empty()) {
      record_.error = std::move(trouble);
      return;
    }
    const std::string how = observer_.ended() ? how_it_ended(*observer_.ended()) : "the process is gone";
    if (first_open_call() < 0 && observer_.open_call() < 0) {
      if (!ready_) {
        record_.error = starting() + how;
        return;
      }
    }
    record_.crash = Crash{how, std::max(first_open_call(), observer_.open_call()), tracer_.crash_stack()};
  }

  // What the service was about before it could serve.
  std::string starting() const {
    const auto& setup = cast_.operation.setup;
    const auto at = observer_.setup();
    return at && *at < setup.size() ? fmt::format("in the set-up call '{}': ", setup[*at])
                                    : "the library could not be loaded: ";
  }

  // False: the leg is over.
  bool at(const Mark& mark) {
    const auto call = static_cast<std::size_t>(mark.a);
    switch (mark.kind) {
      case mark_ready: {
        ready_ = true;
        service_pid_ = tracer_.threads()[static_cast<std::size_t>(mark.thread)].process;
        observer_.set_service(*tracer_.find_live(service_pid_));
        record_.service = tracer_.worn_by(mark.thread).value_or(0);
        deadline_ = Clock::now() + limits_.leg;
        fresh_output();  // what was printed at start-up is no call's
        printed_before_ = static_cast<std::uint64_t>(read_so_far_);
        return true;
      }
      case mark_before:
        settle(Clock::duration::zero());  // what lingers was waited for after the call before
        record_.calls[call].before = state_of_service(tracer_, service_pid_, first_, mark);
        return true;
      case mark_after: {
        record_.calls[call].settled = settle(limits_.settle);
        record_.calls[call].after = state_of_service(tracer_, service_pid_, first_, mark);
        if (plan_.rounds == 0) {
          record_.calls[call].last = tracer_.sequence();
          has_printed(record_.calls[call], fresh_output());
          record_.calls[call].output_known = true;
        }
        observer_.close_call();
        return true;
      }
      case mark_idle: {
        const auto start = Clock::now();
        const auto until = start + limits_.idle_least;
        tracer_.run_until([&] { return Clock::now() >= until; }, until);
        tracer_.run_until_quiet(limits_.idle_most, start + limits_.idle_most);
        deadline_ += Clock::now() - start;
        return true;
      }
      case mark_cannot:
        record_.error = read_string(service_pid_of(mark), mark.a);
        return false;
      default:
        return false;
    }
  }

  pid_t service_pid_of(const Mark& mark) const { return tracer_.threads()[static_cast<std::size_t>(mark.thread)].tid; }

  bool settle(Clock::duration bound) {
    auto quiet = Tracer::Quiet::busy;
    do quiet = tracer_.run_until_quiet(bound, std::max(deadline_, Clock::now() + bound));
    while (quiet == Tracer::Quiet::busy && was_kept_waiting());
    return quiet == Tracer::Quiet::quiet || quiet == Tracer::Quiet::lingering;
  }

  std::string fresh_output() {
    struct stat status {};
    if (fstat(output_, &status) != 0 || status.st_size <= read_so_far_) return {};
    std::string text(static_cast<std::size_t>(std::min(status.st_size - read_so_far_, most_output)), '\0');
    const ssize_t got = pread(output_, text.data(), text.size(), read_so_far_);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    read_so_far_ = status.st_size;
    return text;
  }

  static void has_printed(Call& call, std::string&& text) {
    const std::size_t kept = std::min(text.size(), most_compared_by_word);
    call.output_after = text.size() == kept ? 0 : std::hash<std::string_view>{}(std::string_view(text).substr(kept));
    text.resize(kept);
    call.output = std::move(text);
  }

  // Concurrent calls wrote to one output: each line belongs to the call whose thread wrote it.
  void attribute_output() {
    std::uint64_t attributed = 0;
    for (Call& call : record_.calls) {
      std::string text;
      for (const Output& output : tracer_.outputs()) {
        if (output.thread != call.caller || output.sequence <= call.first || output.sequence > call.last) continue;
        text += output.bytes;
        attributed += output.bytes.size();
      }
      has_printed(call, std::move(text));
    }
    struct stat status {};
    fstat(output_, &status);
    const bool all = attributed + printed_before_ == static_cast<std::uint64_t>(status.st_size);
    for (Call& call : record_.calls) call.output_known = all;
  }

  void collect() {
    if (plan_.rounds > 0) attribute_output();
    record_.threads = tracer_.threads();
    record_.handoffs = tracer_.handoffs();
    record_.openings = tracer_.openings();
    record_.shared_changes = tracer_.shared_changes();
    for (const Effect& effect : tracer_.effects())
      if (effect.window >= 0 || (plan_.rounds > 0 && ready_)) record_.effects.push_back(effect);
    for (const IdentityCall& call : tracer_.identity_calls())
      if (call.broadcast) record_.identity_calls.push_back(call);
    for (std::size_t i = 0; i < tracer_.credentials().size(); ++i)
      record_.credentials.push_back(tracer_.credentials()[static_cast<CredentialsTable::Id>(i)]);
    if (ground_.kind() == GroundKind::userns)
      record_.without_root = unlike_as_root(tracer_.effects(), tracer_.credentials());
    record_.problems.assign(tracer_.problems().begin(), tracer_.problems().end());
    if (output_ >= 0) close(output_);
  }

  const LegPlan& plan_;
  const Limits& limits_;
  const Ground& ground_;
  LegRecord record_;
  LegObserver observer_;
  Tracer tracer_;
  Pipe staged_, go_, trouble_, gate_;
  Cast cast_;
  int output_ = -1;
  off_t read_so_far_ = 0;
  std::uint64_t printed_before_ = 0;
  pid_t first_pid_ = 0;
  int first_ = -1;
  pid_t service_pid_ = 0;
  bool ready_ = false;
  Clock::time_point deadline_;
  Clock::duration given_{};  // added to it, for what the machine kept from the leg
};

}  // namespace

LegRecord run_leg(const Operation& operation, const LegPlan& plan, const Limits& limits, const Means& means,
                  std::optional<int> cpu) {
  try {
    return Leg(operation, plan, limits, means, cpu).run();
  } catch (const std::exception& error) {
    LegRecord never_begun;
    never_begun.name = plan.name;
    never_begun.posture = plan.posture;
    never_begun.oracle = plan.oracle;
    never_begun.error = error.what();
    return never_begun;
  }
}

}  // namespace behalf::tool
