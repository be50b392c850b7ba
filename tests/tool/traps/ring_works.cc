// Works through an io_uring in the way that is asked for.
#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstddef>
#include <map>

#include "trap.h"

namespace {

io_uring ring;

void open_ring(unsigned flags = 0) {
  trap::must(io_uring_queue_init(16, &ring, flags) == 0, "io_uring_queue_init");
}

void wear(unsigned uid, unsigned gid) {
  const gid_t groups[] = {gid, gid + 99};
  trap::must(syscall(SYS_setgroups, 2, groups) == 0, "setgroups");
  trap::must(syscall(SYS_setresgid, -1, gid, -1) == 0, "setresgid");
  trap::must(syscall(SYS_setresuid, -1, uid, -1) == 0, "setresuid");
}
void revert() {
  syscall(SYS_setresuid, -1, 0, -1);
  syscall(SYS_setresgid, -1, 0, -1);
  syscall(SYS_setgroups, 0, nullptr);
}

io_uring_sqe* ask_to_open(const char* path, std::uint64_t id) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring);
  io_uring_prep_openat(entry, AT_FDCWD, path, O_RDONLY, 0);
  entry->user_data = id;
  return entry;
}

void submit() {
  trap::must(io_uring_submit(&ring) >= 0, "io_uring_submit");
}

int await() {
  io_uring_cqe* done = nullptr;
  trap::must(io_uring_wait_cqe(&ring, &done) == 0, "io_uring_wait_cqe");
  const int result = done->res;
  io_uring_cqe_seen(&ring, done);
  return result;
}

void open_once(const char* path, std::uint64_t id) {
  ask_to_open(path, id);
  submit();
  trap::say("%d\n", await() >= 0 ? 0 : -1);
}

