// What other libraries find by GSS-API without being told, on threads that wear somebody: real tickets of a real KDC.
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

#include "behalf/impersonation.h"
#include "behalf/kerberos.h"
#include "behalf/task.h"
#include "behalf/thread_pool.h"
#include "children/household.h"
#include "realm.h"
#include "refused.h"

#ifdef HAS_POSTGRES
#include "behalf/postgres.h"
#endif

namespace {

// After so many the thread gets no memory any more; none: without end.
thread_local int allocations_left = -1;

}  // namespace

// Not inlined: GCC would take them for another pair than those that it calls.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace behalf::testing {
namespace {

// As such a library does. The principal, or nothing.
std::string found_by_default() {
  OM_uint32 minor = 0;
  gss_cred_id_t tickets = GSS_C_NO_CREDENTIAL;
  gss_name_t name = GSS_C_NO_NAME;
  gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
  std::string found;
  if (!GSS_ERROR(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_INITIATE, &tickets,
                                  nullptr, nullptr)) &&
      !GSS_ERROR(gss_inquire_cred(&minor, tickets, &name, nullptr, nullptr, nullptr)) &&
      !GSS_ERROR(gss_display_name(&minor, name, &text, nullptr))) {
    found.assign(static_cast<const char*>(text.value), text.length);
  }
  (void)gss_release_buffer(&minor, &text);
  (void)gss_release_name(&minor, &name);
  (void)gss_release_cred(&minor, &tickets);
  return found;
}

void must_be(const std::string& is, const std::string& wanted, const std::string& what) {
  must(is == wanted, what + ": is '" + is + "', wanted '" + wanted + "'");
}

const KerberosCacheOf from_files = [](const Token& who) { return Realm::cache(who.name()); };

constexpr const char* of_alice = "alice@BEHALF.TEST";
constexpr const char* of_bob = "bob@BEHALF.TEST";
constexpr const char* of_service = "carol@BEHALF.TEST";

// The process's own are carol's.
std::string with_realm(const std::function<void(const Token& alice, const Token& bob)>& body) {
  return in_own_process([&] {
    const Household household;
    const Realm realm;
    Realm::log_in("alice", alice_id);
    Realm::log_in("bob", bob_id);
    Realm::run("echo secret | kinit -c FILE:/home/kdc/tickets_of_service carol");
    ::setenv("KRB5CCNAME", "FILE:/home/kdc/tickets_of_service", 1);
    start(ServiceKind::root);
    on_thread([&] { body(Token::for_user("alice"), Token::for_user("bob")); });
  });
}

class Tickets_of_a_thread : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Realm::is_there()) GTEST_SKIP() << "no KDC on this machine";
  }
};

TEST_F(Tickets_of_a_thread, are_those_of_whom_it_wears) {
  EXPECT_EQ(with_realm([](const Token& her, const Token& him) {
              must_be(found_by_default(), of_service, "before");
              {
                const Impersonation as{her};
                const ThreadTickets hers(from_files);
                must_be(found_by_default(), of_alice, "alice");
                {
                  const Impersonation other{him};
                  const ThreadTickets his(from_files);
                  must_be(found_by_default(), of_bob, "bob within");
                  const AsService self;
                  const ThreadTickets own(from_files);
                  must_be(found_by_default(), of_service, "the service within");
                }
                must_be(found_by_default(), of_alice, "alice again");
              }
              must_be(found_by_default(), of_service, "after");
              // By the default, not by the name that it had at that time.
              ::setenv("KRB5CCNAME", Realm::cache("bob").c_str(), 1);
              must_be(found_by_default(), of_bob, "after, by another default");
            }),
            "");
}

TEST_F(Tickets_of_a_thread, are_none_where_the_user_has_none) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              const auto find_hers = [&] {
                const Impersonation as{her};
                const ThreadTickets hers;
                return found_by_default();
              };
              const std::string place = "/tmp/krb5cc_" + std::to_string(alice_id);
              must_be(find_hers(), "", "found where there is nothing");
              // Somebody else lays what was given to him where hers would be.
              Realm::run("echo secret | kinit -c FILE:" + place + " bob && chmod 0644 " + place + " && chown " +
                         std::to_string(bob_id) + ' ' + place);
              must_be(find_hers(), "", "found where there are somebody else's");
              Realm::run("echo secret | kinit -c FILE:" + place + " alice && chown " + std::to_string(alice_id) + ' ' +
                         place);
              must_be(find_hers(), of_alice, "found where she has logged in");
              must(std::remove(place.c_str()) == 0, "remove");
            }),
            "");
}

