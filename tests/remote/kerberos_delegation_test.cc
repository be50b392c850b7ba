// Clients that a service presents to the next one, by a real KDC: with tickets that they forwarded, and with those that
// the realm gives a service that it trusts.
#include <gtest/gtest.h>
#include <krb5.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/kerberos.h"
#include "behalf/thread_pool.h"
#include "children/household.h"
#include "http_client.h"
#include "realm.h"
#include "refused.h"
#include "remote/kerberos/own_tickets.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using Forwards = KerberosProverOptions::Forwards;
using Reason = Error::Reason;

const auto from_files = [](const Token& who) { return Realm::cache(who.name()); };

std::string prove_as(const Token& who, const Prove& prove, Level granted = Level::impersonation) {
  const Impersonation as{who};
  return prove(granted);
}

// A client's way to `notes`, from her own files; a service's there; from there on, with what it holds; and the next's.
const Prove to_notes = kerberos_prover("notes@localhost", {.cache_of = from_files});
const Verify at_notes = kerberos_verifier(Realm::keytab("notes"), "notes@localhost", {.takes = Level::delegation});
const Prove to_other = kerberos_prover("other@localhost");
const Verify at_other = kerberos_verifier(Realm::keytab("other"), "other@localhost");

Token that_delegates(const Token& who) {
  return who.with_level(Level::delegation, raise_level);
}

Token delegated(const Token& who) {
  return *at_notes(prove_as(that_delegates(who), to_notes, Level::delegation)).token();
}

std::string with_realm(const Realm::Options& options, const std::function<void(const Token&, const Token&)>& body) {
  return in_own_process([&] {
    const Household household;
    const Realm realm(options);
    Realm::log_in("alice", alice_id);
    Realm::log_in("bob", bob_id);
    // The process's own, which are nobody's business here.
    ::setenv("KRB5CCNAME", Realm::cache("bob").c_str(), 1);
    start(ServiceKind::root);
    on_thread([&] { body(Token::for_user("alice"), Token::for_user("bob")); });
  });
}

class A_delegated_client : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Realm::is_there()) GTEST_SKIP() << "no KDC on this machine";
  }
};

class A_client_that_the_realm_lets_a_service_present : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Realm::has_directory()) GTEST_SKIP() << "no KDC with a directory on this machine";
  }
};

TEST_F(A_delegated_client, is_presented_to_the_next_service_as_herself) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token& him) {
                         for (const Token& who : {her, him}) {
                           const Token here = delegated(who);
                           must(here.level() == Level::delegation && here.uid() == who.uid(), "here");
                           must(kerberos_tickets(here).has_value(), "tickets");
                           must(*at_other(prove_as(here, to_other)).token() == who, "there");
                           // And further, where that service is trusted, too.
                           const Token there =
                               *at_notes(prove_as(here, kerberos_prover("notes@localhost"), Level::delegation)).token();
                           must(*at_other(prove_as(there, to_other)).token() == who, "further");
                         }
                       }),
            "");
}

TEST_F(A_delegated_client, has_her_tickets_wherever_work_of_hers_runs_and_nobody_has_another_s) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token& him) {
                         ThreadPool pool({.threads = 4});
                         std::vector<std::thread> sessions;
                         for (int i = 0; i < 6; ++i) {
                           sessions.emplace_back([&, who = i % 2 == 0 ? her : him] {
                             for (int round = 0; round < 5; ++round) {
                               const Token here = delegated(who);
                               for (int call = 0; call < 4; ++call) {
                                 const std::string proof =
                                     pool.submit(here, [] { return to_other(Level::impersonation); }).get();
                                 must(*at_other(proof).token() == who, "another's");
                               }
                             }
                           });
                         }
                         for (std::thread& each : sessions) each.join();
                       }),
            "");
}

TEST_F(A_delegated_client, takes_her_tickets_along_when_her_last_token_goes_or_is_lowered) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token&) {
                         std::optional<Token> here = delegated(her);
                         const std::string cache = *kerberos_tickets(*here);
                         const Token copy = *here;
                         const Token lowered = here->with_level(Level::impersonation);
                         must(lowered == her, "lowered");
                         must(!kerberos_tickets(that_delegates(lowered)), "raised again");
                         must(!(delegated(her) == copy), "others are another identity");
                         const Prove by_name =
                             kerberos_prover("other@localhost", {.cache_of = [&](const Token&) { return cache; }});
                         here.reset();
                         must(*at_other(prove_as(her, by_name)).token() == her, "there is a copy");
                         { const Token last = std::exchange(const_cast<Token&>(copy), her); }
                         must_refuse(Reason::not_there, [&] { (void)prove_as(her, by_name); });
                       }),
            "");
}

