// per_identity<T>: made, probed, given and destroyed as whom it belongs to, and never given to anybody else.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "behalf/per_identity.h"
#include "cursed.h"
#include "identity/token_data.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

struct Made {
  uid_t as = uid_now();
  int number = 0;
};

TEST(An_object, is_made_as_whose_it_is_by_whomever_and_kept_for_its_identity) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> number = 0;
              per_identity<Made> cache([&] { return Made{.number = ++number}; });
              on_thread([&] {
                must_equal(cache.get()->as, uid_t{0}, "the service's");
                const Impersonation as{alice()};
                must_equal(cache.get()->as, alice_id, "hers");
                must_equal(cache.get(bob())->as, bob_id, "his, asked for by her");
                must_equal(cache.get(as_service)->number, 1, "the service's, again");
                must_equal(uid_now(), alice_id, "the thread");
              });
              must_equal(cache.get(alice())->number, 2, "hers, kept");
              must_equal(cache.get(Token::from_ids(bob_id, bob().gid(), bob().groups(), bob().name()))->number, 3,
                         "his, by an equal token");
              // All of the identity is the key.
              must_equal(cache.get(Token::from_ids(bob_id, bob().gid(), {}, bob().name()))->number, 4,
                         "without groups");
              must_equal(cache.get(bob().with_posture(posture_effective))->number, 5, "in another posture");
              const PerIdentityCounts counts = cache.counts();
              must(counts.made == 5 && counts.hits == 3 && counts.kept == 5, "counts");
            }),
            "");
}

// The hash says where to look, and never whose it is: neither where two identities have the same, nor where the one
// that is handed along is another's.
TEST(An_object, is_not_given_to_another_identity_for_its_hash) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              detail::TokenData data = *bob().data();
              data.hash = hers.hash();
              const Token his{std::make_shared<const detail::TokenData>(data)};
              must(his.hash() == hers.hash() && his != hers, "two of one hash");
              const auto make = [](const Carried& who) { return std::make_shared<Token>(who.data()); };
              detail::IdentityCache cache({}, make, {});
              const auto is = [&](const std::shared_ptr<void>& object, const Token& whose) {
                return object != nullptr && *static_cast<const Token*>(object.get()) == whose;
              };
              for (int i = 0; i < 5; ++i) {  // by the cache, and by what the thread has got before
                must(is(cache.get(hers), hers), "hers");
                must(i > 0 || cache.find(his.data(), his.hash()) == nullptr, "hers, for the hash");
                must(is(cache.get(his), his), "his");
                for (const Token& who : {hers, his}) {
                  for (const Token& other : {hers, his, bob(), Token::of_process()}) {
                    const std::shared_ptr<void> found = cache.find(who.data(), other.hash());
                    must(found == nullptr || is(found, who), "another's, by another's hash");
                    must(found != nullptr || who.hash() != other.hash(), "not found by its own");
                  }
                }
              }
            }),
            "");
}

// The main thread is not impersonated in `full`: a worker makes and destroys what is a user's.
TEST(An_object, is_destroyed_as_whose_it_is_by_whomever_lets_go_of_it_last) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t hers = nobody_yet;
              uid_t his = nobody_yet;
              std::shared_ptr<Witness> held;
              {
                per_identity<Witness> cache([&](const Token& who) { return Witness(who == alice() ? hers : his); });
                held = cache.get(alice());
                (void)cache.get(bob());
                must(cache.drop(alice()) && !cache.drop(alice()), "dropped");
              }
              must_equal(his, bob_id, "his was destroyed as");
              must_equal(hers, nobody_yet, "hers was destroyed as");
              held.reset();
              must_equal(hers, alice_id, "hers was destroyed as");
            }),
            "");
}

TEST(Those_who_ask_at_the_same_time, get_what_one_of_them_makes) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> made = 0;
              per_identity<Made> cache([&] {
                std::this_thread::sleep_for(10ms);
                return Made{.number = ++made};
              });
              std::atomic<int> wrong = 0;
              std::vector<std::thread> threads;
              for (int i = 0; i < 16; ++i) {
                threads.emplace_back([&, i] {
                  const Token& who = i % 2 == 0 ? alice() : bob();
                  if (cache.get(who)->as != who.uid()) ++wrong;
                });
              }
              for (std::thread& thread : threads) thread.join();
              must_equal(made.load(), 2, "made");
              must_equal(wrong.load(), 0, "wrong");
            }),
            "");
}

