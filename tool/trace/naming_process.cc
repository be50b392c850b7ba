#include "trace/naming_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <system_error>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

using Clock = std::chrono::steady_clock;

// What one answer may hold. A name of C++ may be long; nobody reads one that is longer.
constexpr std::size_t longest_text = 64 << 10, most_frames = 256;
constexpr std::size_t longest_answer = most_frames * 2 * (longest_text + 16);
constexpr uid_t owns_nothing = 65534;

// AddressSanitizer's shadow alone is more address space than any limit would leave.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer);
#else
constexpr bool sanitized = false;
#endif

void add_number(std::string& to, std::uint64_t number) {
  to.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void add_text(std::string& to, const std::string& text) {
  const std::size_t size = std::min(text.size(), longest_text);
  add_number(to, size);
  to.append(text, 0, size);
}

// Takes numbers and texts off the front of bytes, as long as they are there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool number(std::uint64_t& into) {
    if (bytes_.size() < sizeof into) return false;
    std::memcpy(&into, bytes_.data(), sizeof into);
    bytes_.remove_prefix(sizeof into);
    return true;
  }
  bool text(std::string& into) {
    std::uint64_t size = 0;
    if (!number(size) || size > longest_text || size > bytes_.size()) return false;
    into = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

// False when the other end is gone, or does not take it in time.
bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

enum class Received { all, nothing_more, too_late };

Received receive_all(int socket, void* into, std::size_t size, Clock::time_point until) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{socket, POLLIN, 0};
    const int events = poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (events == 0) return Received::too_late;
    const ssize_t got = events < 0 ? -1 : recv(socket, at, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Received::nothing_more;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return Received::all;
}

// Of root, what is left is to read everything. Somebody who is not root has nothing to give up.
void give_up_powers() {
  if (geteuid() != 0) return;
  prctl(PR_SET_KEEPCAPS, 1);
  // Where an account is missing (in a user namespace without it) the process stays what it is, with less power.
  (void)setgroups(0, nullptr);
  (void)!setresgid(owns_nothing, owns_nothing, owns_nothing);
  (void)!setresuid(owns_nothing, owns_nothing, owns_nothing);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  data[0].effective = data[0].permitted = 1U << CAP_DAC_READ_SEARCH;
  syscall(SYS_capset, &header, data.data());
}

void limit(int what, rlim_t most) {
  const rlimit both{most, most};
  setrlimit(static_cast<__rlimit_resource>(what), &both);
}

// Everything but the socket that the tool has open is not for this process.
int close_all_but(int socket) {
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {0, 1, 2}) dup2(nothing, standard);
  const int kept = dup2(socket, 3);
  close_range(4, ~0U, 0);
  return kept;
}

void confine(const NamingLimits& limits, pid_t parent) {
  signal(SIGINT, SIG_IGN);  // the tool ends us
  for (const int fatal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGXCPU}) signal(fatal, SIG_DFL);
  clearenv();
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  if (!sanitized) limit(RLIMIT_AS, limits.memory);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  give_up_powers();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // after the change of ids, which clears it
  if (getppid() != parent) _exit(1);
}

std::chrono::microseconds processor_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

// One place after the other: whoever asks knows by the number of answers at which the process was lost. An exception
// ends the process here: further up, it would be a second tool.
[[noreturn]] void answer(int socket, const NamingLimits& limits, const NameGiver& giver) noexcept {
  std::map<std::string, std::chrono::microseconds> spent;
  const auto never = Clock::now() + std::chrono::hours(24 * 365);
  std::uint64_t count = 0;
  while (receive_all(socket, &count, sizeof count, never) == Received::all) {
    std::vector<Frame> places;
    for (; count > 0; --count) {
      std::array<std::uint64_t, 2> head{};  // offset, length of the name
      if (receive_all(socket, head.data(), sizeof head, never) != Received::all) _exit(0);
      Frame place{std::string(head[1], '\0'), head[0]};
      if (receive_all(socket, place.module.data(), place.module.size(), never) != Received::all) _exit(0);
      places.push_back(std::move(place));
    }
    for (const Frame& place : places) {
      auto& of_file = spent[place.module];
      const auto before = processor_time();
      const auto end =
          before + std::max<std::chrono::microseconds>(limits.processor - of_file, std::chrono::microseconds(0));
      const rlimit time{static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(end).count()), RLIM_INFINITY};
      setrlimit(RLIMIT_CPU, &time);
      const std::string body = write_names(giver(place));
      of_file += processor_time() - before;
      std::string message;
      add_number(message, body.size());
      if (!send_all(socket, message + body)) _exit(0);
    }
  }
  _exit(0);
}

}  // namespace

