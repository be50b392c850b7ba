// Arenas: each part of a parallel algorithm runs as whoever called it, and no worker is left as a user.
#include <gtest/gtest.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <execution>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "any_call_fails.h"
#include "behalf/tbb.h"
#include "behalf/thread.h"
#include "cursed.h"
#include "refused.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

// What was seen by the parts of a loop.
class Seen {
 public:
  void look(const Token& wanted) {
    const std::string wrong = difference(wanted);
    const std::lock_guard lock(mutex_);
    threads_.insert(std::this_thread::get_id());
    if (!wrong.empty()) wrong_ = wrong;
  }
  [[nodiscard]] std::string wrong() const { return wrong_; }
  [[nodiscard]] std::size_t threads() const { return threads_.size(); }

 private:
  std::mutex mutex_;
  std::set<std::thread::id> threads_;
  std::string wrong_;
};

// A loop whose parts are long enough for workers to come.
void loop(Seen& seen, const Token& wanted, int parts = 64) {
  oneapi::tbb::parallel_for(
      0, parts,
      [&](int) {
        seen.look(wanted);
        std::this_thread::sleep_for(200us);
      },
      oneapi::tbb::simple_partitioner());
}

// oneTBB's workers yield a hundred times before they leave an arena, each time to all that a busy machine has to do.
void must_leave_no_user_behind() {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  std::string left = threads_that_are_not_root();
  while (!left.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
    left = threads_that_are_not_root();
  }
  must(left.empty(), "left as a user: " + left);
}

TEST(A_parallel_loop_in_an_arena, runs_in_every_part_as_its_caller) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.threads = 4});
              std::size_t most = 0;
              // On a busy machine the workers may come late.
              for (int round = 0; round < 3 || (most <= 1 && round < 300); ++round) {
                for (const Token& user : {alice(), bob(), alice().with_posture(Posture::shielded)}) {
                  on_thread([&] {
                    const KernelView before = kernel_view();
                    Seen seen;
                    {
                      const Impersonation as{user};
                      arenas.execute([&] { loop(seen, user); });
                      must_equal(uid_now(), user.uid(), "the caller afterwards");
                    }
                    must(seen.wrong().empty(), seen.wrong());
                    most = std::max(most, seen.threads());
                    must_be(kernel_view(), before, "the caller after its scope");
                  });
                }
              }
              must(most > 1, "no worker ever helped: nothing was tested");
              must_leave_no_user_behind();
            }),
            "");
}

// The arenas are made by a user, and oneTBB starts its threads then.
TEST(Workers, are_the_service_between_two_users_whoever_made_them) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{alice()};
                tbb::Arenas arenas({.threads = 4});
                Seen seen;
                arenas.execute(bob(), [&] { loop(seen, bob()); });
                must(seen.wrong().empty(), seen.wrong());
                Seen own;
                arenas.execute(as_service, [&] { loop(own, Token::of_process()); });
                must(own.wrong().empty(), own.wrong());
              });
              must_leave_no_user_behind();
            }),
            "");
}

TEST(Parallel_algorithms, of_the_standard_library_run_as_their_caller_in_an_arena) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas;
              std::vector<int> parts(200);
              for (const Token& user : {alice(), bob()}) {
                Seen seen;
                on_thread([&] {
                  arenas.execute(user, [&] {
                    std::for_each(std::execution::par, parts.begin(), parts.end(), [&](int) { seen.look(user); });
                  });
                });
                must(seen.wrong().empty(), seen.wrong());
              }
            }),
            "");
}

TEST(A_loop_within_a_loop, may_be_somebody_elses) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.threads = 3});
              on_thread([&] {
                Seen outer;
                Seen inner;
                arenas.execute(alice(), [&] {
                  oneapi::tbb::parallel_for(0, 8, [&](int) {
                    outer.look(alice());
                    arenas.execute(bob(), [&] { loop(inner, bob(), 8); });
                    outer.look(alice());
                  });
                });
                must(outer.wrong().empty(), "outside " + outer.wrong());
                must(inner.wrong().empty(), "inside " + inner.wrong());
              });
              must_leave_no_user_behind();
            }),
            "");
}

