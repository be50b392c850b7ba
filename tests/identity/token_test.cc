#include "behalf/token.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <unordered_set>

#include "behalf/impersonation.h"
#include "child.h"
#include "own_accounts.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using Reason = Error::Reason;

// The reason of the Error that the body throws; the text must contain the words.
void must_refuse(Reason reason, const std::string& words, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    must(error.reason() == reason,
         "refused for another reason, " + std::string{to_string(error.reason())} + ": " + error.what());
    must(std::string{error.what()}.find(words) != std::string::npos,
         std::string{"the words \""} + words + "\" are missing in: " + error.what());
    return;
  }
  must(false, "not refused: " + words);
}

std::string as_service(const std::function<void()>& body, Options options = {}) {
  return in_own_process([&] {
    start(ServiceKind::root, options);
    body();
  });
}

TEST(A_token, is_compared_and_hashed_over_everything_and_by_value) {
  EXPECT_EQ(as_service([] {
              const auto make = [] { return Token::from_ids(alice_id, alice_id, {devs, alice_id, devs}, "alice"); };
              const Token token = make();
              must(token == make() && token.hash() == make().hash(), "equal values are not equal");
              must(token.data() != make().data(), "the two must not be one object for this to mean anything");
              must(token.groups() == std::vector<gid_t>{alice_id, devs}, "groups are not sorted and unique");
              const std::vector<Token> others = {
                  Token::from_ids(bob_id, alice_id, {devs, alice_id}, "alice"),
                  Token::from_ids(alice_id, bob_id, {devs, alice_id}, "alice"),
                  Token::from_ids(alice_id, alice_id, {devs}, "alice"),
                  Token::from_ids(alice_id, alice_id, {}, "alice"),
                  Token::from_ids(alice_id, alice_id, {devs, alice_id}, "other"),
                  token.with_level(Level::identification),
                  token.with_level(Level::delegation, raise_level),
                  token.with_posture(Posture::shielded),
                  token.with_posture(posture_effective),
                  token.with_posture(posture_files),
                  token.with_capabilities(2, allow_capabilities),
                  Token::of_process(),
              };
              std::unordered_set<Token> set{token};
              for (std::size_t i = 0; i < others.size(); ++i) {
                must(!(others[i] == token), "the difference of number " + std::to_string(i) + " is not seen");
                must(others[i].hash() != token.hash(), "the hash leaves out number " + std::to_string(i));
                must(set.insert(others[i]).second, "two of the others are equal");
              }
              must(!set.insert(make()).second, "an equal token is found in a set");
              must(token.with_posture(Posture::shielded).with_posture(Posture::full) == token, "there and back");
            }),
            "");
}

TEST(A_token, tells_the_four_ids_of_its_posture) {
  EXPECT_EQ(as_service([] {
              must(alice().uids() == Ids{alice_id, alice_id, 0, alice_id}, "full");
              must(alice().with_posture(posture_effective).uids() == Ids{0, alice_id, 0, alice_id}, "effective");
              must(alice().with_posture(posture_files).uids() == Ids{0, 0, 0, alice_id}, "files");
              must(alice().with_posture(Posture::shielded).gids() == Ids{spare_id, alice_id, 0, alice_id}, "shielded");
              must(alice().capabilities() == 0, "full keeps no capabilities");
            }),
            "");
}

TEST(A_token, of_minus_one_is_never_made) {
  constexpr auto minus_one = static_cast<uid_t>(-1);
  EXPECT_EQ(as_service([] {
              must_refuse(Reason::invalid_id, "-1", [] { (void)Token::from_ids(minus_one, 3001, {}); });
              must_refuse(Reason::invalid_id, "-1", [] { (void)Token::from_ids(3001, minus_one, {}); });
              must_refuse(Reason::invalid_id, "-1", [] { (void)Token::from_ids(3001, 3001, {3001, minus_one}); });
              must_refuse(Reason::invalid_id, "-1", [] { (void)Token::from_ids(minus_one, 1, {}, "", allow_low_ids); });
            }),
            "");
}

