#include "remote/http/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/give_back_failure.h"
#include "identity/service.h"
#include "transfer/later.h"

namespace behalf::http::detail {

using namespace std::chrono_literals;
using behalf::detail::later;
using State = Connection::State;

namespace {

constexpr auto never = Clock::time_point::max();
constexpr auto between_looks = 20ms;  // at the deadlines
constexpr auto for_last_words = 1000ms;
constexpr auto without_descriptors = 100ms;  // until it listens again
constexpr int accepted_at_once = 16;
constexpr unsigned before_it_moves = 16;  // requests of one user on a connection
constexpr int most_turns = 8;             // of one user, while others wait

// A line of the log has no control characters but the end that its reader gives it.
std::string printable(std::string_view text) {
  std::string line;
  for (const unsigned char each : text) {
    if (each >= ' ' && each != 0x7f) {
      line += static_cast<char>(each);
      continue;
    }
    std::array<char, 5> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", each);
    line += escaped.data();
  }
  return line;
}

behalf::detail::Look look_of(ServerOptions::Check check) noexcept {
  switch (check) {
    case ServerOptions::Check::wire:
      return behalf::detail::Look::wire;
    case ServerOptions::Check::handler:
      return behalf::detail::Look::all;
    case ServerOptions::Check::run:
    case ServerOptions::Check::memo:
      break;
  }
  return behalf::detail::Look::memo;
}

// The process ends: the thread would go on as somebody else.
void must_be_empty(const std::string& amiss) {
  if (amiss.empty()) return;
  const std::string line = "behalf: http: a handler did not give its thread back: " + amiss +
                           ". The process ends, before other work runs as somebody else\n";
  behalf::detail::end_process(line.c_str());
}

// A request whose handler may take long. A worker that cannot be its user tells so.
class SlowRequest final : public behalf::detail::PoolTask {
 public:
  SlowRequest(Loop& loop, Core& core, Connection& connection)
      : PoolTask(Carried(*connection.user), {}, Place::here()), loop_(loop), core_(core), connection_(connection) {}
  void run(const std::stop_token&) noexcept override {
    outcome_ = outcome_of(core_.handler, connection_.parser.request(), *connection_.call);
  }
  void drop(std::exception_ptr why) noexcept override { fail(std::move(why)); }
  void fail(std::exception_ptr why) noexcept override {
    outcome_ = {.response = {}, .refused = 503, .why = "you cannot be served now", .tried = "be that user"};
    try {
      std::rethrow_exception(std::move(why));
    } catch (const std::exception& error) {
      outcome_.tried = error.what();
    } catch (...) {  // nothing to add
    }
  }
  [[nodiscard]] bool has_callable() const noexcept override { return false; }
  void complete() noexcept override { loop_.handled(connection_, std::move(outcome_)); }

 private:
  Loop& loop_;
  Core& core_;
  Connection& connection_;
  Outcome outcome_;
};

}  // namespace

Outcome outcome_of(const Handler& handler, const Request& request, const CallContext& call) noexcept {
  const CallContext::Scope handling(call);
  try {
    return {.response = handler(request), .refused = 0, .why = {}, .tried = {}};
  } catch (const Refusal& refusal) {
    return {.response = {}, .refused = refusal.status(), .why = refusal.what(), .tried = {}};
  } catch (const std::exception& error) {
    return {.response = {}, .refused = 500, .why = "the server failed; its log has more", .tried = error.what()};
  } catch (...) {
    return {.response = {}, .refused = 500, .why = "the server failed", .tried = "an unknown exception"};
  }
}

Loop::Loop(Core& core)
    : core_(core),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wearer_(look_of(core.options.check)) {
  // By its edge: it need not be read to be rung again.
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = this}};
  if (!epoll_ || !bell_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_.get(), &event) != 0) {
    throw Error(behalf::detail::reason_of(errno),
                "behalf: http: make an epoll instance: " + behalf::detail::error_words(errno), errno);
  }
}

void Loop::start() {
  thread_ = std::thread([this] { run(); });
}

void Loop::join() {
  if (thread_.joinable()) thread_.join();
}