// Each caller is in an arena and wants one of the other identity: were there one for each of the two, full of callers,
// everybody would wait for everybody.
TEST(Callers_of_two_identities, call_as_one_another_without_waiting_for_one_another) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.kept = 2, .threads = 2});
              std::vector<Seen> seen(8);
              {
                std::vector<thread> callers;
                for (std::size_t i = 0; i < seen.size(); ++i) {
                  const Token user = i % 2 == 0 ? alice() : bob();
                  const Token other = i % 2 == 0 ? bob() : alice();
                  callers.emplace_back(as_service, [&, user, other, i] {
                    for (int round = 0; round < 20; ++round) {
                      arenas.execute(user, [&] {
                        oneapi::tbb::parallel_for(0, 4, [&](int) {
                          arenas.execute(other, [&] { loop(seen[i], other, 2); });
                          seen[i].look(user);
                        });
                      });
                    }
                  });
                }
                for (thread& caller : callers) caller.join();
              }
              for (const Seen& each : seen) must(each.wrong().empty(), each.wrong());
              must_leave_no_user_behind();
            }),
            "");
}

class Graph {
 public:
  Graph(Seen& seen, const Token& wanted)
      : node_(graph_, oneapi::tbb::flow::unlimited, [&seen, wanted](int part) {
          seen.look(wanted);
          std::this_thread::sleep_for(100us);
          return part;
        }) {}
  void run() {
    for (int part = 0; part < 200; ++part) node_.try_put(part);
    graph_.wait_for_all();
  }

 private:
  oneapi::tbb::flow::graph graph_;
  oneapi::tbb::flow::function_node<int, int> node_;
};

TEST(A_flow_graph, is_whoever_made_it_whoever_waits_for_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.kept = 1, .threads = 2});
              on_thread([&] {
                Seen seen;
                std::optional<Graph> graph;
                arenas.execute(alice(), [&] { graph.emplace(seen, alice()); });
                graph->run();
                must_equal(uid_now(), uid_t{0}, "who waited");
                {
                  const Impersonation as{bob()};
                  graph->run();
                  must_equal(uid_now(), bob_id, "who waited");
                }
                arenas.execute(bob(), [&] {
                  oneapi::tbb::parallel_for(0, 8, [&](int) {
                    graph->run();
                    must_equal(uid_now(), bob_id, "who waited in a loop");
                  });
                });
                must(seen.wrong().empty(), seen.wrong());
              });
              must_leave_no_user_behind();
            }),
            "");
}

TEST(An_exception, comes_back_and_leaves_nobody_behind) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.threads = 4});
              on_thread([&] {
                bool thrown = false;
                try {
                  arenas.execute(alice(), [&] {
                    oneapi::tbb::parallel_for(0, 1000, [](int n) {
                      if (n == 500) throw std::runtime_error("no");
                    });
                  });
                } catch (const std::runtime_error&) {
                  thrown = true;
                }
                must(thrown, "nothing was thrown");
                must_equal(uid_now(), uid_t{0}, "the caller");
              });
              must_leave_no_user_behind();
            }),
            "");
}

// The kernel refuses the identity to workers: the caller does all the work, and they come when they can.
TEST(A_worker_that_cannot_wear_the_identity, does_not_come_to_the_work) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.threads = 4});
              on_thread([&] {
                const Token who = cursed();
                Seen alone;
                const Impersonation as{who};
                put_curse();
                for (int round = 0; round < 500 && arenas.counts().not_worn == 0; ++round) {
                  arenas.execute([&] { loop(alone, who); });
                }
                must(arenas.counts().not_worn > 0, "no worker came: nothing was tested");
                must(alone.wrong().empty(), alone.wrong());
                must_equal(alone.threads(), std::size_t{1}, "threads that worked");
                curse_is_on = false;
                std::size_t most = 0;
                for (int round = 0; round < 200 && most < 2; ++round) {
                  Seen together;
                  arenas.execute([&] { loop(together, who); });
                  must(together.wrong().empty(), together.wrong());
                  most = std::max(most, together.threads());
                }
                must(most > 1, "no worker came when it could");
              });
              must_leave_no_user_behind();
            }),
            "");
}

