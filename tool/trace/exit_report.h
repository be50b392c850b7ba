// What a system call came to, told by the kernel while the thread runs on: a few instructions at the end of every
// system call (bpf(2), the raw tracepoint sys_exit) write it where the tracer can read it, and the second of the two
// stops that a traced call costs is saved.
//
//     if (const auto reporter = ExitReporter::open())
//       if (const auto watch = reporter->watch(tid)) {
//         watch->ask();  // the thread stands at the entry of a call, and is let go
//         if (watch->told()) use(watch->report().result);  // at its next stop, of whatever kind: the call is over
//       }
//
// A thread whose call was refused (EACCES, EPERM) is sent a SIGSTOP before it is back in its program, so that its
// tracer sees it there, where the call was made; a signal that no program can block or ignore. The tracer takes it
// away.
//
// Needs Linux 5.5 and CAP_BPF with CAP_PERFMON, or CAP_SYS_ADMIN, in the first user namespace, and a tracer in the
// first pid namespace: the program knows threads by their number there. Where any of it is missing, open() says so by
// returning nothing, and calls are stopped at when they end, as ever.
//
// Cost: none per call in system calls; one bpf(2) for each thread watched; opening takes milliseconds. As long as
// a reporter is open every system call of the machine is some 150 ns dearer.
#pragma once

#include <sys/types.h>

#include <array>
#include <climits>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "trace/credentials.h"

namespace behalf::tool {

// Shared with the program in the kernel: it writes where `state` says that it is asked, and says so when it is done.
struct ExitReport {
  enum State : std::uint64_t { idle, asked, answered };
  std::uint64_t state;
  std::int64_t result;               // as the call returns it: negative, -errno
  std::int64_t path_size;            // with its NUL; negative: it could not be read
  std::uint64_t stop_sent;           // 1: the call was refused, and the thread will stop with SIGSTOP
  std::int64_t ids_unread;           // 0: `ids` are known
  std::array<std::uint32_t, 8> ids;  // that the call ran under, in the order of the kernel's struct cred
  std::uint64_t path_at;             // where the call's path stands in the thread's memory; 0: it is not asked for
  std::array<char, PATH_MAX> path;

  // The path that the call was given; empty when it could not be read.
  std::string_view path_told() const;
  ThreadIds ids_told() const;
};

// All that is shared: one value of one map, so that the program finds its way without asking.
struct ExitReports {
  static constexpr std::uint32_t most = 256;  // a power of two
  std::uint64_t asked;                        // how many reports are: while none is, the program has nothing to look up
  std::array<ExitReport, most> of;
};

class ExitReporter {
 public:
  // The place where one thread's reports are written, as long as this lives.
  class Watch {
   public:
    ~Watch();
    Watch(Watch&& other) noexcept;
    Watch& operator=(Watch&&) = delete;

    // About the call that the thread stands at the entry of. Its path is read when it is over, so the call must be one
    // that writes nothing into its caller's memory.
    void ask(std::uint64_t path_at = 0);
    // True, once, when the call is over: then the report is of it.
    bool told();
    const ExitReport& report() const { return *report_; }

   private:
    friend ExitReporter;
    Watch(ExitReporter& by, pid_t tid, ExitReport* report) : by_(&by), tid_(tid), report_(report) {}
    ExitReporter* by_;
    pid_t tid_;
    ExitReport* report_;
  };

  // Nothing where the kernel refuses, or where what it told of a call of our own was wrong: tried, never inferred.
  static std::unique_ptr<ExitReporter> open();
  ~ExitReporter();
  ExitReporter(const ExitReporter&) = delete;
  ExitReporter& operator=(const ExitReporter&) = delete;

  // Whether reports have ids: where the kernel describes its structures.
  bool tells_ids() const { return tells_ids_; }

  // Nothing when as many are watched as can be. The reporter must outlive the watch.
  std::optional<Watch> watch(pid_t tid);

 private:
  ExitReporter() = default;
  bool start();
  bool answers_right();
  void forget(pid_t tid, ExitReport* report);

  // Of a file descriptor, or of nothing.
  struct Descriptor {
    int fd = -1;
    ~Descriptor();
  };
  Descriptor threads_, shared_, program_;
  ExitReports* reports_ = nullptr;
  bool tells_ids_ = false;
  std::vector<std::uint32_t> free_;
};

}  // namespace behalf::tool