// The kernel's zero-groups bug, .NET's and Hadoop's negative caches: a failure is nobody's answer but of those who
// waited.
TEST(What_fails, is_told_to_all_that_waited_and_never_kept) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> tries = 0;
              per_identity<Made> cache([&] {
                std::this_thread::sleep_for(20ms);
                if (++tries == 1) throw std::runtime_error("the directory is down");
                return Made{};
              });
              std::atomic<int> told = 0;
              std::vector<std::thread> threads;
              for (int i = 0; i < 4; ++i) {
                threads.emplace_back([&] {
                  try {
                    (void)cache.get(alice());
                  } catch (const std::runtime_error&) {
                    ++told;
                  }
                });
              }
              for (std::thread& thread : threads) thread.join();
              must(told >= 1 && cache.counts().failed == 1, "told");
              must_equal(cache.get(alice())->as, alice_id, "made the next time, as");
              // An identity that cannot be taken makes nothing.
              put_curse();
              must(refused(Error::Reason::out_of_resources, [&] { (void)cache.get(cursed()); }), "not refused");
              curse_is_on = false;
              must_equal(cache.get(cursed())->as, cursed_id, "then");
            }),
            "");
}

TEST(An_object, that_is_asked_for_by_what_makes_it_is_refused) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              per_identity<int>* itself = nullptr;
              per_identity<int> cache([&] { return *itself->get() + 1; });
              itself = &cache;
              must(refused(Error::Reason::would_wait_for_itself, [&] { (void)cache.get(alice()); }), "not refused");
              must_equal(cache.counts().kept, std::size_t{0}, "kept");
            }),
            "");
}

TEST(An_object, is_probed_as_whose_it_is_and_made_anew_where_it_is_unfit) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> number = 0;
              std::atomic<bool> fit = true;
              std::string wrong;
              per_identity<Made> cache([&] { return Made{.number = ++number}; }, {},
                                       [&](Made& made) {
                                         if (uid_now() != made.as) wrong = "probed as somebody else";
                                         return fit.load();
                                       });
              (void)cache.get(alice());
              must_equal(cache.get(alice())->number, 1, "fit");
              fit = false;
              must_equal(cache.get(alice())->number, 2, "unfit");
              must(wrong.empty() && cache.counts().unfit == 1 && cache.counts().kept == 1, "counts");
            }),
            "");
}

TEST(An_object, that_has_outlived_its_time_is_made_anew) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> number = 0;
              uid_t destroyed = nobody_yet;
              per_identity<Witness> cache([&] { return ++number, Witness(destroyed); }, {.lives = 200ms});
              (void)cache.get(alice());
              (void)cache.get(alice());
              must_equal(number.load(), 1, "made");
              std::this_thread::sleep_for(220ms);
              (void)cache.get(alice());
              must_equal(number.load(), 2, "made anew");
              must_equal(destroyed, alice_id, "destroyed as");
              std::this_thread::sleep_for(220ms);
              cache.drop_expired();
              must(cache.counts().kept == 0 && cache.counts().expired == 2, "counts");
              per_identity<int> used([&] { return ++number; }, {.lives_unused = 400ms});
              for (int i = 0; i < 4; ++i, std::this_thread::sleep_for(150ms)) (void)used.get(alice());
              must_equal(number.load(), 3, "used all the time");
            }),
            "");
}

TEST(A_cache, drops_what_was_not_asked_for_for_longest_and_a_refresh_that_fails_keeps_the_old) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              bool fails = false;
              std::map<uid_t, int> made;
              per_identity<int> cache(
                  [&](const Token& who) {
                    if (fails) throw std::runtime_error("no");
                    return ++made[who.uid()];
                  },
                  {.at_most = 2});
              (void)cache.get(alice());
              (void)cache.get(bob());
              (void)cache.get(alice());
              (void)cache.get(as_service);
              must(cache.counts().evicted == 1 && cache.counts().kept == 2, "counts");
              must_equal(*cache.get(alice()), 1, "hers");
              must_equal(*cache.get(bob()), 2, "his, made anew");
              must_equal(*cache.refresh(bob()), 3, "refreshed");
              fails = true;
              try {
                (void)cache.refresh(bob());
                must(false, "refreshed");
              } catch (const std::runtime_error&) {
              }
              must_equal(*cache.get(bob()), 3, "kept");
            }),
            "");
}

// Its end may ask the cache that it comes out of: for what takes its place, or for what it needs itself.
TEST(An_object, that_has_outlived_its_time_may_ask_for_its_like_as_it_ends) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              struct Asking {
                int number;
                std::function<void()>* at_end;
                ~Asking() {
                  if (number == 1) (*at_end)();
                }
              };
              int made = 0, found = 0;
              std::function<void()> at_end;
              per_identity<Asking> cache([&] { return Asking{++made, &at_end}; }, {.lives = 100ms});
              at_end = [&] { found = cache.get(alice())->number; };
              on_thread([&] {
                (void)cache.get(alice());
                std::this_thread::sleep_for(110ms);
                must_equal(cache.get(alice())->number, 2, "in its place");
              });
              must_equal(found, 2, "what it found at its end");
              must(cache.counts().made == 2 && cache.counts().expired == 1, "counts");
            }),
            "");
}

