// OpenMP: every thread of a team is whoever began the region. Compiled twice: with the functions of behalf/openmp.h, on
// any runtime; and as plain OpenMP on a runtime that has tools (BEHALF_PLAIN_OPENMP).
#include <gtest/gtest.h>
#include <omp.h>

#include <mutex>
#include <set>
#include <thread>

#ifdef BEHALF_PLAIN_OPENMP
#include "behalf/impersonation.h"
#include "behalf/ompt.h"
#else
#include "any_call_fails.h"
#include "behalf/openmp.h"
#include "refused.h"
#endif

#include "cursed.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

constexpr int team = 4;

class Seen {
 public:
  void look(const Token& wanted) {
    const std::string wrong = difference(wanted);
    const std::lock_guard lock(mutex_);
    threads_.insert(std::this_thread::get_id());
    if (!wrong.empty()) wrong_ = wrong;
    ++count_;
  }
  [[nodiscard]] std::string wrong() const { return wrong_; }
  [[nodiscard]] std::size_t threads() const { return threads_.size(); }
  [[nodiscard]] int count() const { return count_; }

 private:
  std::mutex mutex_;
  std::set<std::thread::id> threads_;
  std::string wrong_;
  int count_ = 0;
};

#ifdef BEHALF_PLAIN_OPENMP
void loop(Seen& seen, const Token& wanted) {
#pragma omp parallel for num_threads(team) schedule(static, 1)
  for (int i = 0; i < team; ++i) seen.look(wanted);
}
#else
void loop(Seen& seen, const Token& wanted) {
  openmp::parallel([&](int, int) { seen.look(wanted); }, team);
}
#endif

TEST(Every_thread_of_a_team, is_whoever_began_the_region_and_the_service_afterwards) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                for (int round = 0; round < 20; ++round) {
                  for (const Token& user : {alice(), bob()}) {
                    Seen seen;
                    {
                      const Impersonation as{user};
                      loop(seen, user);
                      must_equal(uid_now(), user.uid(), "who began it, afterwards");
                    }
                    must(seen.wrong().empty(), seen.wrong());
                    must_equal(seen.threads(), std::size_t{team}, "threads");
                    const std::string left = threads_that_are_not_root();
                    must(left.empty(), "left as a user: " + left);
                  }
                  Seen own;
                  loop(own, Token::of_process());
                  must(own.wrong().empty(), own.wrong());
                }
              });
            }),
            "");
}

#ifdef BEHALF_PLAIN_OPENMP

// Work before, between and after the barriers of a region.
void between_barriers(Seen& seen, const Token& wanted) {
#pragma omp parallel num_threads(team)
  {
    seen.look(wanted);
#pragma omp for
    for (int i = 0; i < 2 * team; ++i) seen.look(wanted);
    seen.look(wanted);
#pragma omp barrier
    seen.look(wanted);
#pragma omp sections
    {
#pragma omp section
      seen.look(wanted);
#pragma omp section
      seen.look(wanted);
    }
    seen.look(wanted);
  }
}

TEST(A_thread_of_a_team, stays_whoever_began_the_region_across_its_barriers) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                for (const Token& user : {alice(), bob()}) {
                  const Impersonation as{user};
                  Seen seen;
                  between_barriers(seen, user);
                  must(seen.wrong().empty(), seen.wrong());
                }
              });
              const std::string left = threads_that_are_not_root();
              must(left.empty(), "left as a user: " + left);
            }),
            "");
}

// A region within a region, of whoever its own thread is.
void regions_in_regions(Seen& hers, Seen& his) {
  omp_set_max_active_levels(2);
#pragma omp parallel num_threads(team)
  {
    hers.look(alice());
#pragma omp parallel num_threads(2)
    hers.look(alice());
    hers.look(alice());
    {
      const Impersonation as_him{bob()};
#pragma omp parallel num_threads(2)
      his.look(bob());
      his.look(bob());
    }
    hers.look(alice());
#pragma omp barrier
    hers.look(alice());
  }
}

TEST(A_region_within_a_region, leaves_its_threads_as_they_were) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                Seen hers;
                Seen his;
                const Impersonation as{alice()};
                for (int round = 0; round < 10; ++round) regions_in_regions(hers, his);
                must(hers.wrong().empty(), "hers: " + hers.wrong());
                must(his.wrong().empty(), "his: " + his.wrong());
              });
              const std::string left = threads_that_are_not_root();
              must(left.empty(), "left as a user: " + left);
            }),
            "");
}

void many_inner_regions(Seen& hers) {
  omp_set_max_active_levels(2);
#pragma omp parallel num_threads(8)
  for (int round = 0; round < 500; ++round) {
#pragma omp parallel num_threads(2)
    hers.look(alice());
  }
}

// The runtime gives the teams of inner regions from one to the other, and tells late that one has ended.
TEST(Regions_within_regions, that_begin_and_end_at_the_same_time_do_not_mix) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                Seen hers;
                const Impersonation as{alice()};
                many_inner_regions(hers);
                must(hers.wrong().empty(), hers.wrong());
              });
              const std::string left = threads_that_are_not_root();
              must(left.empty(), "left as a user: " + left);
            }),
            "");
}