void Loop::wake() noexcept {
  const std::uint64_t one = 1;
  (void)!::write(bell_.get(), &one, sizeof one);  // it counts, and no counter of a server's comes to its end
}

void Loop::adopt(std::unique_ptr<Connection> connection) {
  std::unique_lock lock(mutex_);
  arrivals_.push_back(std::move(connection));
  wake_from(std::move(lock));
}

void Loop::answered(Connection& connection, Answer answer, std::size_t asked_in) {
  std::unique_lock lock(mutex_);
  back_.push_back({&connection, std::move(answer), std::nullopt, asked_in});
  wake_from(std::move(lock));
}

void Loop::handled(Connection& connection, Outcome outcome) {
  std::unique_lock lock(mutex_);
  back_.push_back({&connection, std::nullopt, std::move(outcome), 0});
  wake_from(std::move(lock));
}

// A thread that does not wait looks before it does.
void Loop::wake_from(std::unique_lock<std::mutex> lock) noexcept {
  const bool waits = std::exchange(waits_, false);
  lock.unlock();
  if (waits) wake();
}

// Whether there is nothing that another thread has brought: the next one to bring something wakes this one.
bool Loop::may_wait() {
  const std::lock_guard lock(mutex_);
  waits_ = arrivals_.empty() && back_.empty();
  return waits_;
}

void Loop::waits_no_more() {
  const std::lock_guard lock(mutex_);
  waits_ = false;
}

void Loop::run() {
  now_ = Clock::now();
  listen(true);
  while (!core_.ending) {
    wait();
    if (somebody_comes_) accept();
    take_orders();
    take_arrivals();
    for (Connection* const each : std::exchange(again_, {})) touched_.push_back(each);
    for (Connection* const each : touched_) advance(*each);
    touched_.clear();
    if (look_again_ <= now_) expire();
    handle_ready();
    for (Connection* const each : leaving_) move_home(*each);
    leaving_.clear();
    closed_.clear();
  }
  be_service();
}

void Loop::be_service() {
  look_back();
  wearer_.give_back();
  if (worn_ != nullptr) wore_ = behalf::detail::to_compare_with(worn_);
  worn_.reset();
}

// What is not seen after each handler.
void Loop::look_back() {
  if (wearer_.unseen() != 0) must_be_empty(wearer_.amiss(behalf::detail::Look::all));
}