TEST_F(A_delegated_client, forwards_nothing_to_who_is_not_trusted_unless_she_says_so) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token&) {
                         const Token delegates = that_delegates(her);
                         const auto to_plain = [](Forwards forwards) {
                           return kerberos_prover("plain@localhost", {.cache_of = from_files, .forwards = forwards});
                         };
                         must_refuse(Reason::not_permitted, [&] {
                           (void)prove_as(delegates, to_plain(Forwards::to_trusted), Level::delegation);
                         });
                         const Verify at_plain =
                             kerberos_verifier(Realm::keytab("plain"), "plain@localhost", {.takes = Level::delegation});
                         const Token there =
                             *at_plain(prove_as(delegates, to_plain(Forwards::to_any), Level::delegation)).token();
                         must(*at_other(prove_as(there, to_other)).token() == her, "there");
                       }),
            "");
}

TEST_F(A_delegated_client, is_none_without_forwardable_tickets_or_the_level_or_where_that_level_is_not_taken) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token& him) {
                         must_refuse(Reason::power_needed, [&] { (void)prove_as(her, to_notes, Level::delegation); });
                         Realm::log_in("bob", bob_id, "-F -l 1h");
                         must_refuse(Reason::not_permitted, [&] { (void)delegated(him); });

                         const Verify takes_less = kerberos_verifier(Realm::keytab("notes"), "notes@localhost");
                         const auto proof_of_hers = [&] {
                           return prove_as(that_delegates(her), to_notes, Level::delegation);
                         };
                         must_refuse(Reason::refused_by_receiver, [&] { (void)takes_less(proof_of_hers()); });
                         // What was granted less is not more, whatever is said of it; and what was forwarded is not
                         // kept for less.
                         const auto renamed = [](const std::string& words, const char* level) {
                           return level + words.substr(words.find(' '));
                         };
                         must_refuse(Reason::refused_by_receiver,
                                     [&] { (void)at_notes(renamed(prove_as(her, to_notes), "delegation")); });
                         must_refuse(Reason::refused_by_receiver,
                                     [&] { (void)at_notes(renamed(proof_of_hers(), "impersonation")); });
                         const std::string proof = proof_of_hers();
                         must(at_notes(proof).token()->level() == Level::delegation, "as it was sealed");
                         must_refuse(Reason::refused_by_receiver, [&] { (void)at_notes(proof); });  // shown again
                       }),
            "");
}

// A proof such as no prover of ours makes: of whoever's cache it is, with tickets of whoever's another is (none:
// without any), at level `delegation`.
class Forger {
 public:
  Forger() { check(krb5_init_context(&context_)); }
  ~Forger() { krb5_free_context(context_); }
  Forger(const Forger&) = delete;
  Forger& operator=(const Forger&) = delete;

  std::string prove(const std::string& of, const std::string& with) {
    krb5_ccache cache = nullptr;
    check(krb5_cc_resolve(context_, of.c_str(), &cache));
    krb5_creds wanted{};
    krb5_creds* ticket = nullptr;
    check(krb5_cc_get_principal(context_, cache, &wanted.client));
    check(krb5_parse_name(context_, "notes/localhost", &wanted.server));
    check(krb5_get_credentials(context_, 0, cache, &wanted, &ticket));

    // The checksum of GSS-API (RFC 4121, 4.1.1).
    std::string sum = number(16, 4) + digest_of_binding() + number(with.empty() ? 0x24 : 0x25, 4);
    if (!with.empty()) {
      const std::string sent = forward(with, *ticket);
      sum += number(1, 2) + number(sent.size(), 2) + sent;
    }
    krb5_auth_context exchange = nullptr;
    krb5_data in{0, static_cast<unsigned>(sum.size()), sum.data()};
    krb5_data out{};
    check(krb5_auth_con_init(context_, &exchange));
    check(krb5_auth_con_set_req_cksumtype(context_, exchange, 0x8003));
    check(krb5_mk_req_extended(context_, &exchange, 0, &in, ticket, &out));
    const std::string inner = std::string("\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00", 13) + text(out);
    std::string token{'\x60', '\x82', static_cast<char>(inner.size() >> 8), static_cast<char>(inner.size())};
    return "delegation " + base64(token + inner);
  }

