// Whatever fails, wherever: no work runs or is destroyed as somebody else, everybody is told, nothing hangs.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "any_call_fails.h"
#include "behalf/bind.h"
#include "behalf/mail_socket.h"
#include "behalf/mailbox.h"
#include "behalf/run_as.h"
#include "behalf/signal_handlers.h"
#include "behalf/task.h"
#include "behalf/thread.h"
#include "behalf/thread_pool.h"
#include "behalf/timer.h"
#include "gate.h"
#include "no_thread.h"
#include "own_accounts.h"
#include "refused.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

const char* const passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:3001:3001:Alice:/home/alice:/bin/sh\n";
const char* const group = "root:x:0:\nalice:x:3001:\ndevs:x:3100:alice\n";

std::atomic<int> ran{0};
std::atomic<int> refusals{0};
std::atomic<bool> was_somebody_else{false};

void must_be_now(const Token& user) {
  if (!difference(user).empty()) was_somebody_else = true;
}

// Work of a user's. Once it has been taken over, it is nobody else's to run or to destroy.
class Work {
 public:
  explicit Work(Token user) : user_(std::move(user)) {}
  Work(Work&& other) noexcept : user_(other.user_), taken_over_(true) { other.taken_over_ = false; }
  Work& operator=(Work&&) = delete;
  ~Work() {
    if (taken_over_) must_be_now(user_);
  }
  void operator()() {
    must_be_now(user_);
    ++ran;
  }

 private:
  Token user_;
  bool taken_over_ = false;
};

template <class F>
void attempt(F&& f) {
  try {
    f();
  } catch (const Error&) {
    ++refusals;
  }
}

void must_be_settled(std::future<void>& told) {
  must(told.wait_for(20s) == std::future_status::ready, "a future is not satisfied");
  attempt([&] { told.get(); });
}

void pool() {
  std::vector<std::future<void>> told;
  attempt([&] {
    ThreadPool workers({.threads = 2});
    for (const Token& user : {alice(), bob(), alice()}) {
      attempt([&] { told.push_back(workers.submit(user, Work(user))); });
    }
    attempt([&] {
      const Impersonation as{bob()};
      told.push_back(workers.submit(Work(bob())));
    });
  });
  for (auto& each : told) must_be_settled(each);
}

task<void> twice_on(ThreadPool& workers, Token user) {
  must_be_now(user);
  co_await schedule(workers);
  must_be_now(user);
  ++ran;
}

void coroutine() {
  std::vector<std::future<void>> told;
  attempt([&] {
    ThreadPool workers({.threads = 2});
    for (const Token& user : {alice(), bob()}) {
      attempt([&] { told.push_back(behalf::start(workers, twice_on(workers, user).as(user))); });
    }
    attempt([&] { sync_wait(when_all(twice_on(workers, alice()).as(alice()))); });
    attempt([&] { sync_wait(twice_on(workers, bob()).as(bob())); });
    for (auto& each : told) must_be_settled(each);
  });
}

void thread_of_its_own() {
  for (const Token& user : {alice(), bob()}) {
    attempt([&] { behalf::thread(user, Work(user)).join(); });
  }
  attempt([&] {
    const Impersonation as{alice()};
    behalf::thread(Work(alice())).join();
  });
  attempt([&] { run_as(bob(), Work(bob())); });
}

void bound_callable() {
  for (const Token& user : {alice(), bob()}) {
    attempt([&] { bind(user, Work(user))(); });
    attempt([&] {
      auto bound = [&] {
        const Impersonation as{user};
        return bind(Work(user));
      }();
      bound();
    });
  }
}

