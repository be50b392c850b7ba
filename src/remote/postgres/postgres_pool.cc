#include <string>
#include <utility>
#include <vector>

#include "behalf/error.h"
#include "behalf/postgres.h"
#include "identity/errors.h"
#include "remote/current_cloak.h"
#include "remote/postgres/idle_connections.h"
#include "remote/postgres/parameters.h"
#include "state/person.h"
#include "transfer/whoever.h"

namespace behalf {

namespace detail {

namespace {

std::string words_of(const Carried& who) {
  return who.data() == nullptr ? std::string{"the process itself"} : describe(*who.data());
}

std::string without_end_of_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Whom libpq tells of what a server says unasked, where it was told nothing: of a connection that never was one.
struct Listeners {
  Listeners() {
    PGconn* const none = PQconnectStart("no connection string");
    if (none == nullptr) throw std::bad_alloc();
    receiver = PQsetNoticeReceiver(none, nullptr, nullptr);
    processor = PQsetNoticeProcessor(none, nullptr, nullptr);
    PQfinish(none);
  }
  PQnoticeReceiver receiver = nullptr;
  PQnoticeProcessor processor = nullptr;
};

// As it was opened, as far as libpq goes: what it was told to call may be gone by the time that it does.
void put_right(PGconn* connection) {
  static const Listeners at_first;
  PQsetNoticeReceiver(connection, at_first.receiver, nullptr);
  // The receiver of the beginning calls the processor with what that was set with.
  PQsetNoticeProcessor(connection, at_first.processor, nullptr);
  PQuntrace(connection);
  PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
  PQsetErrorContextVisibility(connection, PQSHOW_CONTEXT_ERRORS);
}

}  // namespace

// What the pool has, and connections in use may outlive.
class PostgresCore {
 public:
  PostgresCore(const std::string& connection, const PostgresPoolOptions& options)
      : common_(common_parameters(connection)),
        options_(options),
        cloak_(options.blanket, Authentication::connection, Level::impersonation),
        idle_([this] { return std::make_unique<IdleConnections>(all_idle_); },
              {.at_most = options.identities_at_most, .lives_unused = options.identity_unseen_for}) {}

  // Runs as anybody; what it does, it does as `who`.
  PGconn* connect(const Carried& who) const {
    const Account user = person_of(who);
    PGconn* connection = nullptr;
    run_as_whoever(who, [&] {
      const PostgresParameters parameters = parameters_of(common_, user);
      std::vector<const char*> keys;
      std::vector<const char*> values;
      for (const auto& [key, value] : parameters) {
        keys.push_back(key.c_str());
        values.push_back(value.c_str());
      }
      keys.push_back(nullptr);
      values.push_back(nullptr);
      const auto open = [&] { return PQconnectdbParams(keys.data(), values.data(), 0); };
      if (is_at_socket(parameters)) {
        connection = open();
      } else {
        const ThreadTickets hers(options_.tickets_of);
        connection = open();
      }
    });
    if (connection != nullptr && PQstatus(connection) == CONNECTION_OK) return connection;
    if (connection == nullptr) throw std::bad_alloc();
    const std::string why = without_end_of_line(PQerrorMessage(connection));
    // What a server says has a severity before it, never translated in "FATAL:" of the protocol's own field; a server
    // that was not reached says nothing.
    const bool answered = why.find("FATAL") != std::string::npos;
    PQfinish(connection);
    throw Error(answered ? Error::Reason::refused_by_receiver : Error::Reason::not_there,
                "behalf: connect to PostgreSQL as " + words_of(who) + ": " + why);
  }

  std::shared_ptr<IdleConnections> idle_of(const Carried& who) {
    const auto kept = idle_.get(who);
    return {kept, kept->get()};
  }

  Cloak cloak() const { return cloak_.get(); }
  void set_blanket(const Blanket& blanket) { cloak_.set(blanket); }

  const PostgresPoolOptions& options() const noexcept { return options_; }
  void has_idle(const std::shared_ptr<IdleConnections>& home) { all_idle_.add(home); }
  void tidy() noexcept {
    idle_.drop_expired();
    try {
      for (const auto& each : all_idle_.now()) tidy(*each);
    } catch (const std::bad_alloc&) {  // as in what it calls
    }
  }
  std::size_t identities() const { return idle_.counts().kept; }