// Who is only looking whether it is fit is not making it anew.
TEST(An_object, that_is_just_probed_is_made_anew_all_the_same_for_who_says_so) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> made = 0;
              std::atomic<bool> probing = false, go = false;
              per_identity<int> cache([&] { return ++made; }, {},
                                      [&](int&) {
                                        probing = true;
                                        while (!go) std::this_thread::yield();
                                        return true;
                                      });
              must_equal(*cache.get(alice()), 1, "made");
              std::thread looks([&] { (void)cache.get(alice()); });
              while (!probing) std::this_thread::yield();
              int refreshed = 0;
              std::thread anew([&] { refreshed = *cache.refresh(alice()); });
              std::this_thread::sleep_for(50ms);  // it waits for the probe
              go = true;
              looks.join();
              anew.join();
              must_equal(refreshed, 2, "what the refresh gave");
              must_equal(*cache.get(alice()), 2, "kept");
            }),
            "");
}

TEST(A_cache, keeps_no_more_than_was_said_after_a_refresh_that_failed) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<bool> fails = false, making = false, go = false;
              per_identity<int> cache(
                  [&](const Token& who) {
                    if (who.uid() != alice_id || !fails) return 1;
                    making = true;
                    while (!go) std::this_thread::yield();
                    throw std::runtime_error("no");
                  },
                  {.at_most = 1});
              (void)cache.get(alice());
              fails = true;
              std::thread anew([&] {
                try {
                  (void)cache.refresh(alice());
                } catch (const std::runtime_error&) {
                }
              });
              while (!making) std::this_thread::yield();
              (void)cache.get(bob());
              go = true;
              anew.join();
              must_equal(cache.counts().kept, std::size_t{1}, "kept");
            }),
            "");
}

TEST(A_cache, keeps_as_many_as_was_said_whatever_the_number) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const auto kept = [](std::size_t at_most, std::size_t made) {
                per_identity<int> cache([] { return 1; }, {.at_most = at_most});
                for (std::size_t i = 0; i < made; ++i) {
                  const auto id = static_cast<uid_t>(10'000 + i);
                  must_equal(*cache.get(Token::from_ids(id, id, {})), 1, "given");
                }
                must_equal(cache.counts().evicted + cache.counts().kept, made, "kept or dropped");
                return cache.counts().kept;
              };
              on_thread([&] {
                must_equal(kept(0, 3), std::size_t{0}, "of none");
                must_equal(kept(std::numeric_limits<std::size_t>::max(), 2000), std::size_t{2000}, "of any number");
                must(kept(1000, 5000) <= 1000, "of 1000");
              });
            }),
            "");
}

// A thread-local object that is made before the thread has worked as anybody ends after what the library keeps of it.
TEST(An_object, that_ends_with_its_thread_leaves_nothing_behind) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> ended = 0, as_her = 0;
              struct Counted {
                std::atomic<int>* ended;
                std::atomic<int>* as_her;
                ~Counted() {
                  ++*ended;
                  if (uid_now() == alice_id) ++*as_her;
                }
              };
              per_identity<Counted> cache([&] { return Counted{&ended, &as_her}; });
              const Token hers = alice();
              const auto use = [&](int threads) {
                for (int i = 0; i < threads; ++i) {
                  std::thread([&] {
                    thread_local per_identity<Counted>::Handle handle;
                    handle.reset();
                    handle = cache.get(hers);
                    must(cache.drop(hers), "drop");
                  }).join();
                }
              };
              use(50);
              const std::size_t before = ::mallinfo2().uordblks;
              use(500);
              const std::size_t after = ::mallinfo2().uordblks;
              must(ended == 550 && as_her == 550, "ended as her");
              must(after < before + 500 * 16,
                   "each thread leaves " + std::to_string((after - before) / 500) + " bytes");
            }),
            "");
}

// A user whose rights were changed: what was being made meanwhile is for those who had asked before.
TEST(What_is_dropped_while_it_is_made, is_not_given_to_who_asks_later) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> number = 0;
              std::atomic<bool> go = false;
              per_identity<int> cache([&] {
                const int mine = ++number;
                while (mine == 1 && !go) std::this_thread::yield();
                return mine;
              });
              int before = 0;
              std::thread first([&] { before = *cache.get(alice()); });
              while (number != 1) std::this_thread::yield();
              must(cache.drop(alice()), "dropped");
              must_equal(*cache.get(alice()), 2, "asked for later");
              go = true;
              first.join();
              must_equal(before, 1, "asked for before");
              must_equal(*cache.get(alice()), 2, "kept");
            }),
            "");
}