void alarm_of_a_timer() {
  attempt([&] {
    Timer timer;
    std::vector<Alarm> alarms;
    for (const Token& user : {alice(), bob(), alice(), bob()}) {
      attempt([&] { alarms.push_back(timer.after(user, 1ms, Work(user))); });
    }
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    for (const Alarm& each : alarms) {
      while (each.is_set() && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
      must(!each.is_set(), "an alarm does not go off");
    }
    // What is no longer set has begun, and may yet be refused.
    const auto told = [&] { return ran + static_cast<int>(timer.counts().not_worn); };
    while (told() < static_cast<int>(alarms.size()) && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::yield();
    }
    refusals += static_cast<int>(timer.counts().not_worn);
  });
}

// To bob, from alice.
void message() {
  std::vector<std::future<void>> told;
  attempt([&] {
    Mailbox<Work> box(bob());
    std::jthread receiver([&](const std::stop_token& stop) {
      for (bool more = true; more;) {
        try {
          more = box.handle_one(stop, [](Message<Work>& received) {
            must_be_now(bob());
            const Impersonation as = received.impersonate_sender();
            must_be_now(alice());
            ++ran;
          });
        } catch (const Error&) {  // the receiver could not be worn, and the message is there still
        }
      }
    });
    for (int i = 0; i < 4; ++i) {
      attempt([&] {
        const Impersonation as{alice()};
        told.push_back(box.ask(Work(bob()), Level::impersonation));
      });
    }
    for (auto& each : told) must_be_settled(each);
  });
}

// To bob, from alice, over a socket.
void mail() {
  attempt([&] {
    auto [in, out] = mail_socket_pair();
    MailSender to(std::move(out));
    std::jthread receiver([&in = in](const std::stop_token& stop) {
      MailReceiver box(Carried(bob()), std::move(in));
      for (bool more = true; more;) {
        try {
          more = box.handle_one(stop, [](Message<std::string>& received) {
            must_be_now(bob());
            const Impersonation as = received.impersonate_sender();
            must_be_now(alice());
            ++ran;
          });
        } catch (const Error&) {  // the receiver could not be worn, and the message is there still
        }
      }
    });
    for (int i = 0; i < 4; ++i) {
      attempt([&] {
        const Impersonation as{alice()};
        (void)to.send("as alice", Level::impersonation);
      });
    }
  });
}

struct Way {
  const char* name;
  void (*hand_over)();  // four pieces of work
};
constexpr Way ways[] = {{"pool", pool},
                        {"coroutine", coroutine},
                        {"thread", thread_of_its_own},
                        {"bind", bound_callable},
                        {"timer", alarm_of_a_timer},
                        {"mailbox", message},
                        {"mail", mail}};

std::ostream& operator<<(std::ostream& out, const Way& way) {
  return out << way.name;
}

class Whatever_fails : public ::testing::TestWithParam<Way> {
 public:
  // Lets the n-th call of a kind fail for each n, until there are no more: each time in a process of its own.
  template <class LetFail>
  void at_every_point(int at_least, const LetFail& let_fail, const std::atomic<bool>& failed) {
    bool more = true;
    for (long number = 0; more; ++number) {
      ASSERT_LT(number, 2000);
      const ChildEnd end = in_child([&] {
        if (std::string{"mail"} == GetParam().name) own_accounts(passwd, group);  // by which a sender is known
        start(ServiceKind::root);
        let_fail(number);
        on_thread(GetParam().hand_over);
        must(!was_somebody_else, "run or destroyed as somebody else");
        // Whoever waits for what has been done may yet not go on as herself, and is told too.
        must((ran <= 4 && ran + refusals >= 4) || (ran == 0 && refusals == 1),
             std::to_string(ran) + " run, " + std::to_string(refusals) + " refused");
        must(refusals == 0 || failed, "refused for nothing");
        must(threads_that_are_not_root().empty(), threads_that_are_not_root());
        ::_exit(!failed ? 4 : refusals > 0 ? 3 : 2);
      });
      ASSERT_TRUE(end.exited) << number << ": signal " << end.status << ' ' << end.said;
      ASSERT_TRUE((end.status >= 2 && end.status <= 4) || end.status == 70)
          << number << ": " << end.status << ' ' << end.failure << ' ' << end.said;
      more = end.status != 4;
      refused_ += end.status == 3 ? 1 : 0;
      ended_ += end.status == 70 ? 1 : 0;
    }
    EXPECT_GE(refused_, at_least);
  }

 protected:
  int refused_ = 0;
  int ended_ = 0;  // a thread could not be given back
};

TEST_P(Whatever_fails, of_credential_calls_nobodys_work_is_done_as_somebody_else) {
  at_every_point(
      5, [](long number) { let_call_fail(number, EPERM); }, a_call_failed);
  EXPECT_GE(ended_, 5);
}

#if !defined(__SANITIZE_THREAD__)
TEST_P(Whatever_fails, of_threads_that_are_made_nobodys_work_is_done_as_somebody_else) {
  if (std::set<std::string>{"bind", "mailbox", "mail"}.contains(GetParam().name)) GTEST_SKIP() << "none is";
  at_every_point(
      1, [](long number) { let_thread_fail(number + 1); }, a_thread_failed);  // on_thread makes one
  EXPECT_EQ(ended_, 0);
}

TEST(Signal_handlers, that_get_no_thread_are_not_there) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              let_thread_fail(0);
              must(refused(Error::Reason::out_of_resources,
                           [] {
                             SignalHandlers({{SIGHUP, [](const siginfo_t&) {}}});
                           }),
                   "they are");
              SignalHandlers({{SIGHUP, [](const siginfo_t&) {}}});
            }),
            "");
}
#endif

INSTANTIATE_TEST_SUITE_P(In, Whatever_fails, ::testing::ValuesIn(ways),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(A_full_pool, refuses_a_task_which_is_destroyed_as_its_user_and_one_that_goes_there_is_told) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool workers({.threads = 1, .capacity = 1, .when_full = ThreadPoolOptions::WhenFull::refuse});
              Gate gate;
              gate.hold(workers);
              auto queued = workers.submit(alice(), Work(alice()));
              const auto with_work = [](ThreadPool& full, Work work) -> task<void> {
                bool told = false;
                try {
                  co_await schedule(full);
                } catch (const Error& error) {
                  told = error.reason() == Error::Reason::queue_full;
                }
                must(told, "it was not told");
                work();
              };
              must(refused(Error::Reason::queue_full,
                           [&] { (void)behalf::start(workers, with_work(workers, Work(bob())).as(bob())); }),
                   "it was begun");
              on_thread([&] { sync_wait(with_work(workers, Work(bob())).as(bob())); });
              gate.open();
              must_be_settled(queued);
              must(!was_somebody_else, "run or destroyed as somebody else");
              must_equal(ran.load(), 2, "run");
              must_equal(refusals.load(), 0, "refused");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