TEST(A_token, keeps_to_the_fences) {
  Options options;
  options.fences.allowed_groups = {{devs, 33}};
  EXPECT_EQ(as_service(
                [] {
                  const auto refused = [](const std::string& words, uid_t uid, gid_t gid, std::vector<gid_t> groups) {
                    must_refuse(Reason::refused_by_fence, words, [&] { (void)Token::from_ids(uid, gid, groups); });
                  };
                  refused("uid 999 is below", 999, 3001, {});
                  refused("gid 99 is below", 3001, 99, {});
                  refused("uid 0", 0, 3001, {});
                  refused("gid 0", 3001, 0, {});
                  refused("supplementary", 3001, 3001, {0, 3001});
                  refused("spare account", spare_id, 3001, {});
                  refused("3200 is not among", 3001, 3001, {devs, staff});
                  (void)Token::from_ids(3001, 3001, {3001, devs, 33});
                  (void)Token::from_ids(999, 99, {}, "", allow_low_ids);
                  for (const auto& [uid, gid] : {std::pair{0U, 3001U}, std::pair{3001U, 0U}}) {
                    must_refuse(Reason::refused_by_fence, "never",
                                [uid = uid, gid = gid] { (void)Token::from_ids(uid, gid, {}, "", allow_low_ids); });
                  }
                },
                options),
            "");
}

TEST(A_token, of_the_service_own_account_is_refused) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::account);
              must_refuse(Reason::refused_by_fence, "AsService",
                          [] { (void)Token::from_ids(account_id, account_id, {}, "", allow_low_ids); });
            }),
            "");
}

TEST(A_token, takes_its_powers_by_name) {
  EXPECT_EQ(
      as_service([] {
        must_refuse(Reason::power_needed, "posture_files", [] { (void)alice().with_posture(Posture::files); });
        must_refuse(Reason::power_needed, "posture_effective", [] { (void)alice().with_posture(Posture::effective); });
        const Token seen = alice().with_level(Level::identification);
        must_refuse(Reason::power_needed, "raise_level", [&] { (void)seen.with_level(Level::impersonation); });
        must_refuse(Reason::invalid_id, "not a user's", [] { (void)Token::of_process().with_posture(posture_files); });
      }),
      "");
}

TEST(Shielded_without_a_spare_account, is_refused_and_not_weakened) {
  EXPECT_EQ(in_own_process([] {
              become(ServiceKind::root);
              initialize({});
              must_refuse(Reason::no_spare_account, "shield_account",
                          [] { (void)alice().with_posture(Posture::shielded); });
            }),
            "");
}

TEST(A_token, is_not_made_before_initialize) {
  EXPECT_EQ(in_own_process([] {
              must_refuse(Reason::not_initialized, "initialize()", [] { (void)alice(); });
              must_refuse(Reason::not_initialized, "initialize()", [] { (void)Token::for_user("root"); });
              must_refuse(Reason::not_initialized, "initialize()", [] { (void)Token::of_thread(); });
            }),
            "");
}

TEST(A_token_of_the_thread, tells_the_posture_or_cannot_be_worn) {
  EXPECT_EQ(as_service([] {
              must(Token::of_thread() == Token::of_process(), "of the service");
              for (const Posture p : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
                const Token token = in_posture(Token::from_ids(alice_id, alice_id, {alice_id}), p);
                const Impersonation as{token, allow_main_thread};
                must(Token::of_thread() == token, "of " + std::string{to_string(p)});
              }
              const std::uint64_t all = kernel_view().permitted;
              on_thread([&] {
                make_thread({{alice_id, bob_id, 0, alice_id}, {}, {0}, 0, all, 0});
                const Token odd = Token::of_thread();
                must(odd.level() == Level::identification, "a state that is no posture");
                must(odd.uids() == Ids{alice_id, bob_id, 0, alice_id}, "its ids");
                must_refuse(Reason::level_too_low, "identification", [&] { const Impersonation as{odd}; });
              });
            }),
            "");
}

constexpr const char* accounts =
    "root:x:0:0:root:/root:/bin/sh\nalice:x:3001:3001:Alice:/home/alice:/bin/sh\n"
    "admin:x:3005:3001::/home/admin:/bin/sh\nshield:x:3009:3009::/nonexistent:/bin/false\n"
    "daemon:x:1:1::/:/bin/false\nwheel:x:3006:0::/:/bin/sh\n";

