// What becomes of requests when something fails that a ring needs: nobody's work is done as somebody else, everybody is
// told, nothing hangs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstddef>
#include <future>

#include "any_call_fails.h"
#include "behalf/uring.h"
#include "looks.h"
#include "no_thread.h"
#include "place_for_files.h"
#include "refused.h"
#include "stand_in_service.h"
#include "uring/kernel_calls.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using uring::Result;
using uring::detail::KernelCalls;
using uring::detail::real_kernel_calls;
using WithoutKernel = uring::Options::WithoutKernel;

uring::Request made(const PlaceForFiles& place, const char* name = "a") {
  return uring::open(place.file(name), O_CREAT | O_EXCL | O_WRONLY, 0600);
}

KernelCalls calls = real_kernel_calls;
std::atomic<int> failures_left{0};

// Rings that are made from now on use `calls`.
void use_calls() {
  calls = real_kernel_calls;
  failures_left = 0;
  uring::detail::replace_kernel_calls(&calls);
}

bool fails_now() {
  int left = failures_left;
  while (left > 0 && !failures_left.compare_exchange_weak(left, left - 1)) {
  }
  return left > 0;
}

// As io_uring_submit() where the kernel takes one of those that it is given.
int submit_one(io_uring* ring) noexcept {
  io_uring_sq& queue = ring->sq;
  for (; queue.sqe_head != queue.sqe_tail; ++queue.sqe_head) {
    queue.array[*queue.ktail & queue.ring_mask] = queue.sqe_head & queue.ring_mask;
    __atomic_store_n(queue.ktail, *queue.ktail + 1, __ATOMIC_RELEASE);
  }
  return static_cast<int>(::syscall(SYS_io_uring_enter, ring->ring_fd, 1, 0, 0, nullptr, 0));
}

TEST(Where_the_kernel_forbids_a_ring, an_error_says_so_or_the_pool_does_the_work) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        use_calls();
        const PlaceForFiles place;
        const auto without = [](WithoutKernel which) { return uring::Options{.threads = 1, .without_kernel = which}; };
        calls.set_up = [](unsigned, io_uring*, io_uring_params*) noexcept { return -EPERM; };
        must(refused(Error::Reason::not_permitted, [&] { uring::Ring ring(without(WithoutKernel::refuse)); }), "EPERM");
        uring::Ring of_pool(without(WithoutKernel::use_pool));
        must(!of_pool.uses_kernel(), "there is a ring");
        ::close(of_pool.run(alice(), made(place)).value());
        must_equal(place.owner("a"), long{alice_id}, "owner");
        calls.set_up = [](unsigned, io_uring*, io_uring_params*) noexcept { return -ENOSYS; };
        must(refused(Error::Reason::platform, [&] { uring::Ring ring(without(WithoutKernel::refuse)); }), "ENOSYS");
        uring::Ring another(without(WithoutKernel::use_pool));
        // What the kernel would have, if it had room for it, is not replaced.
        calls.set_up = [](unsigned, io_uring*, io_uring_params*) noexcept { return -ENOMEM; };
        must(refused(Error::Reason::out_of_resources, [&] { uring::Ring ring(without(WithoutKernel::use_pool)); }),
             "ENOMEM");
      }),
      "");
}

void forbid_rings_by_seccomp() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
  must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "PR_SET_SECCOMP");
}

TEST(Where_the_kernel_forbids_a_ring, by_a_real_filter_it_is_the_same) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              forbid_rings_by_seccomp();
              const PlaceForFiles place;
              std::string words;
              try {
                uring::Ring ring;
              } catch (const Error& error) {
                words = error.what();
              }
              must(words.find("seccomp") != std::string::npos && words.find("use_pool") != std::string::npos, words);
              uring::Ring ring({.threads = 2, .without_kernel = WithoutKernel::use_pool});
              ::close(ring.run(alice(), made(place)).value());
              must_equal(place.owner("a"), long{alice_id}, "owner");
            }),
            "");
}

