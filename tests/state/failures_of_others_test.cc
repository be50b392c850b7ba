// What went wrong in caches and pools of others that serve many users, each as a test of what is kept here by identity.
// The reports are public; what is named is the project and the number of its issue, commit or CVE.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <future>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "behalf/as_service.h"
#include "behalf/bound.h"
#include "behalf/environment.h"
#include "behalf/impersonation.h"
#include "behalf/known_folder.h"
#include "behalf/per_identity.h"
#include "behalf/thread_pool.h"
#include "child.h"
#include "children/household.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

// A connection that was authenticated as whoever opened it.
struct Connection {
  uid_t of = uid_now();
};

// .NET: HttpClient gave the second user the first one's connection, and the repair missed a second way to make the key
// (dotnet/runtime #58033, #63136, corefx #39621); curl reused a connection under other Negotiate credentials
// (CVE-2015-3148, CVE-2026-1965, CVE-2026-5545); npgsql #1799 and mssql-python #651 had the connection string alone as
// the key.
TEST(A_pooled_connection, is_of_whoever_asks_by_every_way_to_ask) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const Token hers = alice();
              const Token his = bob();
              per_identity<Connection> pool([] { return Connection{}; });
              on_thread([&] {
                for (int turn = 0; turn < 3; ++turn) {
                  for (const Token& who : {hers, his}) {
                    const Impersonation as{who};
                    must_equal(pool.get()->of, who.uid(), "worn");
                    must_equal(pool.refresh()->of, who.uid(), "worn, refreshed");
                    must_equal(pool.get(Carried())->of, who.uid(), "carried");
                    must_equal(pool.get(hers)->of, alice_id, "by her token");
                    must_equal(pool.get(Carried(his))->of, bob_id, "by his, carried");
                    must_equal(pool.refresh(hers)->of, alice_id, "by her token, refreshed");
                    must_equal(pool.get(as_service)->of, uid_t{0}, "the service's");
                    const AsService self;
                    must_equal(pool.get()->of, uid_t{0}, "the service, inside");
                  }
                }
              });
            }),
            "");
}

// .NET: HTTP connections were kept apart for the default credential only (dotnet/runtime #132267): here whatever the
// identity differs in.
TEST(A_pooled_connection, is_kept_apart_by_all_of_the_identity) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> made = 0;
              per_identity<int> pool([&] { return ++made; });
              std::set<int> different;
              const Token hers = alice();
              for (const Token& who :
                   {hers, Token::from_ids(alice_id, alice_id, {}, hers.name()),
                    Token::from_ids(alice_id, alice_id, {devs, staff}, hers.name()),
                    Token::from_ids(alice_id, staff, {devs}, hers.name()), hers.with_posture(posture_effective),
                    hers.with_level(Level::delegation, raise_level)}) {
                different.insert(*pool.get(who));
              }
              must_equal(different.size(), std::size_t{6}, "connections");
            }),
            "");
}

// SqlClient #4717: the pool was filled up in the background in whatever identity the thread had. curl #22567: the
// pool's own health probe, which ran as the process, defeated the guard.
TEST(A_pool, is_filled_and_probed_by_the_service_as_whose_it_is) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              std::atomic<int> wrong = 0;
              std::atomic<int> probed = 0;
              per_identity<Connection> pool([] { return Connection{}; }, {.probed_after = 1ms},
                                            [&](Connection& connection) {
                                              ++probed;
                                              if (uid_now() != connection.of) ++wrong;
                                              return probed % 2 == 0;
                                            });
              const Token hers = alice();
              // The service's own thread, and one that works for bob at the time.
              for (int turn = 0; turn < 10; ++turn) {
                must_equal(pool.refresh(hers)->of, alice_id, "filled by the service");
                std::this_thread::sleep_for(2ms);
                on_thread([&] {
                  const Impersonation as{bob()};
                  must_equal(pool.get(hers)->of, alice_id, "probed, and made anew, while bob is worn");
                });
              }
              must(probed > 0 && wrong == 0, "probed as somebody else");
            }),
            "");
}

// SimpleImpersonation #32: "works, then after idle it is the service account".
TEST(A_connection_that_was_idle, is_opened_anew_as_whose_it_was) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              per_identity<Connection> pool([] { return Connection{}; }, {.lives_unused = 20ms});
              const Token hers = alice();
              (void)pool.get(hers);
              std::this_thread::sleep_for(30ms);
              pool.drop_expired();
              must_equal(pool.get(hers)->of, alice_id, "after a while");
            }),
            "");
}

// Hadoop: FileSystem.CACHE had the UGI as its key, which was equal to itself alone: every proxy user was a new entry,
// until there were no descriptors left (45 000 connections for 10 000 files).
TEST(A_cache, has_one_entry_for_tokens_that_are_equal) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              per_identity<Connection> cache([] { return Connection{}; });
              for (int request = 0; request < 1000; ++request) {
                (void)cache.get(Token::from_ids(alice_id, alice_id, {devs}, "alice"));
              }
              must(cache.counts().kept == 1 && cache.counts().made == 1, "entries");
            }),
            "");
}

