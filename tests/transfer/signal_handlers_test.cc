// SignalHandlers: handlers of signals run as the service, and no user is ever one.
#include "behalf/signal_handlers.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>

#include "behalf/impersonation.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using Handlers = std::map<int, SignalHandlers::Handler>;

std::atomic<uid_t> handled_as;

void note(int) {
  handled_as = uid_now();
}

void send_to_process(int signal) {
  must(::kill(::getpid(), signal) == 0, "kill");
}

TEST(Without_signal_handlers, a_handler_runs_as_the_user_whom_its_thread_wears) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              struct sigaction action {};
              action.sa_handler = note;
              must(::sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction");
              handled_as = nobody_yet;
              std::thread([] {
                const Impersonation as{alice()};
                ::pthread_kill(::pthread_self(), SIGUSR1);
              }).join();
              must_equal(handled_as.load(), alice_id, "handled as");
            }),
            "");
}

TEST(Signal_handlers, run_as_the_service_while_other_threads_wear_users) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::promise<uid_t> handled[2];
              std::promise<int> sent;
              SignalHandlers signals({{SIGUSR1, [&](const siginfo_t&) { handled[0].set_value(uid_now()); }},
                                      {SIGHUP, [&](const siginfo_t& about) {
                                         sent.set_value(about.si_value.sival_int);
                                         handled[1].set_value(uid_now());
                                       }}});
              std::promise<void> worn;
              std::promise<void> end;
              std::thread other([&] {
                const Impersonation as{alice()};
                worn.set_value();
                end.get_future().wait();
              });
              worn.get_future().wait();
              send_to_process(SIGUSR1);
              must_equal(handled[0].get_future().get(), uid_t{0}, "handled as");
              sigval value{};
              value.sival_int = 7;
              must(::sigqueue(::getpid(), SIGHUP, value) == 0, "sigqueue");
              must_equal(handled[1].get_future().get(), uid_t{0}, "the other, handled as");
              must_equal(sent.get_future().get(), 7, "what was sent along");
              end.set_value();
              other.join();
            }),
            "");
}

TEST(Signal_handlers, made_while_impersonating_are_the_service_all_the_same) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              sigset_t all;
              sigfillset(&all);
              ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
              on_thread([] {
                const Impersonation as{alice()};
                std::promise<uid_t> handled;
                SignalHandlers signals(Handlers{{SIGUSR1, [&](const siginfo_t&) { handled.set_value(uid_now()); }}});
                {
                  const AsService self;
                  send_to_process(SIGUSR1);
                }
                must_equal(handled.get_future().get(), uid_t{0}, "handled as");
                must_equal(uid_now(), alice_id, "who made them");
              });
            }),
            "");
}

TEST(Signal_handlers, may_wear_whom_they_work_for) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::promise<uid_t> handled;
              SignalHandlers signals(Handlers{{SIGUSR1, [&](const siginfo_t&) {
                                                 const Impersonation as{bob()};
                                                 handled.set_value(uid_now());
                                               }}});
              send_to_process(SIGUSR1);
              must_equal(handled.get_future().get(), bob_id, "handled as");
            }),
            "");
}

TEST(Signal_handlers, are_refused_where_another_thread_would_take_the_signal) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::promise<void> begun;
              std::jthread other([&](const std::stop_token& stop) {
                begun.set_value();
                while (!stop.stop_requested()) std::this_thread::yield();
              });
              begun.get_future().wait();  // until then it blocks all signals (pthread_create(3))
              must(refused(Error::Reason::not_permitted,
                           [] {
                             SignalHandlers(Handlers{{SIGUSR1, [](const siginfo_t&) {}}});
                           }),
                   "it was not");
              sigset_t mask;
              ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
              must(sigismember(&mask, SIGUSR1) == 0, "the mask is not as before");
              other.request_stop();
              other.join();
              SignalHandlers(Handlers{{SIGUSR1, [](const siginfo_t&) {}}});
            }),
            "");
}

TEST(Signal_handlers, that_cannot_be_are_refused) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const auto impossible = [](Handlers handlers) {
                try {
                  SignalHandlers signals(std::move(handlers));
                } catch (const std::invalid_argument&) {
                  return true;
                }
                return false;
              };
              const auto nothing = [](const siginfo_t&) {};
              must(impossible({}), "none");
              must(impossible({{SIGUSR1, nullptr}}), "no handler");
              for (const int signal : {0, SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, SIGBUS, 32, 33, 65, -1}) {
                must(impossible({{signal, nothing}}), "signal " + std::to_string(signal));
              }
              SignalHandlers all({{SIGRTMIN, nothing}, {SIGRTMAX, nothing}, {SIGCHLD, nothing}, {SIGTERM, nothing}});
            }),
            "");
}

TEST(Signal_handlers, end_when_their_last_handler_has_and_leave_the_signals_blocked) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (int round = 0; round < 50; ++round) {
                std::atomic<int> begun{0};
                std::atomic<int> ended{0};
                {
                  SignalHandlers signals(Handlers{{SIGTERM, [&](const siginfo_t&) {
                                                     ++begun;
                                                     std::this_thread::yield();
                                                     ++ended;
                                                   }}});
                  send_to_process(SIGTERM);
                }
                must_equal(ended.load(), begun.load(), "handlers that ended");
                send_to_process(SIGTERM);  // kept for the next ones; it would end the process
              }
            }),
            "");
}

TEST(Signal_handlers, that_get_no_thread_leave_the_mask_as_it_was) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              const rlimit none{0, 0};
              must(::setrlimit(RLIMIT_NPROC, &none) == 0, "setrlimit");
              must(refused(Error::Reason::out_of_resources,
                           [] {
                             SignalHandlers(Handlers{{SIGUSR1, [](const siginfo_t&) {}}});
                           }),
                   "it was not");
              sigset_t mask;
              ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
              must(sigismember(&mask, SIGUSR1) == 0, "the mask is not as before");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
