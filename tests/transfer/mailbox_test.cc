// Mailbox: a message is handled as its receiver, who learns and uses of its sender what was granted.
#include "behalf/mailbox.h"

#include <gtest/gtest.h>

#include <atomic>

#include "any_call_fails.h"
#include "behalf/thread.h"
#include "cursed.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

struct Note {
  explicit Note(int n) : number(n) {}
  Note(int n, uid_t& destroyed_as) : number(n), witness(std::in_place, destroyed_as) {}
  Note(Note&&) noexcept = default;
  int number;
  std::optional<Witness> witness{};
};

template <class F>
void as(const Token& token, F&& f) {
  on_thread([&] {
    const Impersonation worn_here{token};
    f();
  });
}

TEST(A_message, is_handled_and_destroyed_as_the_receiver_whoever_sends_and_whoever_dispatches) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t destroyed = nobody_yet;
              Mailbox<Note> box(bob());
              as(alice(), [&] {
                box.post(Note(1, destroyed));
                must_equal(uid_now(), alice_id, "the sender goes on as");
              });
              on_thread([&] {
                const KernelView before = kernel_view();
                std::string wrong = "it was not handled";
                must(box.handle_waiting([&](Message<Note>&) { wrong = difference(bob()); }), "no message");
                must(wrong.empty(), wrong);
                must_equal(destroyed, bob_id, "destroyed as");
                must_be(kernel_view(), before, "afterwards");
              });
            }),
            "");
}

TEST(A_message, identifies_its_sender_and_no_more_unless_more_is_granted) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        Mailbox<int> box;
        as(alice(), [&] {
          box.post(1);
          box.post(2, Level::anonymous);
          box.post(3, Level::impersonation);
        });
        on_thread([&] {
          must(box.handle_waiting([&](Message<int>& message) {
            must(message.sender() == alice().with_level(Level::identification), "not alice to be looked at");
            must(refused(Error::Reason::level_too_low, [&] { const auto worn_here = message.impersonate_sender(); }),
                 "identified, and impersonated");
            must_equal(uid_now(), uid_t{0}, "after the refusal");
          }),
               "the first");
          must(box.handle_waiting([&](Message<int>& message) {
            must(!message.sender(), "anonymous, and known");
            must(refused(Error::Reason::level_too_low, [&] { const auto worn_here = message.impersonate_sender(); }),
                 "anonymous, and impersonated");
          }),
               "the second");
          must(box.handle_waiting([&](Message<int>& message) {
            {
              const Impersonation worn_here = message.impersonate_sender();
              const std::string wrong = difference(alice());
              must(wrong.empty(), wrong);
            }
            must_equal(uid_now(), uid_t{0}, "after the scope");
          }),
               "the third");
          must(!box.handle_waiting([](Message<int>&) {}), "a fourth");
        });
      }),
      "");
}

TEST(A_sender, grants_no_more_than_it_has) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<int> box;
              as(alice(), [&] {
                must(refused(Error::Reason::power_needed, [&] { box.post(1, Level::delegation); }), "delegation");
              });
              on_thread([&] {
                ::syscall(SYS_setresuid, 7, 8, 0);
                box.post(2);
                must(refused(Error::Reason::power_needed, [&] { box.post(3, Level::impersonation); }),
                     "a thread of ids that nobody knows");
              });
              on_thread([&] {
                must(box.handle_waiting([&](Message<int>& message) {
                  must(*message == 2 && message.sender()->uid() == 8, "not that thread's");
                }),
                     "none");
                must(!box.handle_waiting([](Message<int>&) {}), "one that was refused");
              });
            }),
            "");
}

TEST(Sending, waits_for_the_answer_and_the_sender_stays_whoever_it_is) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<int, std::string> box;
              thread receiver([&](const std::stop_token& stop) {
                box.handle_until(stop, [](Message<int>& message) {
                  if (*message < 0) throw std::runtime_error("negative");
                  return std::to_string(uid_now()) + " answers " + message.sender()->name();
                });
              });
              as(alice(), [&] {
                must(box.send(1) == "0 answers alice", "the answer");
                must_equal(uid_now(), alice_id, "the sender");
                std::string said;
                try {
                  (void)box.send(-1);
                } catch (const std::runtime_error& error) {
                  said = error.what();
                }
                must(said == "negative", "what the handler threw: " + said);
              });
            }),
            "");
}