std::string groups_of_alice(int more) {
  std::string text = "root:x:0:admin\nalice:x:3001:\ndevs:x:3100:alice\n";
  for (int i = 0; i < more; ++i) text += "g" + std::to_string(i) + ":x:" + std::to_string(4000 + i) + ":alice\n";
  return text;
}

TEST(A_token_for_a_user, holds_what_the_account_database_says) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(accounts, groups_of_alice(0));
              initialize({.shield_account = "shield"});
              const Token token = Token::for_user("alice");
              must(token == Token::for_uid(3001), "by name and by uid");
              must_equal(token.uid(), 3001U, "uid");
              must_equal(token.gid(), 3001U, "gid");
              must(token.groups() == std::vector<gid_t>{3001, 3100}, "groups");
              must(token.name() == "alice" && token.home() == "/home/alice" && token.shell() == "/bin/sh", "texts");
              must(token.posture() == Posture::full && token.level() == Level::impersonation, "defaults");
              must(token.with_posture(Posture::shielded).uids().real == 3009, "the spare account was found by name");
              must(Token::of_process().name() == "root", "the service's name");
            }),
            "");
}

TEST(A_token_for_a_user, holds_all_of_a_long_list_of_groups) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(accounts, groups_of_alice(500));
              initialize({});
              const Token token = Token::for_user("alice");
              must_equal(token.groups().size(), std::size_t{502}, "number of groups");
              must(token.groups().front() == 3001 && token.groups().back() == 4499, "which groups");
              on_thread([&] {
                const Impersonation as{token};
                must(kernel_view().groups == token.groups(), "the kernel's list");
              });
            }),
            "");
}

TEST(A_token_for_a_user, is_refused_for_the_unknown_and_the_fenced_off) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(accounts, groups_of_alice(0));
              initialize({.shield_account = "shield"});
              must_refuse(Reason::unknown_user, "mallory", [] { (void)Token::for_user("mallory"); });
              must_refuse(Reason::unknown_user, "empty", [] { (void)Token::for_user(""); });
              must_refuse(Reason::unknown_user, "4711", [] { (void)Token::for_uid(4711); });
              must_refuse(Reason::refused_by_fence, "uid 0", [] { (void)Token::for_user("root"); });
              must_refuse(Reason::refused_by_fence, "below", [] { (void)Token::for_user("daemon"); });
              must_refuse(Reason::refused_by_fence, "gid 0", [] { (void)Token::for_user("wheel", allow_low_ids); });
              must_refuse(Reason::refused_by_fence, "gid 0", [] { (void)Token::for_user("admin", allow_low_ids); });
              must_refuse(Reason::refused_by_fence, "spare", [] { (void)Token::for_user("shield"); });
              must_equal(Token::for_user("daemon", allow_low_ids).uid(), 1U, "with its power");
            }),
            "");
}

TEST(A_token_for_a_user, is_not_looked_up_inside_of_an_impersonated_region) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(accounts, groups_of_alice(0));
              initialize({});
              const Token token = Token::for_user("alice");
              on_thread([&] {
                const Impersonation as{token};
                must_refuse(Reason::inside_impersonation, "AsService", [] { (void)Token::for_user("alice"); });
                on_thread([] {
                  must_refuse(Reason::inside_impersonation, "impersonating", [] { (void)Token::for_uid(3001); });
                });
                const AsService self;
                must(Token::for_user("alice") == token, "inside of AsService");
              });
            }),
            "");
}

TEST(Names, are_parsed_as_they_are_printed) {
  for (const char* name : {"files", "effective", "full", "shielded"}) {
    ASSERT_TRUE(parse_posture(name));
    EXPECT_EQ(to_string(*parse_posture(name)), name);
  }
  for (const char* name : {"anonymous", "identification", "impersonation", "delegation"}) {
    ASSERT_TRUE(parse_level(name));
    EXPECT_EQ(to_string(*parse_level(name)), name);
  }
  EXPECT_FALSE(parse_posture("Full"));
  EXPECT_FALSE(parse_level(""));
  EXPECT_EQ(to_string(Reason::platform), "platform");
  EXPECT_EQ(to_string(Reason::not_initialized), "not_initialized");
}

}  // namespace
}  // namespace behalf::testing
