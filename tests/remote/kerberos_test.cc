// Proofs by a real KDC: whose they are, and which are none.
#include "behalf/kerberos.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "behalf/impersonation.h"
#include "children/household.h"
#include "engines.h"
#include "refused.h"

namespace behalf::testing {
namespace {

void run(const std::string& command) {
  const int status = std::system((command + " >/home/kdc/said 2>&1").c_str());
  if (status == 0) return;
  std::ifstream said("/home/kdc/said");
  throw std::runtime_error(command + ": " + std::string(std::istreambuf_iterator<char>(said), {}));
}

// A realm of one's own on the loopback of a network of one's own: alice and bob have passwords, mallory is no account
// of the machine, and two services have keys.
class Realm {
 public:
  static bool is_there() {
    for (const char* program : {"/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util", "/usr/sbin/kadmin.local", "/usr/bin/kinit"})
      if (::access(program, X_OK) != 0) return false;
    return true;
  }

  Realm() {
    must(::unshare(CLONE_NEWNET) == 0, "unshare");
    must(::mkdir("/home/kdc", 0755) == 0, "mkdir");
    run("ip link set lo up");
    std::ofstream("/home/kdc/krb5.conf") << "[libdefaults]\n default_realm = BEHALF.TEST\n dns_lookup_kdc = false\n"
                                            " dns_canonicalize_hostname = false\n rdns = false\n"
                                            " udp_preference_limit = 1\n"
                                            "[realms]\n BEHALF.TEST = {\n  kdc = 127.0.0.1:18888\n }\n";
    std::ofstream("/home/kdc/kdc.conf")
        << "[kdcdefaults]\n kdc_ports = \"\"\n kdc_tcp_ports = 18888\n[realms]\n BEHALF.TEST = {\n"
           "  database_name = /home/kdc/principal\n  key_stash_file = /home/kdc/stash\n  acl_file = /home/kdc/acl\n "
           "}\n";
    ::setenv("KRB5_CONFIG", "/home/kdc/krb5.conf", 1);
    ::setenv("KRB5_KDC_PROFILE", "/home/kdc/kdc.conf", 1);
    ::setenv("KRB5RCACHENAME", "dfl:", 1);
    run("kdb5_util create -s -P master -r BEHALF.TEST");
    for (const char* what : {"addprinc -pw secret alice", "addprinc -pw secret bob", "addprinc -pw secret mallory",
                             "addprinc -randkey notes/localhost", "addprinc -randkey other/localhost",
                             "ktadd -k /home/kdc/keytab notes/localhost"})
      run(std::string("kadmin.local -q '") + what + "'");
    kdc_.emplace(
        std::vector<std::string>{"/usr/sbin/krb5kdc", "-n", "-r", "BEHALF.TEST", "-P", "/home/kdc/pid"}, 0, 0,
        [] { return std::system("kinit -c MEMORY: -k -t /home/kdc/keytab notes/localhost >/dev/null 2>&1") == 0; });
  }

  // As the user's log-in would: her tickets are in a file of hers.
  static std::string log_in(const std::string& user, uid_t uid, const char* life = "1h") {
    const std::string cache = "/home/kdc/tickets_of_" + user;
    run("echo secret | kinit -l " + std::string(life) + " -c FILE:" + cache + ' ' + user);
    must(::chown(cache.c_str(), uid, uid) == 0 && ::chmod(cache.c_str(), 0600) == 0, "chown");
    return "FILE:" + cache;
  }

 private:
  std::optional<Engine> kdc_;
};

constexpr const char* service = "notes@localhost";

KerberosProverOptions from_files() {
  return {.cache_of = [](const Token& who) { return "FILE:/home/kdc/tickets_of_" + who.name(); }};
}

std::string with_realm(const std::function<void(const Token& alice, const Token& bob)>& body) {
  return in_own_process([&] {
    const Household household;
    const Realm realm;
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
              ::setenv("KRB5CCNAME", "FILE:/home/kdc/tickets_of_bob", 1);
              const Prove prove = kerberos_prover(service, from_files());
              const Verify verify = kerberos_verifier("/home/kdc/keytab", service);
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
        const Verify verify = kerberos_verifier("/home/kdc/keytab", service);
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

TEST_F(A_proof_by_kerberos, of_a_principal_without_an_account_is_refused) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              // Alice shows what mallory was given.
              const std::string mallorys = Realm::log_in("mallory", alice_id);
              const Prove prove = kerberos_prover(service, {.cache_of = [&](const Token&) { return mallorys; }});
              const std::string proof = prove_as(her, prove);
              const Verify verify = kerberos_verifier("/home/kdc/keytab", service);
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
              must_be_none(her, "FILE:/home/kdc/tickets_of_bob");  // hers to name, his to read
              const std::string short_lived = Realm::log_in("bob", bob_id, "1s");
              ::sleep(2);
              must_be_none(him, short_lived);
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