std::string write_names(const std::vector<NamedFrame>& frames) {
  std::string bytes;
  const std::size_t count = std::min(frames.size(), most_frames);
  for (std::size_t i = 0; i < count; ++i) {
    add_number(bytes, static_cast<std::uint64_t>(std::max(frames[i].line, 0)));
    add_text(bytes, frames[i].function);
    add_text(bytes, frames[i].file);
  }
  return bytes;
}

std::optional<std::vector<NamedFrame>> read_names(std::string_view bytes) {
  Reader reader(bytes);
  std::vector<NamedFrame> frames;
  while (!reader.at_end()) {
    NamedFrame frame;
    std::uint64_t line = 0;
    if (frames.size() == most_frames || !reader.number(line) || line > INT32_MAX || !reader.text(frame.function) ||
        !reader.text(frame.file))
      return std::nullopt;
    frame.line = static_cast<int>(line);
    frames.push_back(std::move(frame));
  }
  if (frames.empty()) return std::nullopt;
  return frames;
}

NamingProcess::NamingProcess(const NamingLimits& limits, const NameGiver& giver) : limits_(limits) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "socketpair");
  const pid_t parent = getpid();
  process_ = fork();
  if (process_ == 0) {
    const int socket = close_all_but(ends[1]);
    confine(limits, parent);
    answer(socket, limits, giver);
  }
  const int error = errno;
  close(ends[1]);
  socket_ = ends[0];
  if (process_ < 0) {
    close(socket_);
    throw std::system_error(error, std::generic_category(), "fork");
  }
  const timeval patience{limits.answer.count(), 0};
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

NamingProcess::~NamingProcess() {
  end();
}

// What it was lost of, where it has ended itself; a signal that comes later changes nothing in that.
std::string NamingProcess::end() {
  if (process_ < 0) return "has ended before";
  close(socket_);
  kill(process_, SIGKILL);
  int status = 0;
  while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    return fmt::format("took more than {} s of processor time", limits_.processor.count());
  if (WIFSIGNALED(status))
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with {}", WEXITSTATUS(status));
}

std::string NamingProcess::ask(const std::vector<Frame>& places,
                               const std::function<void(std::vector<NamedFrame>)>& answered) {
  if (process_ < 0) return "has ended before";
  std::string request;
  add_number(request, places.size());
  for (const Frame& place : places) {
    add_number(request, place.offset);
    add_number(request, place.module.size());
    request += place.module;
  }
  if (!send_all(socket_, request)) return end();
  for (const Frame& place : places) {
    const auto until = Clock::now() + limits_.answer;
    std::uint64_t size = 0;
    std::string body;
    Received received = receive_all(socket_, &size, sizeof size, until);
    if (received == Received::all && size <= longest_answer) {
      body.resize(size);
      received = receive_all(socket_, body.data(), body.size(), until);
    }
    if (received == Received::nothing_more) return end();
    if (received == Received::too_late) {
      end();
      return fmt::format("did not answer within {} s", limits_.answer.count());
    }
    auto names = read_names(body);
    if (!names) {
      end();
      return "gave an answer that is none";
    }
    for (NamedFrame& frame : *names) {
      frame.module = place.module;
      frame.offset = place.offset;
    }
    answered(std::move(*names));
  }
  return {};
}

}  // namespace behalf::tool
