#include "judge/starter.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "judge/inquiry.h"
#include "stage/end_with.h"

namespace behalf::tool {
namespace {

struct Wish {
  std::size_t job;
  int cpu;
};

struct Reply {
  pid_t process;
  int error;
};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::array<int, 2> made_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  return ends;
}

// fork(2), but the child is a sibling: its parent is the scheduler, which waits for it and with which it ends.
pid_t fork_sibling() {
  return static_cast<pid_t>(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

// A reply and the descriptor that goes with it (unix(7), SCM_RIGHTS).
struct Letter {
  explicit Letter(Reply& reply) : piece{&reply, sizeof reply} {
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  Letter(const Letter&) = delete;
  Letter& operator=(const Letter&) = delete;

  void enclose(int descriptor) {
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  int enclosed() {
    int descriptor = -1;
    if (const cmsghdr* const head = CMSG_FIRSTHDR(&message); head != nullptr)
      std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    return descriptor;
  }

  iovec piece;
  msghdr message{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
};

// What it throws ends it, and is told as the signal that it is.
[[noreturn]] void be_the_leg(pid_t scheduler, const std::function<void(std::size_t, int, int)>& leg, const Wish& wish,
                             int result) noexcept {
  // When the tool is killed, so are we, and with us all that we trace (PTRACE_O_EXITKILL): nothing stays.
  end_with(scheduler);
  leg(wish.job, wish.cpu, result);
  _exit(0);
}

[[noreturn]] void serve(int socket, pid_t scheduler, const std::function<void(std::size_t, int, int)>& leg) {
  end_with(scheduler);
  signal(SIGINT, SIG_IGN);  // the scheduler ends us
  for (Wish wish{}; recv(socket, &wish, sizeof wish, 0) == sizeof wish;) {
    Reply reply{-1, 0};
    Letter letter(reply);
    try {
      const auto [in, out] = made_pipe();
      reply.process = fork_sibling();
      if (reply.process == 0) {
        close(socket);
        close(in);
        be_the_leg(scheduler, leg, wish, out);
      }
      reply.error = reply.process < 0 ? errno : 0;
      close(out);
      letter.enclose(in);
      const bool sent = sendmsg(socket, &letter.message, MSG_NOSIGNAL) == sizeof reply;
      close(in);
      if (!sent) break;
    } catch (const std::system_error& error) {
      reply.error = error.code().value();
      letter.message.msg_controllen = 0;
      if (sendmsg(socket, &letter.message, MSG_NOSIGNAL) != sizeof reply) break;
    }
  }
  _exit(0);
}

}  // namespace

Starter::Starter(const std::function<void(std::size_t job, int cpu, int result)>& leg) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
  const pid_t scheduler = getpid();
  process_ = fork();
  if (process_ == 0) {
    close(ends[0]);
    serve(ends[1], scheduler, leg);
  }
  close(ends[1]);
  socket_ = ends[0];
  if (process_ >= 0) return;
  close(socket_);
  fail("fork");
}

Starter::~Starter() {
  close(socket_);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Starter::Started Starter::start(std::size_t job, int cpu) {
  const Wish wish{job, cpu};
  Reply reply{-1, EPIPE};
  Letter letter(reply);
  if (send(socket_, &wish, sizeof wish, MSG_NOSIGNAL) != sizeof wish) fail("starting a leg");
  ssize_t size = 0;
  while ((size = recvmsg(socket_, &letter.message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (size != sizeof reply) reply.error = EPIPE;
  const int result = letter.enclosed();
  // The descriptor is left out where it would be one too many (unix(7)): who waits for it waits for ever.
  if (reply.error == 0 && result < 0) reply.error = EMFILE;
  if (reply.error == 0) return {reply.process, result};
  if (result >= 0) close(result);
  if (reply.error == EMFILE)
    throw CannotRun("starting a leg: too many open files; raise how many there may be: ulimit -n 1024");
  errno = reply.error;
  fail("starting a leg");
}

}  // namespace behalf::tool
