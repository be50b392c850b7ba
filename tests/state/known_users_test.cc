// KnownUsers: what the account database answered is kept for a while; what it did not answer is not.
#include "behalf/known_users.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "behalf/descriptor.h"
#include "behalf/impersonation.h"
#include "child.h"
#include "own_accounts.h"
#include "refused.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* accounts = "root:x:0:0::/root:/bin/sh\nalice:x:3001:3001::/home/alice:/bin/sh\n";
constexpr const char* groups = "root:x:0:\nalice:x:3001:\ndevs:x:3100:alice\n";

TEST(A_known_user, is_looked_up_once_until_her_time_is_over_or_she_is_forgotten) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(accounts, groups);
              start(ServiceKind::root);
              KnownUsers users({.lives = 200ms});
              must(users.for_user("alice").groups() == std::vector<gid_t>({3001, 3100}), "groups");
              must(users.for_uid(3001) == users.for_user("alice"), "by her uid");
              std::ofstream("/etc/group") << "root:x:0:\nalice:x:3001:\ndevs:x:3100:alice\nstaff:x:3200:alice\n";
              must_equal(users.for_user("alice").groups().size(), std::size_t{2}, "kept");
              users.forget("alice");
              must_equal(users.for_user("alice").groups().size(), std::size_t{3}, "forgotten");
              must_equal(users.for_uid(3001).groups().size(), std::size_t{2}, "kept by her uid");
              std::this_thread::sleep_for(210ms);
              must_equal(users.for_uid(3001).groups().size(), std::size_t{3}, "outlived");
            }),
            "");
}

// A change of hers is told to who says so, whoever had asked the account database before it and has its answer after.
TEST(A_known_user, who_is_forgotten_while_she_is_looked_up_is_not_kept_as_she_was) {
  for (const bool all : {false, true}) {
    EXPECT_EQ(in_own_process([all] {
                own_accounts(accounts, groups);
                start(ServiceKind::root);
                // The look-up waits at the groups, for this lease, and knows the rest by then.
                must(std::signal(SIGIO, SIG_IGN) != SIG_ERR, "signal");
                const Descriptor held(::open("/etc/group", O_RDONLY | O_CLOEXEC));
                must(::fcntl(held.get(), F_SETLEASE, F_WRLCK) == 0, "lease");
                KnownUsers users;
                std::thread asks([&] { must(users.for_user("alice").home() == "/home/alice", "as she was"); });
                while (::fcntl(held.get(), F_GETLEASE) == F_WRLCK) std::this_thread::yield();
                std::ofstream("/etc/passwd") << "root:x:0:0::/root:/bin/sh\nalice:x:3001:3001::/srv/alice:/bin/sh\n";
                if (all) {
                  users.clear();
                } else {
                  users.forget("alice");
                }
                must(::fcntl(held.get(), F_SETLEASE, F_UNLCK) == 0, "end of the lease");
                asks.join();
                must_equal(users.size(), std::size_t{0}, "kept");
                must(users.for_user("alice").home() == "/srv/alice", "as she was before");
              }),
              "");
  }
}

TEST(A_known_user, is_looked_up_as_the_service_by_who_impersonates) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(accounts, groups);
              start(ServiceKind::root);
              KnownUsers users;
              on_thread([&] {
                const Impersonation as{bob()};
                must(refused(Error::Reason::inside_impersonation, [] { (void)Token::for_user("alice"); }), "by itself");
                must_equal(users.for_user("alice").uid(), alice_id, "known");
                must(worn() == bob(), "the thread");
              });
            }),
            "");
}

// The kernel's server of NFS kept "no groups" for half an hour after an outage (truenas/linux #337); a user who is made
// a moment after she was first asked for is not "unknown" for as long as answers are kept.
TEST(What_was_not_answered, is_asked_again) {
  EXPECT_EQ(in_own_process([] {
              own_accounts("root:x:0:0::/root:/bin/sh\n", groups);
              start(ServiceKind::root);
              KnownUsers users;
              must(refused(Error::Reason::unknown_user, [&] { (void)users.for_user("alice"); }), "not there yet");
              must(refused(Error::Reason::unknown_user, [&] { (void)users.for_uid(3001); }), "not there yet");
              must_equal(users.size(), std::size_t{0}, "kept");
              std::ofstream("/etc/passwd") << accounts;
              must_equal(users.for_user("alice").uid(), alice_id, "made");
              must_equal(users.for_uid(3001).uid(), alice_id, "made");
            }),
            "");
}

TEST(Known_users, are_no_more_than_was_said) {
  EXPECT_EQ(in_own_process([] {
              std::string many = accounts;
              for (int i = 0; i < 100; ++i) {
                const std::string id = std::to_string(4000 + i);
                many += "u" + id + ":x:" + id + ":3001::/:/bin/sh\n";
              }
              own_accounts(many, groups);
              start(ServiceKind::root);
              KnownUsers users({.at_most = 10});
              for (uid_t i = 0; i < 100; ++i) {
                (void)users.for_uid(4000 + i);
                (void)users.for_user("alice");
              }
              must_equal(users.size(), std::size_t{10}, "kept");
              std::ofstream("/etc/passwd") << "root:x:0:0::/root:/bin/sh\n";
              must_equal(users.for_user("alice").uid(), alice_id, "asked for all the time");
              must(refused(Error::Reason::unknown_user, [&] { (void)users.for_uid(4000); }), "dropped");
              users.clear();
              must_equal(users.size(), std::size_t{0}, "cleared");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