TEST(An_identity_that_cannot_be_had, is_told_and_nothing_is_done_and_the_others_go_on) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        use_calls();
        const PlaceForFiles place;
        uring::Ring ring({.threads = 1});
        ::close(ring.run(bob(), made(place, "before")).value());
        calls.register_personality = [](io_uring*) noexcept { return -EINVAL; };
        uring::Batch batch;
        batch.add(alice(), made(place, "never"));
        batch.add(bob(), made(place, "bob's"));
        ring.run(batch);
        must(refused(Error::Reason::platform, [&] { (void)batch[0].value(); }), "the error");
        must_equal(batch[0].error_number(), ECANCELED, "its number");
        must_equal(place.owner("never"), -1L, "it was done");
        ::close(batch[1].value());
        must_equal(place.owner("bob's"), long{bob_id}, "bob's");
        std::promise<bool> told;
        ring.submit(alice(), made(place, "never"), [&](const Result& result) {
          told.set_value(uid_now() == alice_id && refused(Error::Reason::platform, [&] { (void)result.value(); }));
        });
        must(told.get_future().get(), "what was told, or to whom");
        on_thread([&] {
          const auto task_of_alice = [](uring::Ring& of, const PlaceForFiles& in) -> task<bool> {
            bool thrown = false;
            try {
              (void)co_await of.submit(made(in, "never"));
            } catch (const Error&) {
              thrown = true;
            }
            co_return thrown&& uid_now() == alice_id;
          };
          must(sync_wait(task_of_alice(ring, place).as(alice())), "what was thrown in the task");
        });
        must_equal(place.owner("never"), -1L, "it was done");
        must_equal(ring.counts().refused, std::uint64_t{3}, "counted");
      }),
      "");
}

TEST(A_kernel_that_has_room_for_no_more_identities, gets_it_from_those_that_are_not_used) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              use_calls();
              const PlaceForFiles place;
              static std::atomic<int> known{0};
              calls.register_personality = [](io_uring* ring) noexcept {
                if (known >= 5) return -ENOSPC;
                ++known;
                return real_kernel_calls.register_personality(ring);
              };
              calls.unregister_personality = [](io_uring* ring, int id) noexcept {
                --known;
                return real_kernel_calls.unregister_personality(ring, id);
              };
              uring::Ring ring({.threads = 1});
              for (uid_t id = 20000; id < 20020; ++id) {
                const std::string name = std::to_string(id);
                ::close(ring.run(Token::from_ids(id, id, {id}), made(place, name.c_str())).value());
                must_equal(place.owner(name), long{id}, "owner");
              }
            }),
            "");
}

// Every credential call that it takes to make an identity known, and to tell its user of the end, fails once. A thread
// that cannot be given back ends the process (status 70).
TEST(Wherever_a_credential_call_fails, nobodys_work_is_done_as_somebody_else) {
  bool more = true;
  int refusals = 0;
  int ends = 0;
  for (long number = 0; more; ++number) {
    ASSERT_LT(number, 500);
    const ChildEnd end = in_child([number] {
      start(ServiceKind::root);
      const PlaceForFiles place;
      ThreadPool pool({.threads = 1});
      std::atomic<uid_t> told = nobody_yet;
      std::atomic<int> result_told = -1;
      {
        uring::Ring ring({.pool = &pool});
        let_call_fail(number, EPERM);
        ring.submit(bob(), made(place), [&](const Result& result) {
          result_told = result.error_number();
          told = uid_now();
        });
        until([&] { return told != nobody_yet || pool.counts().not_worn == 1; }, "nobody was told");
      }
      must(told == bob_id || told == nobody_yet, "told as another");
      const long owner = place.owner("a");
      must(owner == -1 || owner == long{bob_id}, "done as another");
      must(told == nobody_yet || (result_told == 0) == (owner == long{bob_id}), "told wrongly");
      if (a_call_failed && owner == -1) ::_exit(3);
      ::_exit(a_call_failed ? 2 : 4);
    });
    ASSERT_TRUE(end.exited) << number << ": signal " << end.status << ' ' << end.said;
    ASSERT_TRUE(end.status == 2 || end.status == 3 || end.status == 4 || end.status == 70)
        << number << ": " << end.status << ' ' << end.failure << ' ' << end.said;
    more = end.status != 4;
    refusals += end.status == 3 ? 1 : 0;
    ends += end.status == 70 ? 1 : 0;
  }
  EXPECT_GT(refusals, 5);
  EXPECT_GT(ends, 5);
}

