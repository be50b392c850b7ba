// PostgresPool on a real server, which asks the kernel who connects.
#include "behalf/postgres.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/thread.h"
#include "children/household.h"
#include "engines.h"
#include "refused.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;

std::string ask(const PostgresConnection& connection, const std::string& question) {
  PGresult* const result = PQexec(connection.get(), question.c_str());
  const bool answered = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0;
  std::string answer = answered ? PQgetvalue(result, 0, 0) : PQresultErrorMessage(result);
  PQclear(result);
  return answer;
}

std::string role(const PostgresConnection& connection) {
  return ask(connection, "SELECT session_user");
}
std::string backend(const PostgresConnection& connection) {
  return ask(connection, "SELECT pg_backend_pid()");
}

// In a process of its own, with a server and both users.
std::string with_server(const std::function<void(PostgresServer&, const Token& alice, const Token& bob)>& body) {
  return in_own_process([&] {
    const Household household;
    PostgresServer server("/home/database");
    start(ServiceKind::root);
    on_thread([&] { body(server, Token::for_user("alice"), Token::for_user("bob")); });
  });
}

class A_pool_of_postgres : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::is_there()) GTEST_SKIP() << "no PostgreSQL on this machine";
  }
};

TEST_F(A_pool_of_postgres, serves_everybody_with_connections_of_their_own) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              PostgresPool pool(server.connection());
              std::string hers;
              {
                const Impersonation as{her};
                const PostgresConnection connection = pool.take();
                must(role(connection) == "alice", "is " + role(connection));
                hers = backend(connection);
              }
              {
                const Impersonation as{him};
                must(role(pool.take()) == "bob", "bob");
              }
              const Impersonation as{her};
              const PostgresConnection again = pool.take();
              must(backend(again) == hers, "alice's idle connection was not used again");
              must(backend(pool.take()) != hers, "one connection was given twice");
              must_equal(pool.identities(), std::size_t{2}, "identities");
            }),
            "");
}

TEST_F(A_pool_of_postgres, keeps_another_group_list_apart) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              PostgresPool pool(server.connection());
              const auto backend_as = [&](const Token& who) {
                const Impersonation as{who};
                return backend(pool.take());
              };
              const Token fewer = Token::from_ids(her.uid(), her.gid(), {her.gid()}, "alice");
              must(backend_as(her) != backend_as(fewer), "a connection went to a token of other groups");
            }),
            "");
}

TEST_F(A_pool_of_postgres, refuses_a_connection_to_who_is_not_its_owner) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              PostgresPool pool(server.connection());
              const Impersonation as{her};
              PostgresConnection hers = pool.take();
              {
                const Impersonation other{him};
                must_refuse(Error::Reason::not_the_owner, [&] { (void)hers.get(); });
                must_refuse(Error::Reason::not_the_owner, [&] { hers.reset(); });
              }
              hers.reset();
              must(role(hers) == "alice", "after a reset");
            }),
            "");
}

TEST_F(A_pool_of_postgres, presents_by_its_blanket) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              ::setenv("PGUSER", "postgres", 1);  // the process's, which is nobody's business here
              PostgresPool pool("dbname=postgres host=/home/database");
              const Impersonation as{her};
              pool.set_blanket({.cloaking = Cloaking::fixed});
              {
                const Impersonation other{him};
                must(role(pool.take()) == "alice", "fixed: who set it");
              }
              pool.set_blanket({.cloaking = Cloaking::dynamic});
              const Impersonation other{him};
              must(role(pool.take()) == "bob", "dynamic: who calls");
              (void)server;
            }),
            "");
}

TEST_F(A_pool_of_postgres, gives_no_connection_that_is_in_a_transaction_or_whose_session_was_changed) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              PostgresPool pool(server.connection());
              const Impersonation as{her};
              std::string left;
              {
                const PostgresConnection connection = pool.take();
                PQclear(PQexec(connection.get(), "BEGIN; SELECT 1/0"));
                left = ask(pool.take(), "SELECT 'other'");
              }
              std::string kept;
              {
                const PostgresConnection connection = pool.take();
                must(PQtransactionStatus(connection.get()) == PQTRANS_IDLE, "in somebody's transaction");
                PQclear(PQexec(connection.get(), "SET application_name TO 'changed'"));
                kept = backend(connection);
              }
              const PostgresConnection connection = pool.take();
              must(backend(connection) == kept, "is another");
              must(ask(connection, "SHOW application_name") != "changed", "the session is as it was left");
            }),
            "");
}

TEST_F(A_pool_of_postgres, gives_no_connection_that_is_in_a_transaction_where_nothing_puts_it_right) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              PostgresPool pool(server.connection(), {.on_return = ""});
              const Impersonation as{her};
              std::string left;
              {
                const PostgresConnection connection = pool.take();
                left = backend(connection);
                PQclear(PQexec(connection.get(), "BEGIN"));
              }
              must(backend(pool.take()) != left, "in somebody's transaction");
            }),
            "");
}