// Without anything to do it is the service, but for a short while.
void Loop::wait() {
  std::array<epoll_event, 128> events;
  int count = 0;
  for (;;) {
    Clock::time_point until = std::min(look_again_, listen_again_);
    if (worn_ != nullptr) until = std::min(until, later(last_handled_, core_.options.keeps));
    bool has_more = !again_.empty() || !ready_.empty();
    int timeout = -1;
    if (has_more) {
      timeout = 0;
    } else if (until != never) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now_).count();
      timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    }
    if (timeout != 0 && !may_wait()) {
      has_more = true;
      timeout = 0;
    }
    count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    if (timeout != 0) waits_no_more();
    now_ = Clock::now();
    if (worn_ != nullptr && now_ >= later(last_handled_, core_.options.keeps)) be_service();
    if (listen_again_ <= now_) listen(true);
    if (count != 0 || has_more) break;
    if (look_again_ <= now_) return;
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == this) continue;  // the bell
    if (event.data.ptr == &core_) {
      somebody_comes_ = true;
    } else {
      auto* const connection = static_cast<Connection*>(event.data.ptr);
      if ((event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection->readable = true;
      if ((event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection->end_comes = true;
      touched_.push_back(connection);
    }
  }
}

void Loop::listen(bool wanted) {
  if (wanted == listens_ || (wanted && stopping_)) return;
  // Exclusive: one thread is woken for a client, not all (epoll_ctl(2)).
  epoll_event event{.events = EPOLLIN | EPOLLEXCLUSIVE, .data = {.ptr = &core_}};
  (void)::epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, core_.listener.get(), &event);
  listens_ = wanted;
  listen_again_ = wanted ? never : listen_again_;
}

// As the service: who makes a socket is who it belongs to (packet filters, /proc/net/tcp), and accept(2) makes one.
// What is ready is handled before: to go from user to user is less than to be the service between them. Not without
// end: who asks again while others are answered would keep all from coming in.
void Loop::accept() {
  somebody_comes_ = false;
  for (int turns = 0; turns < most_turns && !ready_.empty(); ++turns) handle_ready();
  be_service();
  for (int left = accepted_at_once; left > 0 && listens_; --left) {
    Descriptor socket(::accept4(core_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      give_away(std::move(socket));
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      core_.log("refused a connection: accept: " + behalf::detail::error_words(errno));
      listen(false);
      listen_again_ = now_ + without_descriptors;
    }
    if (errno != ECONNABORTED && errno != EINTR) return;
  }
}

// One that was counted as open.
void Loop::refuse_connection(const Descriptor& socket, std::string_view why) {
  --core_.open;
  ++core_.refused;
  core_.log("refused 503 a connection: " + std::string(why));
  if (core_.options.through) return;  // nothing can be said before the channel is open
  constexpr std::string_view full =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
      "503: too many connections are open; try again later\n";
  (void)::send(socket.get(), full.data(), full.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)::shutdown(socket.get(), SHUT_WR);
}

// To the thread that has the fewest.
void Loop::give_away(Descriptor socket) {
  ++core_.accepted;
  if (core_.open.fetch_add(1) >= core_.options.connections) {
    return refuse_connection(socket, std::to_string(core_.options.connections) + " are open already");
  }
  Loop* fewest = this;
  for (const std::unique_ptr<Loop>& each : core_.loops) {
    if (each->connections() < fewest->connections()) fewest = each.get();
  }
  try {
    std::unique_ptr<Counted> shakes_hands;
    if (core_.options.through) {
      shakes_hands = std::make_unique<Counted>(core_.handshakes);
      if (shakes_hands->before() >= core_.options.through->handshakes())
        return refuse_connection(socket, "too many handshakes have not come to their ends");
    }
    auto connection = std::make_unique<Connection>(std::move(socket), core_.is_local, core_.options);
    connection->shakes_hands = std::move(shakes_hands);
    ++fewest->count_;
    if (fewest != this) return fewest->adopt(std::move(connection));
    const std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(connection));
  } catch (const std::bad_alloc&) {
    --core_.open;
    core_.log("refused a connection: out of memory");
  }
}

void Loop::take_arrivals() {
  std::vector<std::unique_ptr<Connection>> arrivals;
  std::vector<Back> back;
  {
    const std::lock_guard lock(mutex_);
    if (arrivals_.empty() && back_.empty()) return;
    arrivals.swap(arrivals_);
    back.swap(back_);
  }
  for (std::unique_ptr<Connection>& each : arrivals) {
    Connection& connection = *each;
    connection.place = connections_.size();
    connection.readable = true;
    connections_.push_back(std::move(each));
    expect(connection, connection.call ? core_.options.idle_time : core_.options.header_time);
    if (stopping_) {
      close(connection);
      continue;
    }
    touched_.push_back(&connection);
  }
  for (Back& each : back) {
    Connection& connection = *each.connection;
    connection.state = State::body;
    if (core_.cutting) {
      close(connection);
    } else if (each.answer) {
      learn(connection, std::move(*each.answer), each.asked_in);
      touched_.push_back(&connection);
    } else {
      reply(connection, std::move(*each.outcome));
      touched_.push_back(&connection);
    }
  }
}

void Loop::take_orders() {
  if (core_.stopping && !stopping_) {
    stopping_ = true;
    listen(false);
    listen_again_ = never;
    // Who has said nothing yet, and has nothing on the way, is not waited for.
    for (std::size_t i = connections_.size(); i > 0; --i) {
      Connection& connection = *connections_[i - 1];
      if (connection.state == State::handshake) close(connection);
      if (connection.state == State::head) {
        connection.readable = true;
        advance(connection);
        if (connection.state == State::head && !connection.begun && connection.place != SIZE_MAX) close(connection);
      }
    }
  }
  if (!core_.cutting) return;
  for (std::size_t i = connections_.size(); i > 0; --i) {
    if (connections_[i - 1]->state != State::away) close(*connections_[i - 1]);
  }
}

void Loop::expect(Connection& connection, std::chrono::milliseconds within) {
  connection.deadline = later(now_, within);
  look_again_ = std::min(look_again_, std::max(connection.deadline, now_ + between_looks));
}

void Loop::expire() {
  for (std::size_t i = connections_.size(); i > 0; --i) {
    Connection& connection = *connections_[i - 1];
    if (connection.deadline > now_) continue;
    connection.deadline = never;
    if (connection.state == State::delayed) {
      connection.state = State::flush;
      advance(connection);
    } else if (connection.state == State::body || (connection.state == State::head && connection.begun)) {
      refuse(connection, 408, "the request takes too long to come", {});
      advance(connection);
    } else if (connection.state != State::away && connection.state != State::ready) {
      if (connection.state == State::handshake) {
        ++core_.refused;
        core_.log("refused a connection: the handshake takes too long");
      }
      close(connection);
    }
  }
  Clock::time_point first = never;
  for (const std::unique_ptr<Connection>& each : connections_) first = std::min(first, each->deadline);
  look_again_ = first == never ? never : std::max(first, now_ + between_looks);
}

void Loop::advance(Connection& connection) {
  if (connection.place == SIZE_MAX) return;  // closed in this turn
  try {
    go_on(connection);
  } catch (const std::exception& error) {
    core_.log(std::string("closed a connection: ") + error.what());
    close(connection);
  }
  watch(connection);
}

// From when it first waits for its client: many a connection is closed with its first answer, and never does. What has
// come meanwhile is told at once (epoll_ctl(2)).
void Loop::watch(Connection& connection) {
  if (connection.place == SIZE_MAX || connection.watched) return;
  if (connection.state == State::away || connection.state == State::ready || connection.state == State::delayed) return;
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &connection}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket(), &event) == 0) {
    connection.watched = true;
    return;
  }
  core_.log("closed a connection: epoll_ctl: " + behalf::detail::error_words(errno));
  close(connection);
}