#if !defined(__SANITIZE_THREAD__)
TEST(A_ring_that_gets_no_thread, is_not_there_and_whom_it_cannot_become_is_told) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              for (const auto without : {WithoutKernel::refuse, WithoutKernel::always}) {
                const auto make_and_use = [&] {
                  uring::Ring ring({.threads = 2, .without_kernel = without});
                  const Result made_file = ring.run(alice(), made(place));
                  ::close(made_file.value());
                };
                int refusals = 0;
                for (long number = 0;; ++number) {
                  let_thread_fail(number);
                  refusals += refused(Error::Reason::out_of_resources, make_and_use) ? 1 : 0;
                  const long owner = place.owner("a");
                  must(owner == -1 || owner == long{alice_id}, "done as another");
                  ::unlink(place.file("a").c_str());
                  if (!a_thread_failed) break;
                }
                must(refusals >= 3, "its threads: " + std::to_string(refusals));
              }
            }),
            "");
}
#endif

TEST(A_kernel_that_takes_requests_at_the_second_try, is_asked_again) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              use_calls();
              const PlaceForFiles place;
              calls.submit = [](io_uring* ring) noexcept {
                return fails_now() ? -EAGAIN : real_kernel_calls.submit(ring);
              };
              uring::Ring ring({.threads = 1});
              failures_left = 10;
              ::close(ring.run(alice(), made(place)).value());
              must_equal(place.owner("a"), long{alice_id}, "owner");
              must_equal(failures_left.load(), 0, "failures left");
            }),
            "");
}

// Many chains have more to be handed over at once, while the kernel takes nothing.
TEST(A_kernel_that_takes_requests_again_after_a_while, is_given_the_rest_of_all_chains) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              use_calls();
              constexpr int count = 40000;
              static std::atomic<int> taken{0};
              calls.submit = [](io_uring* ring) noexcept {
                if (taken >= count && fails_now()) return -EAGAIN;
                const int now = real_kernel_calls.submit(ring);
                taken += now > 0 ? now : 0;
                return now;
              };
              uring::Ring ring({.driven_by = uring::Options::DrivenBy::caller,
                                .entries = 64,
                                .under_way_at_most = 1U << 17,
                                .threads = 1});
              failures_left = 50;
              uring::Batch batch;
              for (int i = 0; i < count; ++i) batch.add(alice(), uring::close(-1).always(uring::timeout(0ms)));
              ring.run(batch);
              must_equal(failures_left.load(), 0, "failures left");
              for (std::size_t i = 0; i < batch.size(); ++i)
                must_equal(batch.result(i, 1).error_number(), 0, "timeout");
            }),
            "");
}

