// Proofs by a real KDC: whose they are, and which are none.
#include "behalf/kerberos.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "behalf/impersonation.h"
#include "children/household.h"
#include "realm.h"
#include "refused.h"
#include "remote/base64.h"
#include "remote/kerberos/gss.h"

namespace behalf::testing {
namespace {

constexpr const char* service = "notes@localhost";
const std::string keytab = Realm::keytab("notes");

KerberosProverOptions from_files() {
  return {.cache_of = [](const Token& who) { return Realm::cache(who.name()); }};
}

std::string with_realm(const std::function<void(const Token& alice, const Token& bob)>& body,
                       const Realm::Options& options = {}) {
  return in_own_process([&] {
    const Household household;
    const Realm realm(options);
    Realm::log_in("alice", alice_id);
    Realm::log_in("bob", bob_id);
    start(ServiceKind::root);
    on_thread([&] { body(Token::for_user("alice"), Token::for_user("bob")); });
  });
}

std::string prove_as(const Token& who, const Prove& prove, Level granted = Level::impersonation) {
  const Impersonation as{who};
  return prove(granted);
}

class A_proof_by_kerberos : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Realm::is_there()) GTEST_SKIP() << "no KDC on this machine";
  }
};

TEST_F(A_proof_by_kerberos, is_whose_thread_asked_for_it_of_the_level_granted) {
  EXPECT_EQ(with_realm([](const Token& her, const Token& him) {
              // The process's own, which are nobody's business here.
              ::setenv("KRB5CCNAME", Realm::cache("bob").c_str(), 1);
              const Prove prove = kerberos_prover(service, from_files());
              const Verify verify = kerberos_verifier(keytab, service);
              must(*verify(prove_as(her, prove)).token() == her, "is not alice with all her groups");
              must(*verify(prove_as(him, prove)).token() == him, "is not bob");
              must(verify(prove_as(her, prove, Level::identification)).token()->level() == Level::identification,
                   "level");
              must(!verify(prove_as(her, prove, Level::anonymous)).token().has_value(), "anonymous");
            }),
            "");
}

TEST_F(A_proof_by_kerberos, shown_twice_altered_for_another_service_or_made_up_is_refused) {
  EXPECT_EQ(
      with_realm([](const Token& her, const Token&) {
        const Prove prove = kerberos_prover(service, from_files());
        const Verify verify = kerberos_verifier(keytab, service);
        const auto must_be_refused = [&](const std::string& proof) {
          must(refused(Error::Reason::refused_by_receiver, [&] { (void)verify(proof); }),
               "taken: " + proof.substr(0, 40));
        };
        const std::string once = prove_as(her, prove);
        (void)verify(once);
        must_be_refused(once);
        const std::string identified = prove_as(her, prove, Level::identification);
        const std::string token = identified.substr(identified.find(' '));
        must_be_refused("impersonation" + token);  // more than she granted
        must_be_refused("delegation" + token);
        must_be_refused(token);
        must_be_refused(prove_as(her, kerberos_prover("other@localhost", from_files())));
        std::string altered = prove_as(her, prove);
        altered[altered.size() - 20] = altered[altered.size() - 20] == 'A' ? 'B' : 'A';
        must_be_refused(altered);
        for (const char* made_up : {"", "impersonation", "impersonation ", "impersonation !", "impersonation QUJD"})
          must_be_refused(made_up);
      }),
      "");
}

// What another program of alice's shows to the same service says nothing of a level, and fits each for the engine.
TEST_F(A_proof_by_kerberos, whose_level_is_not_sealed_in_it_is_refused) {
  EXPECT_EQ(with_realm([](const Token&, const Token&) {
              detail::Name name;
              detail::import_service(service, name);
              detail::Credential tickets;
              detail::acquire_tickets(Realm::cache("alice"), "test: ", tickets);
              for (const char* const level : {"identification", "impersonation"}) {
                detail::Context context;
                detail::Buffer token;
                OM_uint32 minor = 0;
                must(gss_init_sec_context(&minor, tickets, &context, name, gss_mech_krb5, 0, GSS_C_INDEFINITE,
                                          GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, nullptr, &token.buffer, nullptr,
                                          nullptr) == GSS_S_COMPLETE,
                     "a token");
                const std::string proof = std::string(level) + ' ' + detail::to_base64(token.view());
                must_refuse(Error::Reason::refused_by_receiver,
                            [&] { (void)kerberos_verifier(keytab, service)(proof); });
              }
            }),
            "");
}

// Both ends of a context that a service of one's own has: of alice's tickets, and what came of them.
struct Ends {
  detail::Context initiating;
  detail::Context accepting;

  explicit Ends(const std::string& tickets_of, OM_uint32 flags = 0) {
    detail::Name name;
    detail::import_service(service, name);
    detail::Credential tickets;
    detail::acquire_tickets(tickets_of, "test: ", tickets);
    detail::Credential keys;
    detail::acquire_keys(keytab, service, "test: ", keys);
    OM_uint32 minor = 0;
    detail::Buffer token;
    (void)gss_init_sec_context(&minor, tickets, &initiating, name, gss_mech_krb5, flags, GSS_C_INDEFINITE,
                               GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, nullptr, &token.buffer, nullptr, nullptr);
    detail::Buffer answer;
    must(gss_accept_sec_context(&minor, &accepting, keys, &token.buffer, GSS_C_NO_CHANNEL_BINDINGS, nullptr, nullptr,
                                &answer.buffer, nullptr, nullptr, nullptr) == GSS_S_COMPLETE,
         "accepted");
  }
};