bool Loop::watch_no_more(Connection& connection) noexcept {
  if (!std::exchange(connection.watched, false)) return true;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, connection.socket(), nullptr) == 0;
}

void Loop::go_on(Connection& connection) {
  for (bool further = true; further;) {
    switch (connection.state) {
      case State::handshake:
        further = shake_hands(connection);
        break;
      case State::head:
        further = read_head(connection);
        break;
      case State::body:
        further = read_body(connection);
        break;
      case State::flush:
        further = send(connection);
        break;
      case State::last_words:
        further = false;
        for (;;) {
          const Connection::Came came = connection.drain();
          if (came == Connection::Came::nothing) break;
          if (came != Connection::Came::some) return close(connection);
        }
        break;
      case State::away:
      case State::ready:
      case State::delayed:
        further = false;
    }
  }
}

// Whether there is more to parse.
bool Loop::read_on(Connection& connection) {
  if (connection.at_end) {
    close(connection);
    return false;
  }
  if (!connection.readable) return false;
  switch (connection.fill()) {
    case Connection::Came::some:
      return true;
    case Connection::Came::nothing:
      return false;
    case Connection::Came::end:
      connection.at_end = true;
      close(connection);
      return false;
    case Connection::Came::failure:
      close(connection);
      return false;
  }
  return false;
}

void Loop::refuse_fault(Connection& connection) {
  connection.closes = true;  // where the next request begins is not known
  refuse(connection, connection.parser.fault().status, connection.parser.fault().why, {});
}