 private:
  void tidy(IdleConnections& home) const noexcept {
    try {
      if (const auto whose = home.identity()) run_as_whoever(*whose, [&] { home.tidy(options_.idle_for); });
    } catch (const std::exception&) {  // what is left is closed the next time, or when it is to be taken
    }
  }

  const PostgresParameters common_;
  const PostgresPoolOptions options_;
  CurrentCloak cloak_;
  AllIdle all_idle_;
  per_identity<std::unique_ptr<IdleConnections>> idle_;
};

}  // namespace detail

PostgresPool::PostgresPool(const std::string& connection, const PostgresPoolOptions& options)
    : core_(std::make_shared<detail::PostgresCore>(connection, options)) {}

PostgresPool::~PostgresPool() = default;

PostgresConnection PostgresPool::take() {
  const Cloak cloak = core_->cloak();
  const Carried who = cloak.presented();
  std::shared_ptr<detail::IdleConnections> home = core_->idle_of(who);
  PGconn* connection = nullptr;
  detail::run_as_whoever(who, [&] { connection = home->take(core_->options().idle_for); });
  if (connection == nullptr) connection = core_->connect(who);
  return {core_, std::move(home), who, cloak.blanket().cloaking == Cloaking::dynamic, connection};
}

void PostgresPool::set_blanket(const Blanket& blanket) {
  core_->set_blanket(blanket);
}

void PostgresPool::tidy() noexcept {
  core_->tidy();
}

std::size_t PostgresPool::identities() const {
  return core_->identities();
}

PostgresConnection::PostgresConnection(std::shared_ptr<detail::PostgresCore> core,
                                       std::shared_ptr<detail::IdleConnections> home, Carried who, bool dynamic,
                                       PGconn* connection)
    : core_(std::move(core)),
      home_(std::move(home)),
      who_(std::move(who)),
      dynamic_(dynamic),
      connection_(connection) {}

PostgresConnection::PostgresConnection(PostgresConnection&& other) noexcept
    : core_(std::move(other.core_)),
      home_(std::move(other.home_)),
      who_(other.who_),
      dynamic_(other.dynamic_),
      connection_(std::exchange(other.connection_, nullptr)) {}

PostgresConnection& PostgresConnection::operator=(PostgresConnection&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(home_, other.home_);
  std::swap(who_, other.who_);
  std::swap(dynamic_, other.dynamic_);
  std::swap(connection_, other.connection_);
  return *this;
}

PostgresConnection::~PostgresConnection() {
  give_back();
}

PGconn* PostgresConnection::get() const {
  if (!dynamic_ || Carried() == who_) return connection_;
  throw Error(Error::Reason::not_the_owner, "behalf: a connection to PostgreSQL of " + detail::words_of(who_) +
                                                ", used as " + detail::words_of(Carried()) +
                                                ": what it does would be done as the former. Take one of one's own");
}

void PostgresConnection::reset() {
  (void)get();
  PGconn* const anew = core_->connect(who_);
  detail::destroy_as(
      who_, [](void* old) noexcept { PQfinish(static_cast<PGconn*>(old)); }, connection_);
  connection_ = anew;
}

void PostgresConnection::give_back() noexcept {
  if (connection_ == nullptr) return;
  PGconn* left = connection_;
  connection_ = nullptr;
  try {
    detail::run_as_whoever(who_, [&] {
      if (PQstatus(left) != CONNECTION_OK || PQtransactionStatus(left) != PQTRANS_IDLE) return;
      const std::string& on_return = core_->options().on_return;
      // Not every libpq refuses what follows in a pipeline, where no answer would come.
      if (PQpipelineStatus(left) != PQ_PIPELINE_OFF || PQsetnonblocking(left, 0) != 0) return;
      detail::put_right(left);
      // What it says to that is looked at when the connection is taken next: nobody waits for it meanwhile.
      if (!on_return.empty() && PQsendQuery(left, on_return.c_str()) != 1) return;
      left = home_->keep(left, who_, core_->options().idle_at_most);
      if (left == nullptr) core_->has_idle(home_);
    });
  } catch (...) {  // it is closed, then
  }
  if (left == nullptr) return;
  detail::destroy_as(
      who_, [](void* connection) noexcept { PQfinish(static_cast<PGconn*>(connection)); }, left);
}

}  // namespace behalf