// A sender may point into its own stack: when it is answered, the receiver has done with the message.
TEST(An_answer, comes_when_nothing_of_the_message_is_left) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<Note> box(bob());
              thread receiver(as_service,
                              [&](const std::stop_token& stop) { box.handle_until(stop, [](Message<Note>&) {}); });
              for (int i = 0; i < 200; ++i) {
                uid_t destroyed = nobody_yet;
                box.send(Note(i, destroyed));
                must_equal(destroyed, bob_id, "at the answer, it was destroyed as");
              }
            }),
            "");
}

struct Stubborn {
  Stubborn() = default;
  Stubborn(const Stubborn& other) : moves(other.moves + 1) {
    if (moves == 3) throw std::runtime_error("not moved");
  }
  int moves = 0;
};

TEST(An_answer, that_cannot_be_moved_to_its_sender_is_what_that_threw) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<int, Stubborn> box;
              auto answer = box.ask(1);
              on_thread([&] {
                for (Stubborn one; box.handle_waiting([&](Message<int>&) -> Stubborn { return one; });) {
                }
              });
              std::string said;
              try {
                (void)answer.get();
              } catch (const std::exception& error) {
                said = error.what();
              }
              must(said == "not moved", said);
            }),
            "");
}

TEST(A_receiver_that_cannot_be_worn, leaves_the_message_where_it_is) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                uid_t destroyed = nobody_yet;
                Mailbox<Note, int> box(cursed());
                std::future<int> answer = box.ask(Note(5, destroyed));
                put_curse();
                bool handled = false;
                must(refused(Error::Reason::out_of_resources,
                             [&] { box.handle_waiting([&](Message<Note>&) { return handled = true, 0; }); }),
                     "it was handled");
                must(!handled && destroyed == nobody_yet, "something was done as somebody");
                must(answer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout, "it was answered");
                curse_is_on = false;
                must(box.handle_waiting([](Message<Note>& message) { return message->number; }), "it is gone");
                must_equal(answer.get(), 5, "the answer");
                must_equal(destroyed, cursed_id, "destroyed as");
              });
            }),
            "");
}

TEST(A_receiver_that_cannot_be_worn, leaves_the_message_to_another_that_waits) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<int> box(bob());
              std::atomic<int> refused_to = 0;
              const auto receive = [&](const std::stop_token& stop) {
                try {
                  box.handle_until(stop, [](Message<int>&) {});
                } catch (const Error&) {
                  ++refused_to;
                }
              };
              thread first(as_service, receive);
              thread second(as_service, receive);
              on_thread([&] {
                box.send(1);
                std::this_thread::sleep_for(std::chrono::milliseconds(20));  // both wait
                let_call_fail(0, EAGAIN);
                must(box.ask(2).wait_for(std::chrono::seconds(5)) == std::future_status::ready, "nobody handled it");
              });
              first.request_stop();
              second.request_stop();
              first.join();
              second.join();
              must_equal(refused_to.load(), 1, "receivers that were refused");
            }),
            "");
}

TEST(A_mailbox_that_closes, answers_everybody_and_destroys_as_the_receiver) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t destroyed = nobody_yet;
              std::future<void> answer;
              std::atomic<bool> returned = false;
              {
                Mailbox<Note> box(bob());
                as(alice(), [&] { answer = box.ask(Note(1, destroyed)); });
                box.close();
                must(refused(Error::Reason::cancelled, [&] { answer.get(); }), "the answer");
                must_equal(destroyed, bob_id, "destroyed as");
                destroyed = nobody_yet;
                must(refused(Error::Reason::cancelled, [&] { box.post(Note(2, destroyed)); }), "a closed box");
                must_equal(destroyed, bob_id, "what came too late was destroyed as");
                on_thread([&] {
                  box.handle_until({}, [](Message<Note>&) {});
                  returned = true;
                });
              }
              must(returned, "the receiver");
            }),
            "");
}