TEST_F(A_pool_of_postgres, gives_no_connection_that_was_not_put_right) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              const auto is_given_again = [&](const std::string& on_return) {
                PostgresPool pool(server.connection(), {.on_return = on_return});
                const Impersonation as{her};
                const std::string first = backend(pool.take());
                return backend(pool.take()) == first;
              };
              must(is_given_again("DISCARD ALL"), "what was put right is closed");
              must(is_given_again("SELECT pg_advisory_unlock_all(); RESET ALL"), "what was put right twice is closed");
              must(!is_given_again("SELECT 1/0"), "what the server refused");
              must(!is_given_again("SELECT 1/0; RESET ALL"), "what the server refused, the first of two");
              must(!is_given_again("BEGIN"), "in a transaction");
              must(!is_given_again("COPY pg_class TO STDOUT"), "copying");
              must(!is_given_again("SELECT pg_terminate_backend(pg_backend_pid())"), "ended");
            }),
            "");
}

TEST_F(A_pool_of_postgres, keeps_what_can_be_put_right_and_nothing_that_is_in_the_middle_of_something) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              PostgresPool pool(server.connection());
              const Impersonation as{her};
              const auto is_given_again = [&](const auto& leave) {
                std::string left;
                {
                  const PostgresConnection connection = pool.take();
                  left = backend(connection);
                  must(leave(connection.get()), "it could not be left so");
                }
                const PostgresConnection next = pool.take();
                must(PQisnonblocking(next.get()) == 0, "is given as one that does not block");
                return backend(next) == left;
              };
              must(is_given_again([](PGconn* one) { return PQsetnonblocking(one, 1) == 0; }), "that does not block");
              must(!is_given_again([](PGconn* one) { return PQenterPipelineMode(one) == 1; }), "in a pipeline");
              must(!is_given_again([](PGconn* one) { return PQsendQuery(one, "SELECT 'secret'") == 1; }),
                   "in the middle of an answer");
            }),
            "");
}

// What libpq itself keeps with a connection, and nothing that is said to the server undoes.
TEST_F(A_pool_of_postgres, gives_no_connection_with_what_another_piece_of_work_has_left_in_libpq) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              PostgresPool pool(server.connection());
              const Impersonation as{her};
              std::string kept;
              int told_before = 0;
              {
                const PostgresConnection connection = pool.take();
                kept = backend(connection);
                PQsetNoticeProcessor(
                    connection.get(), [](void* count, const char*) { ++*static_cast<int*>(count); }, &told_before);
                PQsetErrorVerbosity(connection.get(), PQERRORS_SQLSTATE);
                (void)ask(connection, "LISTEN news");
                (void)ask(connection, "NOTIFY news, 'old'");
              }
              const PostgresConnection again = pool.take();
              must(backend(again) == kept, "another connection");
              PGnotify* const old = PQnotifies(again.get());
              must(old == nullptr, "an earlier notification");
              (void)ask(again, "DO $$ BEGIN RAISE NOTICE 'hers'; END $$");
              must_equal(told_before, 0, "notices that an earlier one was told");
              must(ask(again, "SELECT 1/0").find("division") != std::string::npos, "how much an error says");
            }),
            "");
}

TEST_F(A_pool_of_postgres, opens_anew_what_the_server_has_closed_as_the_same_user) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              PostgresPool pool(server.connection());
              for (const Token& who : {her, him}) {
                const Impersonation as{who};
                (void)role(pool.take());
              }
              server.restart();
              for (const auto& [who, name] : {std::pair(him, "bob"), std::pair(her, "alice")}) {
                const Impersonation as{who};
                must(role(pool.take()) == name, name);
              }
            }),
            "");
}

TEST_F(A_pool_of_postgres, closes_what_was_idle_for_too_long) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              PostgresPool pool(server.connection(), {.idle_for = 20ms});
              const Impersonation as{her};
              const std::string first = backend(pool.take());
              std::this_thread::sleep_for(50ms);
              must(backend(pool.take()) != first, "an old one was used");
            }),
            "");
}