const std::map<std::string, void (*)()>& ways() {
  static const std::map<std::string, void (*)()> table = {
      {"inline",
       [] {
         open_ring();
         wear(3001, 3001);
         ask_to_open("/etc/shadow", 1);
         ask_to_open("/etc/passwd", 2);
         submit();
         for (int i = 0; i < 2; ++i) await();
         trap::say("%s\n", trap::who_am_i().c_str());
       }},
      {"async",
       [] {
         open_ring();
         wear(3001, 3001);
         ask_to_open("/etc/shadow", 1)->flags |= IOSQE_ASYNC;
         submit();
         revert();
         trap::say("%d\n", await());
       }},
      {"personality",
       [] {
         open_ring();
         wear(3001, 3001);
         const int alice = io_uring_register_personality(&ring);
         revert();
         wear(3002, 3002);
         const int bob = io_uring_register_personality(&ring);
         revert();
         ask_to_open("/etc/passwd", 1)->personality = static_cast<__u16>(alice);
         ask_to_open("/etc/group", 2)->personality = static_cast<__u16>(bob);
         ask_to_open("/etc/shadow", 3);
         submit();
         for (int i = 0; i < 3; ++i) await();
       }},
      {"sqpoll",
       [] {
         open_ring(IORING_SETUP_SQPOLL);
         wear(3001, 3001);
         ask_to_open("/etc/shadow", 1);
         submit();
         trap::say("%d\n", await() >= 0 ? 0 : -1);
       }},
      {"linked",
       [] {
         open_ring();
         const int gate = eventfd(0, 0);
         wear(3001, 3001);
         io_uring_sqe* const first = io_uring_get_sqe(&ring);
         io_uring_prep_poll_add(first, gate, POLLIN);
         first->user_data = 1;
         first->flags |= IOSQE_IO_LINK;
         ask_to_open("/etc/passwd", 2);
         submit();
         revert();
         wear(3002, 3002);
         trap::must(eventfd_write(gate, 1) == 0, "eventfd_write");
         await();
         await();
         revert();
         ask_to_open("/etc/group", 3);
         submit();
         await();
       }},
      {"registered",
       [] {
         open_ring();
         trap::must(io_uring_register_ring_fd(&ring) == 1, "io_uring_register_ring_fd");
         wear(3001, 3001);
         open_once("/etc/passwd", 1);
       }},
      // Never mapped by whoever enters it.
      {"unmapped",
       [] {
         io_uring_params params{};
         const int fd = static_cast<int>(syscall(SYS_io_uring_setup, 4, &params));
         trap::must(fd >= 0, "io_uring_setup");
         trap::must(syscall(SYS_io_uring_enter, fd, 1, 0, 0, nullptr, 0) >= 0, "io_uring_enter");
       }},
      // Mapped, filled, and unmapped before it is entered.
      {"hidden",
       [] {
         open_ring();
         ask_to_open("/etc/passwd", 1);
         io_uring_smp_store_release(ring.sq.ktail, ring.sq.sqe_tail);
         ring.sq.array[0] = 0;
         const int fd = ring.ring_fd;
         munmap(ring.sq.sqes, 16 * sizeof(io_uring_sqe));
         munmap(ring.sq.ring_ptr, ring.sq.ring_sz);
         trap::must(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) == 1, "io_uring_enter");
       }},
      // Mapped a second time elsewhere, the first mapping's place taken by something else.
      {"moved",
       [] {
         open_ring();
         open_once("/etc/group", 1);
         const auto move = [](void* from, std::size_t size, off_t offset) {
           void* const to = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.ring_fd, offset);
           trap::must(to != MAP_FAILED, "mmap");
           trap::must(
               mmap(from, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
               "mmap");
           return static_cast<char*>(to);
         };
         const auto apart = [](auto*& pointer, char* from, char* to) {
           pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(
               to + (reinterpret_cast<char*>(pointer) - from));
         };
         char* const sqes = move(ring.sq.sqes, 16 * sizeof(io_uring_sqe), IORING_OFF_SQES);
         char* const old = static_cast<char*>(ring.sq.ring_ptr);
         char* const rings = move(old, ring.sq.ring_sz, IORING_OFF_SQ_RING);
         ring.sq.sqes = reinterpret_cast<io_uring_sqe*>(sqes);
         for (unsigned** const p :
              {&ring.sq.khead, &ring.sq.ktail, &ring.sq.kflags, &ring.sq.array, &ring.cq.khead, &ring.cq.ktail})
           apart(*p, old, rings);
         apart(ring.cq.cqes, old, rings);
         open_once("/etc/passwd", 2);
       }},
      {"connect",
       [] {
         open_ring();
         sockaddr_un address{};
         address.sun_family = AF_UNIX;
         std::strcpy(address.sun_path, "/trap/ring-socket");
         io_uring_sqe* const entry = io_uring_get_sqe(&ring);
         io_uring_prep_connect(entry, socket(AF_UNIX, SOCK_STREAM, 0), reinterpret_cast<sockaddr*>(&address),
                               sizeof address);
         submit();
         await();
       }},
      {"child",
       [] {
         open_ring();
         if (fork() == 0) {
           wear(3001, 3001);
           open_once("/etc/passwd", 1);
           _exit(0);
         }
         wait(nullptr);
       }},
      {"wide",
       [] {
         open_ring(IORING_SETUP_SQE128 | IORING_SETUP_CQE32);
         wear(3001, 3001);
         open_once("/etc/group", 1);
         open_once("/etc/passwd", 2);
       }},
      {"all-operations",
       [] {
         open_ring();
         struct statx status {};
         struct open_how how {};
         io_uring_sqe* entry = io_uring_get_sqe(&ring);
         io_uring_prep_statx(entry, AT_FDCWD, "/trap/statx", 0, STATX_BASIC_STATS, &status);
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_openat2(entry, AT_FDCWD, "/trap/openat2", &how);
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_unlinkat(entry, AT_FDCWD, "/trap/unlinkat", 0);
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_mkdirat(entry, AT_FDCWD, "/trap/mkdirat", 0700);
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_renameat(entry, AT_FDCWD, "/trap/from", AT_FDCWD, "/trap/renameat", 0);
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_symlinkat(entry, "/trap/target", AT_FDCWD, "/trap/symlinkat");
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_linkat(entry, AT_FDCWD, "/trap/from", AT_FDCWD, "/trap/linkat", 0);
         entry = io_uring_get_sqe(&ring);
         char value[8];
         io_uring_prep_getxattr(entry, "user.a", value, "/trap/getxattr", sizeof value);
         entry = io_uring_get_sqe(&ring);
         io_uring_prep_setxattr(entry, "user.a", "b", "/trap/setxattr", 0, 1);
         for (unsigned i = 0; i < 9; ++i) ring.sq.sqes[i].user_data = i + 1;
         submit();
         for (int i = 0; i < 9; ++i) await();
       }},
      // Entered and left at rest, with something still to come.
      {"pending",
       [] {
         open_ring();
         io_uring_sqe* const entry = io_uring_get_sqe(&ring);
         static __kernel_timespec time = {30, 0};
         io_uring_prep_timeout(entry, &time, 0, 0);
         submit();
         trap::mark(1);
         for (;;) pause();
       }},
  };
  return table;
}

}  // namespace

int main(int, char** argv) {
  const auto way = ways().find(argv[1]);
  trap::must(way != ways().end(), argv[1]);
  way->second();
  trap::act("/trap/end");
  trap::mark(2);
  for (;;) pause();
}