TEST(A_caller_that_cannot_wear_the_identity, runs_nothing) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas;
              on_thread([&] {
                put_curse();
                bool ran = false;
                must(refused(Error::Reason::out_of_resources, [&] { arenas.execute(cursed(), [&] { ran = true; }); }),
                     "it was run");
                must(!ran, "it was run");
              });
              must(refused(Error::Reason::main_thread, [&] { arenas.execute(alice(), [] {}); }), "on the main thread");
            }),
            "");
}

TEST(Wherever_a_credential_call_fails, no_part_of_a_loop_runs_as_somebody_else) {
  const Ends ends = wherever_a_call_fails([](long number) {
    start(ServiceKind::root);
    tbb::Arenas arenas({.threads = 3});
    let_call_fail(number, EPERM);
    bool was_refused = false;
    on_thread([&] {
      Seen seen;
      for (const Token& user : {alice(), bob()}) {
        was_refused |=
            refused(Error::Reason::not_permitted, [&] { arenas.execute(user, [&] { loop(seen, user, 8); }); });
        must(seen.wrong().empty(), seen.wrong());
      }
    });
    must_leave_no_user_behind();
    return was_refused;
  });
  EXPECT_GE(ends.refused, 5);
  EXPECT_GE(ends.by_itself, 5);
}

TEST(Arenas_of_many_identities, are_done_away_with_when_others_ask) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.kept = 4, .threads = 2});
              on_thread([&] {
                for (uid_t i = 0; i < 200; ++i) {
                  const Token user = Token::from_ids(5000 + i % 50, 5000 + i % 50, {});
                  Seen seen;
                  arenas.execute(user, [&] { loop(seen, user, 4); });
                  must(seen.wrong().empty(), seen.wrong());
                }
                const tbb::ArenasCounts counts = arenas.counts();
                must_equal(counts.arenas, std::size_t{4}, "arenas that are kept");
                must(counts.made + counts.alone >= 50, "one arena served several identities");
              });
              must_leave_no_user_behind();
            }),
            "");
}

// oneTBB does away with an arena when a worker has seen that it is empty, and each is in the way of everybody's loops.
TEST(Arenas_of_many_identities, do_not_pile_up_where_workers_do_not_come) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.kept = 1, .threads = 2});
              on_thread([&] {
                for (uid_t i = 0; i < 2000; ++i) {
                  const Token user = Token::from_ids(5000 + i % 50, 5000 + i % 50, {});
                  std::string wrong;
                  arenas.execute(user, [&] {
                    oneapi::tbb::parallel_for(0, 4, [](int) {});
                    wrong = difference(user);
                  });
                  must(wrong.empty(), wrong);
                  const std::size_t leaving = arenas.counts().leaving;
                  must(leaving <= 40, std::to_string(leaving) + " arenas are leaving");
                }
              });
            }),
            "");
}

// Enqueued and not waited for, while others ask until the arena is done away with.
TEST(Work_that_is_left_behind, runs_as_its_caller_all_the_same) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.kept = 1, .threads = 2});
              Seen seen;
              std::atomic<int> ran{0};
              on_thread([&] {
                for (int round = 0; round < 20; ++round) {
                  arenas.execute(alice(), [&] {
                    for (int i = 0; i < 4; ++i) {
                      oneapi::tbb::this_task_arena::enqueue([&] {
                        seen.look(alice());
                        ++ran;
                      });
                    }
                  });
                  arenas.execute(bob(), [] {});
                }
                const auto deadline = std::chrono::steady_clock::now() + 60s;
                while (ran < 80 && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
              });
              must_equal(ran.load(), 80, "of the work was run");
              must(seen.wrong().empty(), seen.wrong());
            }),
            "");
}

TEST(Callers_at_the_same_time, are_each_themselves) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              tbb::Arenas arenas({.kept = 2, .threads = 3});
              std::vector<Seen> seen(6);
              {
                std::vector<thread> callers;
                for (uid_t i = 0; i < 6; ++i) {
                  const Token user = Token::from_ids(5000 + i, 5000 + i, {});
                  callers.emplace_back(user, [&, user, i] {
                    for (int round = 0; round < 10; ++round) arenas.execute([&] { loop(seen[i], user, 8); });
                  });
                }
                for (thread& caller : callers) caller.join();
              }
              for (const Seen& each : seen) must(each.wrong().empty(), each.wrong());
              must_leave_no_user_behind();
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