TEST_F(Tickets_of_a_thread, came_with_the_identity_where_they_did) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              const Prove prove = kerberos_prover("notes@localhost", {.cache_of = from_files});
              const Verify verify =
                  kerberos_verifier(Realm::keytab("notes"), "notes@localhost", {.takes = Level::delegation});
              std::string proof;
              {
                const Impersonation as{her.with_level(Level::delegation, raise_level)};
                proof = prove(Level::delegation);
              }
              std::optional<Impersonation> as;
              as.emplace(*verify(proof).token());
              const ThreadTickets hers;
              must_be(found_by_default(), of_alice, "found");
            }),
            "");
}

TEST_F(Tickets_of_a_thread, are_put_back_to_what_somebody_else_had_said) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              OM_uint32 minor = 0;
              must(gss_krb5_ccache_name(&minor, Realm::cache("bob").c_str(), nullptr) == GSS_S_COMPLETE, "said");
              {
                const Impersonation as{her};
                const ThreadTickets hers(from_files);
                must_be(found_by_default(), of_alice, "within");
              }
              must_be(found_by_default(), of_bob, "after");
            }),
            "");
}

TEST_F(Tickets_of_a_thread, are_nobody_s_after_a_scope_for_which_there_was_no_memory) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              // As an application has it that says where its own are: what was before is to be remembered.
              OM_uint32 minor = 0;
              const std::string place = "FILE:/home/kdc/said_by_application";
              Realm::run("echo secret | kinit -c " + place + " carol && chmod 0644 /home/kdc/said_by_application");
              must(gss_krb5_ccache_name(&minor, place.c_str(), nullptr) == GSS_S_COMPLETE, "said");
              const Impersonation as{her};
              int failures = 0;
              for (int n = 0;; ++n) {
                allocations_left = n;
                try {
                  const ThreadTickets hers(from_files);
                  allocations_left = -1;
                  must_be(found_by_default(), of_alice, "within");
                  break;
                } catch (const std::bad_alloc&) {
                  allocations_left = -1;
                  ++failures;
                  must_be(found_by_default(), of_service, "after there was no memory");
                }
              }
              must(failures > 1, "memory was never wanted");
              must_be(found_by_default(), of_service, "after");
            }),
            "");
}

task<std::string> found_around_suspension(ThreadPool& pool, std::string& meanwhile) {
  const ThreadTickets hers(from_files);
  const std::string before = found_by_default();
  co_await schedule(pool);
  const auto look = [](ThreadPool& other) -> task<std::string> {
    co_await schedule(other);
    co_return found_by_default();
  };
  // Not as her: libkrb5 1.20 frees what it never set where the default cache is there and may not be read.
  meanwhile = co_await look(pool).as(as_service);
  co_return before + ' ' + found_by_default();
}

TEST_F(Tickets_of_a_thread, go_with_a_coroutine_and_not_with_its_thread) {
  EXPECT_EQ(with_realm([](const Token& her, const Token&) {
              ThreadPool pool({.threads = 1});
              std::string meanwhile;
              const std::string found = start(pool, found_around_suspension(pool, meanwhile).as(her)).get();
              must_be(found, std::string(of_alice) + ' ' + of_alice, "hers");
              must_be(meanwhile, of_service, "the task that it awaits");
              must_be(pool.submit(as_service, [] { return found_by_default(); }).get(), of_service,
                      "the worker after it");
            }),
            "");
}

#ifdef HAS_POSTGRES
std::string role(PostgresPool& pool) {
  const PostgresConnection connection = pool.take();
  PGresult* const result = PQexec(connection.get(),
                                  "SELECT session_user || ' by ' || principal FROM pg_stat_gssapi "
                                  "WHERE pid = pg_backend_pid() AND gss_authenticated");
  std::string said = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1
                         ? PQgetvalue(result, 0, 0)
                         : PQerrorMessage(connection.get());
  PQclear(result);
  return said;
}

TEST_F(Tickets_of_a_thread, are_what_a_database_on_another_machine_sees) {
  if (!PostgresServer::is_there()) GTEST_SKIP() << "no PostgreSQL on this machine";
  EXPECT_EQ(with_realm([](const Token& her, const Token& him) {
              const AsService self;
              const PostgresServer server("/home/database", Realm::keytab("postgres"));
              PostgresPool pool("host=localhost hostaddr=127.0.0.1 dbname=postgres", {.tickets_of = from_files});
              for (int round = 0; round < 2; ++round) {
                {
                  const Impersonation as{her};
                  must_be(role(pool), std::string("alice by ") + of_alice, "alice");
                }
                const Impersonation as{him};
                must_be(role(pool), std::string("bob by ") + of_bob, "bob");
              }
              // She has none at the place of her log-in: the service's are not shown instead.
              PostgresPool without("host=localhost hostaddr=127.0.0.1 dbname=postgres");
              const Impersonation as{her};
              must_refuse(Error::Reason::not_there, [&] { (void)without.take(); });
            }),
            "");
}
#endif

}  // namespace
}  // namespace behalf::testing
