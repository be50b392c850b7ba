// PostgresPool: connections to PostgreSQL, kept between calls and never handed to another user. Stands on libpq.
//
//   behalf::PostgresPool database("host=/run/postgresql dbname=app");
//
//   behalf::Impersonation as{alice};
//   const behalf::PostgresConnection connection = database.take();   // opened as alice, or one of hers that is idle
//   PGresult* notes = PQexec(connection.get(), "SELECT * FROM notes");  // the server knows her: pg_hba.conf, `peer`
//
// With `peer` the server asks the kernel who connected, and that is all that it ever asks: whoever uses the connection
// later is taken for her. libpq itself takes the role's name from the effective id, but the home folder, and with it
// passwords and certificates, from $HOME, which is the service's, and reconnects (PQreset) as whoever calls it by then.
// So here a connection is opened, looked at, reset, put right and closed as whom it belongs to, with that user's name,
// ~/.pgpass, ~/.pg_service.conf and ~/.postgresql, and is taken only by who presents the same identity (the whole
// token: other groups are another user).
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "behalf/blanket.h"
#include "behalf/carried.h"
#include "behalf/kerberos.h"
#include "behalf/per_identity.h"

namespace behalf {

struct PostgresPoolOptions {
  // How many connections of each identity are kept while nobody uses them, and for how long.
  std::size_t idle_at_most = 4;
  std::chrono::nanoseconds idle_for = std::chrono::minutes(5);
  // Of how many identities, and for how long after one was last seen.
  std::size_t identities_at_most = 1024;
  std::chrono::nanoseconds identity_unseen_for = std::chrono::minutes(10);
  // What puts a session right before its user's next piece of work, which is told no notifications of before. Where the
  // server refuses it, the connection is closed. Empty: nothing does.
  std::string on_return = "DISCARD ALL";
  // Where an identity's Kerberos tickets are, for a server that asks for them.
  KerberosCacheOf tickets_of{};
  // Whom the server sees. Authentication is of the connection, or better where it is over TLS with `sslmode`.
  Blanket blanket{};
};

namespace detail {
class IdleConnections;
class PostgresCore;
}  // namespace detail

// A connection in use. It belongs to one identity and, at a time, to one thread.
class PostgresConnection {
 public:
  PostgresConnection(PostgresConnection&& other) noexcept;
  PostgresConnection& operator=(PostgresConnection&& other) noexcept;
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  // Effects: goes back to the pool, and is put right there, also in what libpq was told of it: whom notices go to,
  // tracing, how much an error says. One that is in a transaction, or broken, is closed (what was not committed is
  // not). As its identity. Cost: a system call; whether it was put right is seen when it is taken
  // next.
  ~PostgresConnection();

  // It stays this object's: not to be given to PQfinish() or PQreset().
  // Errors: Error of reason not_the_owner where the blanket is dynamic and the calling thread presents another identity
  // than the connection has. Cost: no system call.
  [[nodiscard]] PGconn* get() const;

  // Effects: connects anew, as its identity (PQreset() would as the thread's). Errors: as take(), and as get().
  void reset();

  // Whose it is.
  [[nodiscard]] const Carried& identity() const noexcept { return who_; }

 private:
  friend class PostgresPool;
  PostgresConnection(std::shared_ptr<detail::PostgresCore> core, std::shared_ptr<detail::IdleConnections> home,
                     Carried who, bool dynamic, PGconn* connection);
  void give_back() noexcept;

  std::shared_ptr<detail::PostgresCore> core_;
  std::shared_ptr<detail::IdleConnections> home_;
  Carried who_;
  bool dynamic_ = true;
  PGconn* connection_ = nullptr;
};

class PostgresPool {
 public:
  // `connection` is a connection string (libpq, "Connection Strings") without what is each user's own: user, password,
  // passfile, and the client's certificate. A `service` is looked up in each user's own file, then in the machine's.
  //
  // Errors: Error of reason not_usable where it is no connection string or says one of these, and where the process's
  // environment does (PGPASSWORD, PGSERVICE, PGSERVICEFILE); not_permitted where the blanket asks for more
  // authentication than connections have, or for a level below `impersonation`, which no connection carries. Cost: no
  // system call.
  explicit PostgresPool(const std::string& connection, const PostgresPoolOptions& options = {});
  ~PostgresPool();
  PostgresPool(const PostgresPool&) = delete;
  PostgresPool& operator=(const PostgresPool&) = delete;

  // A connection of whom the blanket presents: one that is idle and still there, else a new one.
  //
  // Errors: Error of reason refused_by_receiver where the server does not take the user, with what it says; not_there
  // where it does not answer; unknown_user where the account database does not know the user; not_usable where there is
  // no such service; those of Cloak;
  // as Impersonation where the identity cannot be taken. No connection of anybody else's is given instead.
  // Thread-safe. Cost: 2 system calls where one is idle, and waiting for the server to have put it right; otherwise
  // what libpq does, and an Impersonation.
  [[nodiscard]] PostgresConnection take();

  // Effects: take() presents by that one from now on; who has a connection keeps it. Errors: those of Cloak.
  void set_blanket(const Blanket& blanket);

  // Effects: closes what has been idle for too long, as whom it belongs to, and forgets whom it has not seen for too
  // long. Thread-safe. Cost: an Impersonation for each identity that has idle connections.
  void tidy() noexcept;

  // How many identities there are connections for. Thread-safe.
  [[nodiscard]] std::size_t identities() const;

 private:
  std::shared_ptr<detail::PostgresCore> core_;
};

}  // namespace behalf
