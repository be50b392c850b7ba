// behalf::thread: born as the service, wears its maker to its end.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <thread>
#include <vector>

#include "behalf/thread.h"
#include "cursed.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

TEST(A_thread, wears_its_maker_to_its_end_and_the_maker_keeps_what_it_wears) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                std::string wrong = "it did not run";
                uid_t argument_destroyed = nobody_yet;
                static uid_t local_destroyed = nobody_yet;
                {
                  const Impersonation as{alice()};
                  thread worker(
                      [&](Witness) {
                        thread_local const Witness local(local_destroyed);
                        (void)local;
                        wrong = difference(alice());
                      },
                      Witness(argument_destroyed));
                  worker.join();
                  must_equal(uid_now(), alice_id, "the maker");
                }
                must(wrong.empty(), wrong);
                must_equal(argument_destroyed, alice_id, "the argument was destroyed as");
                must_equal(local_destroyed, alice_id, "a thread-local object was destroyed as");
              });
            }),
            "");
}

// What a copy of the creator would have: its saved ids, its keyring; and that it never was the service.
TEST(A_thread, is_born_as_the_service_whatever_the_maker_wears) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const KernelView service = kernel_view();
                const Impersonation as{alice()};
                thread plain(as_service, [&] {
                  must_equal(worn().has_value(), false, "wears");
                  KernelView view = kernel_view();
                  must(view.blocked_signals != service.blocked_signals, "asynchronous signals reach it");
                  view.blocked_signals = service.blocked_signals;
                  must_be(view, service, "the thread");
                });
              });
            }),
            "");
}

TEST(A_thread, joins_and_is_told_to_stop_when_its_object_ends) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                std::atomic<bool> stopped = false;
                {
                  thread worker(alice(), [&](std::stop_token stop) {
                    while (!stop.stop_requested()) std::this_thread::yield();
                    stopped = true;
                  });
                  thread other;
                  other = std::move(worker);
                  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): that is what is asked
                  must(other.joinable() && !worker.joinable(), "moved");
                }
                must(stopped, "it was not waited for");
              });
            }),
            "");
}

// What is written for std::jthread compiles with the other name.
TEST(A_thread, has_the_names_of_jthread) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<unsigned> ran{0};
              std::vector<thread> threads;
              for (unsigned i = 0; i < thread::hardware_concurrency(); ++i)
                threads.emplace_back(alice(), [&] { ++ran; });
              thread other;
              must(other.get_id() == thread::id(), "a thread that is not there has an id");
              const thread::id first = threads.front().get_id();
              swap(other, threads.front());
              must(other.get_id() == first && !threads.front().joinable(), "they have not changed places");
              const thread::native_handle_type handle = other.native_handle();
              must(handle != thread::native_handle_type{}, "it has no handle");
              other.join();
              threads.clear();
              must_equal(ran.load(), thread::hardware_concurrency(), "threads that ran");
            }),
            "");
}

TEST(A_thread, whose_identity_cannot_be_worn_is_not_there_and_runs_nothing) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                uid_t destroyed = nobody_yet;
                bool ran = false;
                put_curse();
                must(refused(Error::Reason::out_of_resources,
                             [&] { thread(cursed(), [&ran, w = Witness(destroyed)] { ran = true; }); }),
                     "it was started");
                must(!ran && destroyed == nobody_yet && abandoned() == 1, "something was done as somebody");
                curse_is_on = false;
                must_equal(destroy_abandoned(), std::size_t{0}, "kept");
                must_equal(destroyed, cursed_id, "destroyed as");
              });
            }),
            "");
}

TEST(A_thread, that_cannot_be_made_runs_nothing_and_its_callable_is_destroyed_as_its_maker) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              on_thread([] {
                const rlimit none{0, 0};
                must(::setrlimit(RLIMIT_NPROC, &none) == 0, "setrlimit");
                uid_t destroyed = nobody_yet;
                bool ran = false;
                must(refused(Error::Reason::out_of_resources,
                             [&] { thread(alice(), [&ran, w = Witness(destroyed)] { ran = true; }); }),
                     "it was started");
                must(!ran, "it was run");
                must_equal(destroyed, alice_id, "destroyed as");
                must_equal(uid_now(), account_id, "the maker");
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