// As the service: what it takes beside the socket (random numbers, a module of the engine's that is not loaded yet) is
// not the user's to give. Its time is the header's, from the connection's beginning.
bool Loop::shake_hands(Connection& connection) {
  be_service();
  switch (connection.shake_hands()) {
    case Channel::Did::some:
      connection.state = State::head;
      connection.shakes_hands.reset();
      return true;
    case Channel::Did::waits_to_read:
    case Channel::Did::waits_to_write:
      return false;
    case Channel::Did::end:
    case Channel::Did::failure:
      break;
  }
  ++core_.refused;
  core_.log("refused a connection: " + printable(connection.why_no_channel()));
  connection.shakes_hands.reset();
  connection.end_output();
  connection.state = State::last_words;  // so that the client hears why
  expect(connection, for_last_words);
  return true;
}

bool Loop::read_head(Connection& connection) {
  if (connection.parser.has_bytes() && !connection.begun) {
    connection.begun = true;
    expect(connection, core_.options.header_time);
  }
  switch (connection.parser.parse_head()) {
    case RequestParser::Step::more:
      return read_on(connection);
    case RequestParser::Step::fault:
      refuse_fault(connection);
      return true;
    case RequestParser::Step::done:
      connection.begun = true;
      authenticate(connection);
      return true;
  }
  return false;
}

bool Loop::read_body(Connection& connection) {
  switch (connection.parser.parse_body()) {
    case RequestParser::Step::more:
      // What a "100 Continue" could not be sent of goes on when the socket takes it.
      if (connection.has_output()) {
        const Connection::Sent sent = connection.flush();
        if (sent == Connection::Sent::failure) {
          close(connection);
          return false;
        }
      }
      return read_on(connection);
    case RequestParser::Step::fault:
      refuse_fault(connection);
      return true;
    case RequestParser::Step::done:
      connection.state = State::ready;
      connection.deadline = never;
      ready_.push_back(&connection);
      return false;
  }
  return false;
}

void Loop::authenticate(Connection& connection) {
  connection.user.reset();
  if (connection.user_of_all && !connection.user_of_all_holds(now_)) connection.user_of_all.reset();
  if (connection.user_of_all) return admit(connection, *connection.user_of_all);
  if (const auto credential = connection.parser.request().field("Authorization")) {
    const auto known = core_.credentials.find(core_.credentials.hash_of(*credential), now_);
    if (known) return admit(connection, *known);
  }
  ask(connection);
}

// On a thread that may be made to wait, as the service.
void Loop::ask(Connection& connection) {
  connection.state = State::away;
  connection.deadline = never;
  connection.asked_at = now_;
  try {
    ++core_.asked;
    core_.checkers->post(as_service, [this, &connection] {
      const std::size_t asked_in = core_.credentials.age();
      Answer answer;
      try {
        answer = core_.authenticator(connection.parser.request(), connection.client());
      } catch (const Refusal& refusal) {
        answer = {.status = refusal.status(), .why = refusal.what()};
      } catch (const std::exception& error) {
        answer = {.status = 503, .why = "who you are cannot be found out now", .tried = error.what()};
      } catch (...) {
        answer = {.status = 503, .why = "who you are cannot be found out now", .tried = "an unknown exception"};
      }
      answered(connection, std::move(answer), asked_in);
    });
  } catch (const Error& error) {
    refuse(connection, 503, "too many ask to be let in; try again later", error.what());
  }
}

void Loop::learn(Connection& connection, Answer answer, std::size_t asked_in) {
  if (!answer.user) {
    const int status = answer.status >= 400 && answer.status <= 599 ? answer.status : 503;
    refuse(connection, status, answer.why, answer.tried, answer.challenge);
    if (status == 401 && connection.parser.request().field("Authorization")) {
      connection.state = State::delayed;
      expect(connection, core_.options.refusal_takes);
    }
    return;
  }
  const Token& who = *answer.user;
  if (who.is_service() && !core_.options.service_may_ask)
    return refuse(connection, 403, "nothing is done here for whoever you are", "be the service itself");
  if (who.level() < Level::impersonation)
    return refuse(connection, 403, "you have not let the server act for you", "act for who is only identified");
  connection.told = std::move(answer.fields);
  if (answer.holds == Answer::Holds::connection) connection.user_of_all = who;
  if (answer.holds == Answer::Holds::credential) {
    if (const auto credential = connection.parser.request().field("Authorization"))
      core_.credentials.remember(core_.credentials.hash_of(*credential), who, now_, asked_in);
  }
  admit(connection, who);
}