TEST(A_receiver, stops_when_it_is_asked_to) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<int> box;
              {
                thread receiver([&](const std::stop_token& stop) { box.handle_until(stop, [](Message<int>&) {}); });
              }
              box.post(1);
              std::stop_source stopped;
              stopped.request_stop();
              on_thread([&] { must(!box.handle_one(stopped.get_token(), [](Message<int>&) {}), "one was handled"); });
            }),
            "");
}

TEST(A_full_mailbox, makes_senders_wait_or_refuses_them) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<int> strict({.capacity = 1, .when_full = MailboxOptions::WhenFull::refuse});
              strict.post(1);
              must(refused(Error::Reason::queue_full, [&] { strict.post(2); }), "a second message");
              Mailbox<int> patient({.capacity = 1});
              patient.post(1);
              std::atomic<int> sum = 0;
              thread sender([&] {
                patient.post(2);
                patient.post(3);
                patient.close();
              });
              on_thread([&] {
                for (int i = 0; i < 3; ++i) {
                  (void)patient.handle_one({}, [&](Message<int>& message) { sum += *message; });
                }
              });
              sender.join();
              must(sum >= 3, "the sender did not wait");
            }),
            "");
}

TEST(A_handler, that_would_wait_for_its_own_mailbox_is_told) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                Mailbox<int> box({.capacity = 1});
                Mailbox<int> other;
                box.post(1);
                must(box.handle_waiting([&](Message<int>&) {
                  must(refused(Error::Reason::would_wait_for_itself, [&] { box.send(2); }), "send");
                  box.post(3);
                  must(refused(Error::Reason::would_wait_for_itself, [&] { box.post(4); }),
                       "post where there is no room");
                  other.post(5);
                }),
                     "none");
                must(box.handle_waiting([](Message<int>& message) { must_equal(*message, 3, "the message"); }), "none");
              });
            }),
            "");
}

TEST(A_message_to_nobody, that_throws_says_so_to_the_receiver) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                Mailbox<int> box(bob());
                box.post(1);
                const KernelView before = kernel_view();
                bool thrown = false;
                try {
                  box.handle_waiting([](Message<int>&) { throw std::runtime_error("no"); });
                } catch (const std::runtime_error&) {
                  thrown = true;
                }
                must(thrown, "nothing was thrown");
                must_be(kernel_view(), before, "afterwards");
              });
            }),
            "");
}

// Many senders of many identities, several receivers, and the mailbox closing under them: nobody is taken for another.
TEST(Many_senders, are_each_known_as_themselves) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              Mailbox<uid_t, bool> box({.capacity = 16});
              std::atomic<int> wrong = 0;
              std::atomic<int> answered = 0;
              {
                const auto receive = [&](const std::stop_token& stop) {
                  box.handle_until(stop, [&](Message<uid_t>& message) {
                    if (uid_now() != 0) ++wrong;
                    if (message.sender()->uid() != *message) ++wrong;
                    const Impersonation as_sender = message.impersonate_sender();
                    if (uid_now() != *message) ++wrong;
                    return true;
                  });
                };
                thread first(receive);
                thread second(receive);
                std::vector<thread> senders;
                for (uid_t i = 0; i < 8; ++i) {
                  senders.emplace_back(Token::from_ids(5000 + i, 5000 + i, {}), [&, i] {
                    for (int round = 0; round < 200; ++round) {
                      answered += box.send(5000 + i, Level::impersonation) ? 1 : 0;
                      if (uid_now() != 5000 + i) ++wrong;
                    }
                  });
                }
                for (thread& sender : senders) sender.join();
              }
              must_equal(wrong.load(), 0, "wrong");
              must_equal(answered.load(), 1600, "answered");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