// A thread that has got an object before gets it again without a lock: as long as it is given out, and no longer.
class What_a_thread_has_got_before : public ::testing::Test {
 protected:
  // Often enough for it to be known by the thread.
  static int often(per_identity<int>& cache, const Token& who) {
    int got = 0;
    for (int i = 0; i < 5; ++i) got = *cache.get(who);
    return got;
  }
  // By another thread, of which this one is told nothing.
  static void elsewhere(const std::function<void()>& f) { std::thread(f).join(); }
};

TEST_F(What_a_thread_has_got_before, is_not_given_to_it_once_it_is_dropped_replaced_or_outlived) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              std::atomic<int> number = 0;
              per_identity<int> cache([&] { return ++number; }, {.lives = 300ms});
              std::vector<std::shared_ptr<int>> held;  // so that it is not for being gone that it is not given
              const auto hold = [&] { held.push_back(cache.get(hers)); };
              must_equal(often(cache, hers), 1, "made");
              hold();
              elsewhere([&] { (void)cache.drop(alice()); });
              must_equal(often(cache, hers), 2, "dropped");
              hold();
              elsewhere([&] { (void)cache.refresh(alice()); });
              must_equal(often(cache, hers), 3, "replaced");
              hold();
              elsewhere([&] { cache.clear(); });
              must_equal(often(cache, hers), 4, "cleared");
              hold();
              std::this_thread::sleep_for(310ms);
              must_equal(often(cache, hers), 5, "outlived");
            }),
            "");
}

TEST_F(What_a_thread_has_got_before, is_still_probed_when_it_is_time) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              std::atomic<int> number = 0;
              std::atomic<bool> fit = true;
              per_identity<int> cache([&] { return ++number; }, {.probed_after = 100ms},
                                      [&](int&) { return fit.load(); });
              must_equal(often(cache, hers), 1, "made");
              fit = false;
              must_equal(often(cache, hers), 1, "not probed yet");
              std::this_thread::sleep_for(110ms);
              must_equal(often(cache, hers), 2, "unfit");
            }),
            "");
}

TEST_F(What_a_thread_has_got_before, is_used_by_that_and_not_dropped_for_want_of_room) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              const Token his = bob();
              std::atomic<int> number = 0;
              per_identity<int> cache([&] { return ++number; }, {.at_most = 3});
              must_equal(often(cache, hers), 1, "hers");
              must_equal(often(cache, his), 2, "his");
              for (gid_t other = 0; other < 20; ++other) {
                (void)cache.get(Token::from_ids(20000 + other, 20000 + other, {}));
                must_equal(often(cache, hers), 1, "asked for all the time");
              }
              must(often(cache, his) > 2, "not asked for");
            }),
            "");
}

TEST_F(What_a_thread_has_got_before, does_not_live_on_for_its_sake_and_is_counted) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              uid_t destroyed = nobody_yet;
              std::optional<per_identity<Witness>> cache;
              cache.emplace([&] { return Witness(destroyed); });
              for (int i = 0; i < 100; ++i) (void)cache->get(hers);
              must(cache->counts().hits == 99 && cache->counts().made == 1, "counts");
              elsewhere([&] { (void)cache->drop(alice()); });
              must_equal(destroyed, alice_id, "destroyed when it was dropped, as");
              // Another cache that comes to be where this one was does not give out what this one had.
              for (int i = 0; i < 5; ++i) (void)cache->get(hers);
              cache.emplace([&] { return Witness(destroyed); });
              (void)cache->get(hers);
              must(cache->counts().hits == 0 && cache->counts().made == 1, "of another cache");
            }),
            "");
}

// Tickets of hers are in the memory as long as there is a copy of her token, and what a thread remembers is none.
TEST_F(What_a_thread_has_got_before, does_not_keep_her_tickets) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              per_identity<int> cache([] { return 1; });
              std::weak_ptr<const void> tickets;
              on_thread([&] {
                {
                  const auto kept = std::make_shared<const int>(1);
                  tickets = kept;
                  const Token delegated{detail::with_tickets(*alice().data(), {"MEMORY:hers", kept})};
                  for (int i = 0; i < 5; ++i) (void)cache.get(delegated);
                  must(cache.drop(delegated), "drop");
                }
                must(tickets.expired(), "they are still there");
              });
            }),
            "");
}

TEST_F(What_a_thread_has_got_before, is_whom_it_wears_now_s) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              const Token his = bob();
              per_identity<Made> cache([] { return Made{}; });
              on_thread([&] {
                for (int i = 0; i < 20; ++i) {
                  const Impersonation as{hers};
                  must_equal(cache.get()->as, alice_id, "hers");
                  const Impersonation as_him{his};
                  must_equal(cache.get()->as, bob_id, "his");
                  const AsService self;
                  must_equal(cache.get()->as, uid_t{0}, "the service's");
                }
              });
              must(cache.counts().made == 3 && cache.counts().hits == 57, "counts");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