void Loop::admit(Connection& connection, const Token& who) {
  if (!core_.users.move(connection.counted, who.uid())) {
    connection.closes = true;
    return refuse(connection, 503, "you have too many connections open", "open one more");
  }
  connection.is_of(who);
  connection.state = State::body;
  expect(connection, core_.options.body_time);
  if (!connection.parser.is_whole() && connection.parser.expects_continue()) connection.answer_continue();
}

// One user's requests in a turn. As long as there are more of the user's who is worn, the others wait, for so many
// turns and no more; then it is the turn of who has waited longest. The service begins with who was worn last, whose
// session keyring the thread has still.
void Loop::handle_ready() {
  if (ready_.empty()) return;
  const auto is_of = [](const behalf::detail::TokenPtr& token) {
    return [&token](const Connection* each) { return behalf::detail::same(each->user->data(), token); };
  };
  behalf::detail::TokenPtr token = worn_ != nullptr ? worn_ : wore_;
  if (token == nullptr || ++turns_as_worn_ > most_turns || std::none_of(ready_.begin(), ready_.end(), is_of(token))) {
    token = ready_.front()->user->data();
    turns_as_worn_ = 0;
  }
  const auto others = std::stable_partition(ready_.begin(), ready_.end(), is_of(token));
  run_.assign(ready_.begin(), others);
  ready_.erase(ready_.begin(), others);
  for (Connection* const each : run_) handle(*each);
  if (core_.options.check == ServerOptions::Check::run) must_be_empty(wearer_.amiss(behalf::detail::Look::all));
  switches_.store(wearer_.switches(), std::memory_order_relaxed);
  last_handled_ = Clock::now();
}

void Loop::handle(Connection& connection) {
  if (connection.place == SIZE_MAX) return;
  ++core_.requests;
  bool is_slow = false;
  try {
    const Carried who(*connection.user);
    if (!wearer_.wears(who)) look_back();
    worn_.reset();
    wearer_.wear(who);
    if (wearer_.wears_user()) worn_ = connection.user->data();
    is_slow = core_.slow && core_.options.slow(connection.parser.request());
  } catch (const std::exception& error) {
    refuse(connection, 503, "you cannot be served now", error.what());
    return advance(connection);
  }
  if (is_slow) return hand_over(connection);
  Outcome outcome = outcome_of(core_.handler, connection.parser.request(), *connection.call);
  must_be_empty(wearer_.amiss());
  reply(connection, std::move(outcome));
  advance(connection);
}

void Loop::hand_over(Connection& connection) {
  connection.state = State::away;
  try {
    (void)core_.slow->enqueue(new SlowRequest(*this, core_, connection), false);
  } catch (const std::exception& error) {
    refuse(connection, 503, "too many wait; try again later", error.what());
    advance(connection);
  }
}

void Loop::reply(Connection& connection, Outcome outcome) {
  if (outcome.refused != 0) return refuse(connection, outcome.refused, outcome.why, outcome.tried);
  connection.state = State::flush;
  if (stopping_ || !connection.parser.keep_alive()) connection.closes = true;
  try {
    connection.answer(std::move(outcome.response), date());
  } catch (const std::invalid_argument& error) {
    refuse(connection, 500, "the server failed; its log has more", error.what());
  }
}

void Loop::refuse(Connection& connection, int status, const std::string& why, const std::string& tried,
                  const std::string& challenge) {
  ++core_.refused;
  const Request& request = connection.parser.request();
  std::string line = "refused " + std::to_string(status);
  if (!request.method.empty()) line += " " + printable(request.method) + " " + printable(request.target);
  if (connection.user) line += " of " + behalf::detail::describe(*connection.user->data());
  line += ": " + printable(why);
  if (!tried.empty()) line += " (tried: " + printable(tried) + ")";
  core_.log(line);
  // Before a body that nobody will read there is no next request to be found.
  if (stopping_ || status == 408 || !connection.parser.is_whole() || !connection.parser.keep_alive())
    connection.closes = true;
  Response response{.status = status, .body = std::to_string(status) + ": " + printable(why) + "\n"};
  response.fields.push_back({"Content-Type", "text/plain; charset=utf-8"});
  if (!challenge.empty()) response.fields.push_back({"WWW-Authenticate", challenge});
  connection.state = State::flush;
  expect(connection, core_.options.write_time);
  try {
    connection.answer(std::move(response), date());
  } catch (const std::invalid_argument& error) {  // the challenge
    core_.log(error.what());
    connection.answer({.status = 503}, date());
  }
}