TEST(A_kernel_that_takes_no_requests, has_everybody_told_and_nothing_is_done_later) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              use_calls();
              const PlaceForFiles place;
              static std::atomic<bool> forbidden{false};
              calls.submit = [](io_uring* ring) noexcept {
                return forbidden ? -EPERM : real_kernel_calls.submit(ring);
              };
              uring::Ring ring({.driven_by = uring::Options::DrivenBy::caller,
                                .entries = 32768,
                                .under_way_at_most = 1U << 17,
                                .threads = 1});
              forbidden = true;
              uring::Batch batch;
              for (int i = 0; i < 600; ++i) batch.add(i % 2 == 0 ? alice() : bob(), made(place, "never"));
              const auto chain = [&] {
                return made(place, "never").then(uring::timeout(0ms).within(1h)).always(uring::timeout(0ms));
              };
              batch.add(alice(), chain());
              // What is done always is handed over by and by; as many as there is room for fail at once.
              for (int i = 0; i < 40000; ++i) {
                batch.add(bob(), made(place, "never").always(uring::timeout(0ms)).always(made(place, "never")));
              }
              ring.run(batch);
              for (std::size_t i = 0; i < batch.size(); ++i) must(!batch[i], "it was done");
              must_equal(batch[0].error_number(), EPERM, "the first one's error");
              forbidden = false;
              const auto good = ring.run(
                  alice(),
                  uring::open(place.file("later"), O_CREAT | O_WRONLY, 0600).then(uring::write(uring::opened, "x", 1)));
              must(good[1].value() == 1, "after it");
              must_equal(place.owner("later"), long{alice_id}, "owner");
              must_equal(place.owner("never"), -1L, "what was given up");
            }),
            "");
}

// No table of files, which a chain's `opened` is in.
void forbid_tables_of_files_by_seccomp() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_register, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IORING_REGISTER_FILES, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
  must(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "PR_SET_SECCOMP");
}

TEST(A_kernel_that_has_no_room_for_files, has_what_opens_them_told_and_the_others_go_on) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              forbid_tables_of_files_by_seccomp();
              const PlaceForFiles place;
              uring::Ring ring({.threads = 1});
              std::promise<void> told;
              ring.submit(alice(), made(place).always(uring::close(uring::opened)),
                          [&](const std::array<Result, 2>& results) {
                            if (refused(Error::Reason::out_of_resources, [&] { (void)results[0].value(); })) {
                              told.set_value();
                            }
                          });
              must(told.get_future().wait_for(10s) == std::future_status::ready, "nobody was told");
              must_equal(place.owner("a"), -1L, "it was made");
              ::close(ring.run(alice(), made(place)).value());
            }),
            "");
}

// The kernel takes no more than it has memory for, and what it took runs without the rest (io_submit_sqes() in
// io_uring/io_uring.c).
TEST(A_kernel_that_takes_a_part_of_a_chain, does_the_rest_of_it_in_its_turn) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        use_calls();
        const PlaceForFiles place;
        calls.submit = [](io_uring* ring) noexcept {
          return fails_now() ? submit_one(ring) : real_kernel_calls.submit(ring);
        };
        uring::Ring ring({.threads = 1});
        (void)ring.run(alice(), uring::timeout(0ms));
        int ends[2];
        must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
        char text;
        const auto folder = [&](const std::string& name) { return uring::mkdirat(AT_FDCWD, place.file(name), 0700); };
        for (int taken = 1; taken <= 4; ++taken) {
          failures_left = taken;
          const auto results = ring.run(alice(), folder("none/a").then(folder("b")).then(folder("c")));
          failures_left = 0;
          must_equal(results[0].error_number(), ENOENT, "the first");
          must_equal(results[1].error_number(), ECANCELED, "the second");
          must_equal(place.owner("b"), -1L, "it was made though the first failed");
          must_equal(place.owner("c"), -1L, "it was made though the first failed");
        }
        for (int taken = 1; taken <= 4; ++taken) {
          failures_left = taken;
          const auto results = ring.run(alice(), folder("a").within(10s).then(folder("a/a")).always(folder("a/b")));
          failures_left = 0;
          for (const Result& each : results) must_equal(each.error_number(), 0, "a whole chain");
          must_equal(place.owner("a/b"), long{alice_id}, "owner");
          failures_left = taken;
          const auto file = ring.run(alice(), uring::open(place.file("a/c"), O_CREAT | O_WRONLY, 0600)
                                                  .then(uring::write(uring::opened, "x", 1))
                                                  .then(uring::timeout(0ms))
                                                  .then(uring::fsync(uring::opened).within(10s))
                                                  .always(uring::close(uring::opened)));
          failures_left = 0;
          for (const Result& each : file) must_equal(each.error_number(), 0, "a chain in pieces");
          for (int times = 0; times < 50; ++times) {
            failures_left = taken;
            const Result limited = ring.run(alice(), uring::read(ends[0], &text, 1).within(1ms));
            failures_left = 0;
            must_equal(limited.error_number(), ETIMEDOUT, "what has a time limit");
          }
          std::filesystem::remove_all(place.file("a"));
        }
      }),
      "");
}

