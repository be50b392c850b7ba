#include "behalf/signal_handlers.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/worker_signals.h"

namespace behalf {

namespace {

sigset_t set_of(const std::map<int, SignalHandlers::Handler>& handlers) {
  if (handlers.empty()) throw std::invalid_argument("behalf: SignalHandlers: no signal is given");
  const sigset_t possible = detail::asynchronous_signals();
  sigset_t set;
  sigemptyset(&set);
  for (const auto& [signal, handler] : handlers) {
    const bool can_be_taken = signal != SIGKILL && signal != SIGSTOP && sigismember(&possible, signal) == 1;
    if (!handler || !can_be_taken || sigaddset(&set, signal) != 0) {
      throw std::invalid_argument("behalf: SignalHandlers: signal " + std::to_string(signal) +
                                  " has no handler, cannot be blocked, or is caused by a thread itself");
    }
  }
  return set;
}

class BlockedIfStarted {
 public:
  explicit BlockedIfStarted(const sigset_t& set) noexcept { ::pthread_sigmask(SIG_BLOCK, &set, &before_); }
  ~BlockedIfStarted() {
    if (!started_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  BlockedIfStarted(const BlockedIfStarted&) = delete;
  BlockedIfStarted& operator=(const BlockedIfStarted&) = delete;

  void started() noexcept { started_ = true; }

 private:
  sigset_t before_{};
  bool started_ = false;
};

// The signals that a thread blocks, the lowest bit being signal 1 (proc(5), SigBlk). Of one that is no more, all.
unsigned long long blocked_in(const std::filesystem::path& thread) {
  std::ifstream status(thread / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("SigBlk:")) return std::stoull(line.substr(7), nullptr, 16);
  }
  return ~0ULL;
}

void refuse_if_another_thread_takes_them(const std::map<int, SignalHandlers::Handler>& handlers) {
  const detail::AsServiceIfAny self;
  const std::string own = std::to_string(::gettid());
  bool own_seen = false;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    const std::string number = thread.path().filename();
    own_seen |= number == own;
    const unsigned long long blocked = blocked_in(thread.path());
    for (const auto& [signal, handler] : handlers) {
      if ((blocked >> (signal - 1) & 1) != 0) continue;
      throw Error(Error::Reason::not_permitted,
                  "behalf: SignalHandlers: thread " + number + " does not block signal " + std::to_string(signal) +
                      ", and would take it. Make this before there are other threads, or block it in them");
    }
  }
  if (!own_seen) {
    throw Error(Error::Reason::platform,
                "behalf: SignalHandlers: /proc/self/task does not tell of the threads of this process. Mount /proc");
  }
}

// Readable when there is something to do: a signal, or the end.
Descriptor made(int fd, const char* call) {
  if (fd >= 0) return Descriptor(fd);
  throw Error(Error::Reason::out_of_resources,
              std::string{"behalf: SignalHandlers: "} + call + ": " + detail::error_words(errno), errno);
}

void take(const std::map<int, SignalHandlers::Handler>& handlers, const sigset_t& set, const Descriptor& signals,
          const Descriptor& end, const std::stop_token& stop) {
  const std::stop_callback wake(stop, [&end] { ::eventfd_write(end.get(), 1); });
  while (!stop.stop_requested()) {
    pollfd either[] = {{signals.get(), POLLIN, 0}, {end.get(), POLLIN, 0}};
    if (::poll(either, 2, -1) <= 0 || either[0].revents == 0) continue;
    siginfo_t about{};
    constexpr timespec at_once{};
    const int signal = ::sigtimedwait(&set, &about, &at_once);
    if (signal > 0) handlers.at(signal)(about);
  }
}

}  // namespace

SignalHandlers::SignalHandlers(std::map<int, Handler> handlers) : handlers_(std::move(handlers)) {
  const sigset_t set = set_of(handlers_);
  BlockedIfStarted blocked(set);
  refuse_if_another_thread_takes_them(handlers_);
  signals_ = made(::signalfd(-1, &set, SFD_CLOEXEC), "signalfd");
  end_ = made(::eventfd(0, EFD_CLOEXEC), "eventfd");
  thread_ =
      thread(as_service, [this, set](const std::stop_token& stop) { take(handlers_, set, signals_, end_, stop); });
  blocked.started();
}

}  // namespace behalf