// Iceberg #10639, Hive #504, CDAP #9083: threads of a pool keep the first user that they worked for, and read as her
// for the next; Hadoop #7892: newly made threads have nobody.
TEST(A_pool_of_threads, works_for_whoever_submits_whoever_was_first) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              per_identity<Connection> connections([] { return Connection{}; });
              std::atomic<int> wrong = 0;
              ThreadPool pool({.threads = 2});
              std::vector<std::future<void>> all;
              for (int i = 0; i < 200; ++i) {
                const Token who = i % 2 == 0 ? alice() : bob();
                all.push_back(pool.submit(who, [&connections, &wrong, uid = who.uid()] {
                  if (connections.get()->of != uid || uid_now() != uid) ++wrong;
                }));
              }
              for (auto& each : all) each.get();
              must_equal(wrong.load(), 0, "tasks that had somebody else's");
            }),
            "");
}

// Samba CVE-2019-10197: a short cut for "we are this user already" left out the check of the folder; bug 14682: where a
// process is was cached by path, whoever had gone there. Trino #11756 and Alluxio #14715: a folder listed for one user
// was shown to another.
TEST(What_was_found_for_one, is_not_found_by_another_who_may_not_look) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              per_identity<std::vector<std::string>> listings([] {
                std::vector<std::string> names;
                for (const auto& each : std::filesystem::directory_iterator("/home/alice"))
                  names.push_back(each.path());
                return names;
              });
              household.script("alice", "secret", "");
              const Token hers = alice();
              const Token his = bob();
              for (int turn = 0; turn < 5; ++turn) {
                must_equal(listings.get(hers)->size(), std::size_t{1}, "hers");
                bool may_not = false;
                try {
                  (void)listings.get(his);
                } catch (const std::filesystem::filesystem_error& error) {
                  may_not = error.code().value() == EACCES;
                }
                must(may_not, "shown to bob");
              }
              must_equal(listings.counts().failed, std::uint64_t{5}, "asked each time, since nothing was kept");
            }),
            "");
}

// The kernel's sunrpc (truenas/linux #337 to #339): in an outage of the directory "no groups" was kept for half an
// hour. (Of the account database: known_users_test.cc.)
TEST(An_outage, is_over_when_it_is_over) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              bool outage = true;
              per_identity<std::vector<gid_t>> groups([&](const Token& who) {
                if (outage) throw std::runtime_error("the directory does not answer");
                return who.groups();
              });
              for (int turn = 0; turn < 3; ++turn) {
                bool told = false;
                try {
                  (void)groups.get(alice());
                } catch (const std::runtime_error&) {
                  told = true;
                }
                must(told, "an answer in an outage");
              }
              must_equal(groups.counts().kept, std::size_t{0}, "kept");
              outage = false;
              must(*groups.get(alice()) == alice().groups(), "after it");
            }),
            "");
}

// GlusterFS ae9d06d384: groups were cached by process id while the process changed users at every call.
TEST(What_is_cached_by_a_worker, is_of_the_user_and_not_of_the_worker) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              per_identity<std::vector<gid_t>> groups([](const Token& who) { return who.groups(); });
              on_thread([&] {
                for (int turn = 0; turn < 10; ++turn) {
                  for (const Token& who : {alice(), bob()}) {
                    const Impersonation as{who};
                    must(*groups.get() == who.groups(), "somebody else's groups");
                  }
                }
              });
            }),
            "");
}

// Samba bug 14668: the uid was switched and "the current user's name" was not: %U was somebody else.
TEST(Name_home_and_environment, are_of_whoever_is_worn) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              const Token users[] = {Token::for_user("alice"), Token::for_user("bob")};
              on_thread([&] {
                for (int turn = 0; turn < 3; ++turn) {
                  for (const Token& who : users) {
                    const Impersonation as{who};
                    must(expand("~/of/$USER") == household.home(who.name()) + "/of/" + who.name(), "expanded");
                    must(known_folder(Folder::home) == household.home(who.name()), "home");
                    must(known_folder(Folder::home, process_token) == "/root", "the service's own");
                  }
                }
              });
            }),
            "");
}

// grpc-dotnet #2129, corefx #26064: what lives long was made by the first caller and was his for ever. An object that
// is one user's refuses another.
TEST(What_the_first_caller_made, refuses_the_second) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              on_thread([] {
                std::optional<bound<Connection>> channel;
                {
                  const Impersonation as{alice()};
                  channel.emplace(Connection{});
                }
                const Impersonation as{bob()};
                must(refused(Error::Reason::not_the_owner, [&] { (void)(*channel)->of; }), "given to bob");
                channel.reset();
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