 private:
  static void check(krb5_error_code failure) { must(failure == 0, "Kerberos fails: " + std::to_string(failure)); }
  static std::string text(const krb5_data& data) { return {data.data, data.length}; }
  static std::string number(std::size_t value, int bytes) {
    std::string little;
    for (int i = 0; i < bytes; ++i) little += static_cast<char>(value >> (8 * i));
    return little;
  }
  std::string digest_of_binding() {
    const std::string words = "behalf1 delegation";
    std::string all = std::string(16, '\0') + number(words.size(), 4) + words;
    const krb5_data in{0, static_cast<unsigned>(all.size()), all.data()};
    krb5_checksum sum{};
    check(krb5_c_make_checksum(context_, CKSUMTYPE_RSA_MD5, nullptr, 0, &in, &sum));
    return {reinterpret_cast<const char*>(sum.contents), sum.length};
  }
  std::string forward(const std::string& from, krb5_creds& ticket) {
    krb5_ccache cache = nullptr;
    krb5_principal whose = nullptr;
    check(krb5_cc_resolve(context_, from.c_str(), &cache));
    check(krb5_cc_get_principal(context_, cache, &whose));
    krb5_auth_context exchange = nullptr;
    check(krb5_auth_con_init(context_, &exchange));
    check(krb5_auth_con_setflags(context_, exchange, 0));
    check(krb5_auth_con_setuseruserkey(context_, exchange, &ticket.keyblock));
    krb5_data sent{};
    check(krb5_fwd_tgt_creds(context_, exchange, nullptr, whose, ticket.server, cache, 1, &sent));
    return text(sent);
  }

  krb5_context context_ = nullptr;
};

TEST_F(A_delegated_client, is_none_with_another_s_tickets_or_none_however_that_was_sealed) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token&) {
                         Forger forger;
                         must(at_notes(forger.prove(Realm::cache("alice"), Realm::cache("alice"))).token()->uid() ==
                                  her.uid(),
                              "what is forged is as good as real");
                         must_refuse(Reason::refused_by_receiver,
                                     [&] { (void)at_notes(forger.prove(Realm::cache("alice"), Realm::cache("bob"))); });
                         // Were they even in the service's own environment.
                         ::setenv("KRB5CCNAME", Realm::cache("alice").c_str(), 1);
                         must_refuse(Reason::refused_by_receiver,
                                     [&] { (void)at_notes(forger.prove(Realm::cache("alice"), "")); });
                       }),
            "");
}

TEST_F(A_delegated_client, cannot_be_presented_when_her_tickets_have_expired) {
  EXPECT_EQ(with_realm({},
                       [](const Token& her, const Token&) {
                         Realm::log_in("alice", alice_id, "-f -l 6s");
                         const Token here = delegated(her);
                         must(*at_other(prove_as(here, to_other)).token() == her, "in time");
                         ::sleep(7);
                         must_refuse(Reason::not_there,
                                     [&] { (void)prove_as(here, kerberos_prover("plain@localhost")); });
                       }),
            "");
}

// SIGSTOP: the KDC answers nobody, until SIGCONT.
void tell_kdc(int signal) {
  pid_t kdc = 0;
  must((std::ifstream("/home/kdc/pid") >> kdc) && ::kill(kdc, signal) == 0, "no KDC");
}