bool Loop::send(Connection& connection) {
  switch (connection.flush()) {
    case Connection::Sent::some:
      expect(connection, core_.options.write_time);
      return false;
    case Connection::Sent::nothing:
      if (connection.deadline == never) expect(connection, core_.options.write_time);
      return false;
    case Connection::Sent::turn:
      expect(connection, core_.options.write_time);
      if (std::find(again_.begin(), again_.end(), &connection) == again_.end()) again_.push_back(&connection);
      return false;
    case Connection::Sent::failure:
      close(connection);
      return false;
    case Connection::Sent::all:
      break;
  }
  if (connection.closes) {
    if (connection.parser.is_whole() && !connection.parser.has_bytes()) {
      close(connection);
      return false;
    }
    connection.end_output();
    connection.state = State::last_words;
    expect(connection, for_last_words);
    return true;
  }
  if (stopping_ && !connection.parser.has_bytes()) {
    close(connection);
    return false;
  }
  connection.next();
  connection.state = State::head;
  expect(connection, connection.begun ? core_.options.header_time : core_.options.idle_time);
  if (connection.begun) {
    again_.push_back(&connection);  // its next request waits for its turn
    return false;
  }
  if (connection.in_a_row >= before_it_moves) {
    connection.in_a_row = 0;
    leaving_.push_back(&connection);
  }
  return true;
}

// A connection that has been one user's for a while goes to the thread where that user's are, as long as that one has
// no more of them: the more requests of one user a thread has at once, the fewer switches there are. At the end of a
// turn, when nothing else of it points to the connection.
void Loop::move_home(Connection& connection) {
  if (connection.place == SIZE_MAX || connection.state != State::head || connection.begun || stopping_) return;
  Loop& home = *core_.loops[connection.call->client()->uid() % core_.loops.size()];
  if (&home == this || home.connections() > connections()) return;
  if (!watch_no_more(connection)) return;
  std::erase(again_, &connection);  // in one turn it may have waited for the next, and come to the end after all
  --count_;
  ++home.count_;
  home.adopt(take_out(connection));
}

std::unique_ptr<Connection> Loop::take_out(Connection& connection) {
  const std::size_t place = std::exchange(connection.place, SIZE_MAX);
  std::unique_ptr<Connection> own = std::move(connections_[place]);
  if (place + 1 != connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
  return own;
}

void Loop::close(Connection& connection) {
  if (connection.place == SIZE_MAX) return;
  (void)core_.users.move(connection.counted, std::nullopt);
  // The socket is closed now, the object at the end of the turn: somebody may still look at it in this one.
  closed_.push_back(take_out(connection));
  // A process that is being made has the socket, too, until it calls execve(2): closing it here would not end its
  // events (epoll(7), "Questions and answers"), which point to what will not be there.
  (void)watch_no_more(connection);
  connection.hang_up();
  std::erase(again_, &connection);
  std::erase(ready_, &connection);
  --count_;
  --core_.open;
  if (!core_.stopping) return;
  const std::lock_guard lock(core_.mutex);
  core_.closed.notify_all();
}

const std::string& Loop::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_of_) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 64> text{};
    // In the C locale's words, whatever the process's is (RFC 9110, 5.6.7).
    constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::snprintf(text.data(), text.size(), "%s, %02d %s %d %02d:%02d:%02d GMT",
                  days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                  months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                  utc.tm_sec);
    date_ = text.data();
    date_of_ = now;
  }
  return date_;
}

}  // namespace behalf::http::detail