TEST(A_chain, is_handed_over_at_once_where_the_kernel_does_it_as_it_says) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              use_calls();
              const PlaceForFiles place;
              static std::atomic<int> times{0};
              calls.submit = [](io_uring* ring) noexcept {
                ++times;
                return real_kernel_calls.submit(ring);
              };
              uring::Ring ring({.driven_by = uring::Options::DrivenBy::caller, .threads = 1});
              ::close(ring.run(alice(), made(place)).value());
              const auto times_for = [&](auto chain) {
                times = 0;
                for (const Result& each : ring.run(alice(), std::move(chain))) must(bool{each}, "a request");
                return times.load();
              };
              char text;
              const auto file = [&] { return uring::open(place.file("a"), O_RDWR); };
              must_equal(times_for(file()
                                       .then(uring::write(uring::opened, "x", 1, 0))
                                       .then(uring::read(uring::opened, &text, 1, 0))
                                       .always(uring::close(uring::opened))),
                         1, "what has nothing to wait for");
              must_equal(times_for(file()
                                       .then(uring::write(uring::opened, "x", 1, 0))
                                       .then(uring::read(uring::opened, &text, 1, 0).within(10s))
                                       .always(uring::close(uring::opened))),
                         2, "one with a time limit");
              must_equal(times_for(file()
                                       .then(uring::fsync(uring::opened))
                                       .then(uring::unlinkat(AT_FDCWD, place.file("a")))
                                       .always(uring::close(uring::opened))),
                         2, "one whose failure the kernel does not look at");
            }),
            "");
}

TEST(A_kernel_that_does_not_let_wait, is_watched_in_another_way) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              use_calls();
              calls.wait = [](io_uring*, __kernel_timespec*) noexcept { return -EPERM; };
              uring::Ring ring({.threads = 1});
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::thread writer([&] {
                std::this_thread::sleep_for(5ms);
                (void)!::write(ends[1], "x", 1);
              });
              char text;
              must_equal(ring.run(alice(), uring::read(ends[0], &text, 1)).value(), 1, "read");
              writer.join();
            }),
            "");
}

TEST(What_can_be_neither_waited_for_nor_cancelled, ends_the_process_before_its_memory_is_used_again) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    use_calls();
    static std::atomic<bool> forbidden{false};
    calls.submit = [](io_uring* ring) noexcept { return forbidden ? -EPERM : real_kernel_calls.submit(ring); };
    calls.wait = [](io_uring* ring, __kernel_timespec* limit) noexcept {
      return forbidden ? -EPERM : real_kernel_calls.wait(ring, limit);
    };
    int ends[2];
    must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
    char text;
    uring::Ring ring({.threads = 1});
    ring.submit(alice(), uring::read(ends[0], &text, 1), [](const Result&) {});
    until([&] { return ring.counts().under_way == 1; }, "it is not under way");
    forbidden = true;
  });
  EXPECT_TRUE(end.exited);
  EXPECT_EQ(end.status, 70) << end.failure;
  EXPECT_NE(end.said.find("neither waited for nor cancelled"), std::string::npos) << end.said;
}

}  // namespace
}  // namespace behalf::testing