TEST_F(A_delegated_client, does_not_wait_for_a_slow_realm_where_the_service_s_own_tickets_are_good) {
  EXPECT_EQ(with_realm({},
                       [](const Token&, const Token&) {
                         // As long as that, they are about to expire from the beginning.
                         Realm::run("kadmin.local -q 'modprinc -maxlife 40seconds notes/localhost'");
                         const auto get = [](detail::OwnTickets& from) {
                           return std::async(std::launch::async, [&] { return from.get("delegate: "); });
                         };
                         detail::OwnTickets own(Realm::keytab("notes"), "notes@localhost");
                         detail::OwnTickets others(Realm::keytab("other"), "other@localhost");
                         const auto first = own.get("");
                         tell_kdc(SIGSTOP);
                         auto renewed = get(own);
                         std::this_thread::sleep_for(200ms);
                         auto meanwhile = get(own);
                         std::vector<std::future<detail::OwnTickets::Place>> all;
                         for (int i = 0; i < 4; ++i) all.push_back(get(others));
                         const bool waits = meanwhile.wait_for(2s) != std::future_status::ready;
                         const bool is_slow = renewed.wait_for(0s) != std::future_status::ready;
                         tell_kdc(SIGCONT);
                         must(!waits && meanwhile.get() == first, "who has good ones waits");
                         must(is_slow, "the realm is not slow");
                         const auto second = renewed.get();
                         must(second != first, "they are not renewed");
                         const auto one = others.get("");
                         for (auto& each : all) must(each.get() == one, "each asks the realm by itself");
                         tell_kdc(SIGKILL);
                         must(own.get("") == second, "good ones are not used where the realm is away");
                         detail::OwnTickets none(Realm::keytab("other"), "other@localhost");
                         must_refuse(Reason::not_there, [&] { (void)none.get("delegate: "); });
                       }),
            "");
}

TEST_F(A_client_that_the_realm_lets_a_service_present, is_herself_there_and_nowhere_else) {
  EXPECT_EQ(
      with_realm(
          {.directory = true},
          [](const Token& her, const Token& him) {
            const Delegate delegate = kerberos_delegated(Realm::keytab("notes"), "notes@localhost", raise_level);
            for (const Token& who : {her, him}) {
              const Token here = delegate(who);
              must(here.level() == Level::delegation && here.with_level(Level::impersonation) == who, "here");
              must(*at_other(prove_as(here, to_other)).token() == who, "there");
              must_refuse(Reason::not_there, [&] { (void)prove_as(here, kerberos_prover("plain@localhost")); });
              // Hers to forward they are not.
              must_refuse(Reason::not_permitted, [&] {
                (void)prove_as(here, kerberos_prover("other@localhost", {.forwards = Forwards::to_any}),
                               Level::delegation);
              });
            }
            must_refuse(Reason::level_too_low, [&] { (void)delegate(her.with_level(Level::identification)); });
            must_refuse(Reason::invalid_id, [&] { (void)delegate(Token::of_process()); });
            must_refuse(Reason::not_permitted, [&] {  // the realm exempts her from it
              (void)delegate(Token::from_ids(3007, 3007, {}, "carol"));
            });
            must_refuse(Reason::not_there, [&] { (void)delegate(Token::from_ids(3007, 3007, {}, "dave")); });
            must_refuse(Reason::invalid_id, [&] { (void)delegate(Token::from_ids(3007, 3007, {}, "")); });
            must_refuse(Reason::refused_by_receiver, [&] {
              (void)kerberos_delegated(Realm::keytab("notes"), "notes@localhost", raise_level,
                                       {.principal_of = [](const Token&) { return "bob"; }})(her);
            });
            // A service whose word for who a user is the realm does not take; and one that may present nobody.
            must_refuse(Reason::not_permitted,
                        [&] { (void)kerberos_delegated(Realm::keytab("plain"), "plain@localhost", raise_level)(her); });
            const Delegate untrusted = kerberos_delegated(Realm::keytab("other"), "other@localhost", raise_level);
            must_refuse(Reason::not_there, [&] { (void)prove_as(untrusted(her), kerberos_prover("notes@localhost")); });
            must_refuse(Reason::not_there,
                        [&] { (void)kerberos_delegated("/home/kdc/no_keytab", "notes@localhost", raise_level)(her); });
          }),
      "");
}

TEST_F(A_client_that_the_realm_lets_a_service_present, is_herself_whoever_else_is_presented_at_once) {
  EXPECT_EQ(with_realm({.directory = true},
                       [](const Token& her, const Token& him) {
                         const Delegate delegate =
                             kerberos_delegated(Realm::keytab("notes"), "notes@localhost", raise_level);
                         std::vector<std::thread> sessions;
                         for (int i = 0; i < 6; ++i) {
                           sessions.emplace_back([&, who = i % 2 == 0 ? her : him] {
                             for (int round = 0; round < 10; ++round)
                               must(*at_other(prove_as(delegate(who), to_other)).token() == who, "another's");
                           });
                         }
                         for (std::thread& each : sessions) each.join();
                       }),
            "");
}

}  // namespace
}  // namespace behalf::testing