TEST_F(A_pool_of_postgres, closes_what_was_idle_for_too_long_when_it_is_tidied_though_nobody_takes_any) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              PostgresPool pool(server.connection(), {.idle_for = 10ms});
              PostgresPool patient(server.connection(), {.idle_for = 1h});
              PostgresPool others(server.connection());
              std::string kept;
              for (const Token& each : {her, him}) {
                const Impersonation as{each};
                const PostgresConnection one = pool.take();
                const PostgresConnection another = pool.take();
                kept = backend(patient.take());
              }
              const Impersonation as{him};
              const PostgresConnection looks = others.take();
              const auto open = [&] {
                return ask(looks, "SELECT count(*) FROM pg_stat_activity WHERE usename IN ('alice', 'bob')");
              };
              must(open() == "7", open() + " are open before anything is tidied");
              std::this_thread::sleep_for(20ms);
              patient.tidy();
              pool.tidy();
              for (int tries = 0; tries < 1000 && open() != "3"; ++tries) std::this_thread::sleep_for(10ms);
              must(open() == "3", open() + " are open after their time");
              must(backend(patient.take()) == kept, "one is closed before its time");
              must(role(pool.take()) == "bob", "and another is opened");
            }),
            "");
}

TEST_F(A_pool_of_postgres, asks_each_user_s_own_files) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              ::setenv("HOME", "/nowhere", 1);
              std::ofstream("/home/alice/.pg_service.conf")
                  << "# hers\n[other]\nhost=/nowhere\n[app]\nhost=/home/database\ndbname=postgres\n"
                     "application_name=of alice\n";
              must(::chown("/home/alice/.pg_service.conf", her.uid(), her.gid()) == 0, "chown");
              PostgresPool pool("service=app");
              {
                const Impersonation as{her};
                must(ask(pool.take(), "SHOW application_name") == "of alice", "alice's service");
              }
              const Impersonation as{him};
              must_refuse(Error::Reason::not_usable, [&] { (void)pool.take(); });
              (void)server;
            }),
            "");
}

TEST_F(A_pool_of_postgres, refuses_what_would_be_presented_for_everybody) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              for (const char* own : {"user=postgres", "password=secret", "passfile=/root/.pgpass", "sslkey=/root/key",
                                      "nonsense", "host='"})
                must_refuse(Error::Reason::not_usable, [&] { const PostgresPool pool{std::string{own}}; });
              must_refuse(Error::Reason::not_permitted, [&] {
                const PostgresPool pool{"", {.blanket = {.authentication = Authentication::call}}};
              });
              must_refuse(Error::Reason::not_permitted, [] {
                const PostgresPool pool{"", {.blanket = {.level = Level::identification}}};
              });
              const PostgresPool local("host=/run/postgresql");
              ::setenv("PGPASSWORD", "secret", 1);
              must_refuse(Error::Reason::not_usable, [&] { const PostgresPool pool("host=/run/postgresql"); });
            }),
            "");
}

TEST_F(A_pool_of_postgres, tells_a_server_that_refuses_from_one_that_is_not_there_and_from_a_user_that_is_none) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token&) {
              const Impersonation as{her};
              PostgresPool refusing("dbname=none host=/home/database");
              must_refuse(Error::Reason::refused_by_receiver, [&] { (void)refusing.take(); });
              PostgresPool nowhere("host=/home/alice");
              must_refuse(Error::Reason::not_there, [&] { (void)nowhere.take(); });
              // What a token is called is not believed: the account database knows who it is.
              const Impersonation other{Token::from_ids(4711, 4711, {4711}, "alice")};
              must_refuse(Error::Reason::unknown_user, [&] { (void)nowhere.take(); });
              (void)server;
            }),
            "");
}

TEST_F(A_pool_of_postgres, crosses_nobody_with_many_at_once_and_the_server_restarted_in_between) {
  EXPECT_EQ(with_server([](PostgresServer& server, const Token& her, const Token& him) {
              PostgresPool pool(server.connection(), {.idle_at_most = 2});
              std::atomic<int> wrong = 0;
              std::atomic<int> right = 0;
              std::atomic<bool> over = false;
              std::vector<behalf::thread> threads;
              for (int i = 0; i < 8; ++i) {
                threads.emplace_back([&, i] {
                  while (!over) {
                    const bool alice = (i + right) % 2 == 0;
                    const Impersonation as{alice ? her : him};
                    try {
                      const PostgresConnection connection = pool.take();
                      const std::string told = role(connection);
                      if (told == (alice ? "alice" : "bob"))
                        ++right;
                      else if (told == (alice ? "bob" : "alice") || told == "service" || told == "root")
                        ++wrong;
                    } catch (const Error&) {  // the server is away
                    }
                  }
                });
              }
              std::string trouble;
              try {
                for (int restarts = 0; restarts < 3; ++restarts) {
                  std::this_thread::sleep_for(150ms);
                  server.restart();
                }
                std::this_thread::sleep_for(150ms);
              } catch (const std::exception& error) {
                trouble = error.what();
              }
              over = true;
              threads.clear();
              must(trouble.empty(), trouble);
              must_equal(wrong.load(), 0, "crossings");
              must(right > 20, "hardly anything was answered: " + std::to_string(right));
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