TEST_F(A_proof_by_kerberos, of_a_service_s_own_context_is_whose_client_it_is) {
  EXPECT_EQ(with_realm([](const Token& her, const Token& him) {
              const Ends hers(Realm::cache("alice"));
              must(kerberos_client(hers.accepting) == her, "is not alice with all her groups");
              must(kerberos_client(Ends(Realm::cache("bob")).accepting) == him, "is not bob");
              const auto must_be_nobody_s = [](gss_ctx_id_t context) {
                must_refuse(Error::Reason::refused_by_receiver, [&] { (void)kerberos_client(context); });
              };
              must_be_nobody_s(hers.initiating);
              must_be_nobody_s(GSS_C_NO_CONTEXT);
              // She waits for the service to prove itself.
              must_be_nobody_s(Ends(Realm::cache("alice"), GSS_C_MUTUAL_FLAG).initiating);
              const Impersonation as{him};
              must_refuse(Error::Reason::inside_impersonation, [&] { (void)kerberos_client(hers.accepting); });
            }),
            "");
}

TEST_F(A_proof_by_kerberos, of_a_principal_without_an_account_is_refused) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              // Alice shows what mallory was given.
              const std::string mallorys = Realm::log_in("mallory", alice_id);
              const Prove prove = kerberos_prover(service, {.cache_of = [&](const Token&) { return mallorys; }});
              const std::string proof = prove_as(her, prove);
              const Verify verify = kerberos_verifier(keytab, service);
              must(refused(Error::Reason::refused_by_receiver, [&] { (void)verify(proof); }) ||
                       refused(Error::Reason::unknown_user, [&] { (void)verify(prove_as(her, prove)); }),
                   "taken");
            }),
            "");
}

TEST_F(A_proof_by_kerberos, is_not_to_be_had_without_tickets_nor_with_another_s_or_expired_ones) {
  EXPECT_EQ(with_realm([](const Token& her, const Token& him) {
              const auto must_be_none = [](const Token& who, const std::string& cache) {
                must_refuse(Error::Reason::not_there, [&] {
                  (void)prove_as(who, kerberos_prover(service, {.cache_of = [&](const Token&) { return cache; }}));
                });
              };
              must_be_none(her, "FILE:/home/kdc/none");
              must_be_none(her, Realm::cache("bob"));  // hers to name, his to read
              const std::string short_lived = Realm::log_in("bob", bob_id, "-l 1s");
              ::sleep(2);
              must_be_none(him, short_lived);
            }),
            "");
}

// Everybody may put a file into /tmp, under a name that another looks for, and let her read it: she would be shown as
// the one that it came from.
TEST_F(A_proof_by_kerberos, is_not_made_of_tickets_that_another_left_where_a_log_in_puts_hers) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              must(::mount("none", "/tmp", "tmpfs", 0, "mode=1777") == 0, "mount");
              const Prove prove = kerberos_prover(service);
              const std::string where = "/tmp/krb5cc_" + std::to_string(alice_id);
              must_refuse(Error::Reason::not_there, [&] { (void)prove_as(her, prove); });
              const auto leave = [&](const std::string& whose, uid_t by) {
                Realm::run("cp /home/kdc/tickets_of_" + whose + ' ' + where);
                must(::chown(where.c_str(), by, by) == 0 && ::chmod(where.c_str(), 0644) == 0, "leave");
              };
              leave("bob", bob_id);
              must_refuse(Error::Reason::not_there, [&] { (void)prove_as(her, prove); });
              leave("alice", alice_id);
              must(*kerberos_verifier(keytab, service)(prove_as(her, prove)).token() == her, "her own");
            }),
            "");
}

TEST_F(A_proof_by_kerberos, of_a_principal_of_the_same_name_in_another_realm_is_refused) {
  EXPECT_EQ(with_realm(
                [](const Token& her, const Token&) {
                  const std::string neighbours = Realm::log_in("alice@OTHER.TEST", alice_id);
                  const std::string proof =
                      prove_as(her, kerberos_prover(service, {.cache_of = [&](const Token&) { return neighbours; }}));
                  must_refuse(Error::Reason::refused_by_receiver,
                              [&] { (void)kerberos_verifier(keytab, service)(proof); });
                },
                {.neighbour = true}),
            "");
}

// As a client's whose clock is that much ahead of the KDC's: what kinit(1) notes in the header of a cache
// (the tag DeltaTime of MIT Kerberos' file format 4).
void put_ahead(const std::string& cache, int seconds) {
  std::fstream file(cache.substr(cache.find(':') + 1), std::ios::in | std::ios::out | std::ios::binary);
  char header[16] = {};
  must(static_cast<bool>(file.read(header, sizeof header)) && header[0] == 5 && header[1] == 4 && header[5] == 1,
       "a cache of format 4 with DeltaTime");
  for (int i = 0; i < 4; ++i) header[8 + i] = static_cast<char>(seconds >> (24 - 8 * i));
  file.seekp(0).write(header, sizeof header);
}

TEST_F(A_proof_by_kerberos, that_comes_too_late_or_by_a_clock_that_is_too_far_ahead_is_refused) {
  EXPECT_EQ(with_realm([](const Token& her, const Token& him) {
              const Prove prove = kerberos_prover(service, from_files());
              const Verify verify = kerberos_verifier(keytab, service);
              const std::string late = prove_as(her, prove);
              (void)prove_as(him, prove);  // his ticket for the service is in his cache now
              put_ahead(Realm::cache("bob"), 200);
              must(verify(prove_as(him, prove)).token() == him, "a little ahead");
              put_ahead(Realm::cache("bob"), 400);
              const std::string early = prove_as(him, prove);
              must_refuse(Error::Reason::refused_by_receiver, [&] { (void)verify(early); });

              Realm::tolerate_seconds(3);
              (void)verify(prove_as(her, prove));
              ::sleep(5);
              must_refuse(Error::Reason::refused_by_receiver, [&] { (void)verify(late); });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