void league(Seen& seen) {
#pragma omp teams num_teams(3) thread_limit(2)
  {
    seen.look(alice());
#pragma omp parallel num_threads(2)
    seen.look(alice());
    seen.look(alice());
  }
}

TEST(Every_team_of_a_league, is_whoever_began_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                Seen seen;
                {
                  const Impersonation as{alice()};
                  for (int round = 0; round < 10; ++round) league(seen);
                }
                must(seen.wrong().empty(), seen.wrong());
                must(seen.threads() > 1, "it was one team");
              });
              const std::string left = threads_that_are_not_root();
              must(left.empty(), "left as a user: " + left);
            }),
            "");
}

// Each task of hers makes one of his, and waits for it within a scope of its own.
void make_tasks(Seen& hers, Seen& his) {
#pragma omp parallel num_threads(team)
#pragma omp single
  for (int i = 0; i < 50; ++i) {
#pragma omp task shared(hers, his)
    {
      hers.look(alice());
      const Impersonation as_him{bob()};
#pragma omp task shared(his)
      his.look(bob());
#pragma omp taskwait
      hers.look(bob());
    }
  }
}

TEST(Explicit_tasks, are_whoever_made_them) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                Seen hers;
                Seen his;
                const Impersonation as{alice()};
                make_tasks(hers, his);
                must(hers.wrong().empty(), "hers: " + hers.wrong());
                must(his.wrong().empty(), "his: " + his.wrong());
                must_equal(his.count(), 50, "tasks");
                must(ompt::is_watching(), "the runtime has no tools");
              });
              const std::string left = threads_that_are_not_root();
              must(left.empty(), "left as a user: " + left);
            }),
            "");
}

TEST(A_thread_that_cannot_be_whoever_began_the_region, ends_the_process) {
  const ChildEnd end = in_child([] {
    start(ServiceKind::root);
    on_thread([] {
      Seen warm;
      loop(warm, Token::of_process());
      const Impersonation as{cursed()};
      put_curse();
      Seen seen;
      loop(seen, cursed());
    });
  });
  EXPECT_FALSE(end.exited && end.status == 0);
  EXPECT_NE(end.said.find("a thread of an OpenMP team cannot be whoever began its region"), std::string::npos)
      << end.said;
}

#else

TEST(A_parallel_loop, does_each_index_once_as_its_caller) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{alice()};
                Seen seen;
                std::vector<int> done(1000);
                openmp::parallel_for(0, 1000, [&](int i) {
                  seen.look(alice());
                  ++done[static_cast<std::size_t>(i)];
                });
                must(seen.wrong().empty(), seen.wrong());
                must(done == std::vector<int>(1000, 1), "some were done twice or not at all");
                openmp::parallel_for(Carried(bob()), 5, 5, [](int) { throw std::runtime_error("an empty range"); });
              });
            }),
            "");
}

TEST(A_parallel_loop, to_the_greatest_index_that_there_is_ends_there) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                std::vector<std::atomic<int> > done(256);
                openmp::parallel_for(
                    Carried(alice()), std::uint8_t{0}, std::uint8_t{255},
                    [&](std::uint8_t i) { must(++done[i] == 1, "an index was done twice"); }, team);
                for (std::size_t i = 0; i < 255; ++i) must_equal(done[i].load(), 1, "times that an index was done");
                must_equal(done[255].load(), 0, "times that the end was done");
              });
            }),
            "");
}

TEST(An_exception, leaves_the_region_once_all_threads_have_been_given_back) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                bool thrown = false;
                try {
                  openmp::parallel_for(Carried(alice()), 0, 100, [](int i) {
                    if (i == 50) throw std::runtime_error("no");
                  });
                } catch (const std::runtime_error&) {
                  thrown = true;
                }
                must(thrown, "nothing was thrown");
                const std::string left = threads_that_are_not_root();
                must(left.empty(), "left as a user: " + left);
              });
            }),
            "");
}

TEST(A_thread_that_cannot_wear_the_caller, runs_nothing_and_the_caller_is_told) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                put_curse();
                Seen seen;
                must(refused(Error::Reason::out_of_resources,
                             [&] {
                               openmp::parallel(
                                   Carried(cursed()), [&](int, int) { seen.look(cursed()); }, team);
                             }),
                     "nobody was told");
                must_equal(seen.count(), 0, "threads that ran it");
              });
            }),
            "");
}

TEST(Wherever_a_credential_call_fails, no_thread_of_a_team_is_somebody_else) {
  const Ends ends = wherever_a_call_fails([](long number) {
    start(ServiceKind::root);
    let_call_fail(number, EPERM);
    bool was_refused = false;
    on_thread([&] {
      Seen seen;
      for (const Token& user : {alice(), bob()}) {
        const auto look = [&](int, int) { seen.look(user); };
        was_refused |= refused(Error::Reason::not_permitted, [&] { openmp::parallel(Carried(user), look, team); });
        must(seen.wrong().empty(), seen.wrong());
      }
    });
    const std::string left = threads_that_are_not_root();
    must(left.empty(), "left as a user: " + left);
    return was_refused;
  });
  EXPECT_GE(ends.refused, 5);
  EXPECT_GE(ends.by_itself, 5);
}

#endif

}  // namespace
}  // namespace behalf::testing
