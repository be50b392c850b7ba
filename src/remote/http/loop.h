// One of a server's threads, and the connections that are its own: it waits for what comes, and handles the requests of
// a turn user by user.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "remote/http/connection.h"
#include "remote/http/core.h"
#include "transfer/wearer.h"

namespace behalf::http::detail {

// What a handler has come to: a response, or the refusal that is said in its place.
struct Outcome {
  Response response;
  int refused = 0;  // the status, where it is a refusal
  std::string why;
  std::string tried;  // for the log alone
};

// Runs the handler, as whoever the thread is, in the context of that call.
Outcome outcome_of(const Handler& handler, const Request& request, const CallContext& call) noexcept;

class Loop {
 public:
  explicit Loop(Core& core);
  ~Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // As a thread that is the service.
  void start();
  void join();

  // Thread-safe: to look up from waiting; a connection that another thread has accepted; what was away is back.
  void wake() noexcept;
  void adopt(std::unique_ptr<Connection> connection);
  void answered(Connection& connection, Answer answer, std::size_t asked_in);
  void handled(Connection& connection, Outcome outcome);
  [[nodiscard]] std::size_t connections() const noexcept { return count_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t switches() const noexcept { return switches_.load(std::memory_order_relaxed); }

 private:
  struct Back {
    Connection* connection;
    std::optional<Answer> answer;
    std::optional<Outcome> outcome;
    std::size_t asked_in = 0;
  };

  void run();
  void wait();
  void wake_from(std::unique_lock<std::mutex> lock) noexcept;
  bool may_wait();
  void waits_no_more();
  void be_service();
  void look_back();
  void accept();
  void give_away(Descriptor socket);
  void listen(bool wanted);
  void take_arrivals();
  void refuse_connection(const Descriptor& socket, std::string_view why);
  void take_orders();
  void expire();

  // A connection goes on as far as it can without a handler.
  void advance(Connection& connection);
  void go_on(Connection& connection);
  void watch(Connection& connection);
  bool watch_no_more(Connection& connection) noexcept;
  void refuse_fault(Connection& connection);
  bool shake_hands(Connection& connection);
  bool read_head(Connection& connection);
  bool read_body(Connection& connection);
  bool send(Connection& connection);
  bool read_on(Connection& connection);
  void expect(Connection& connection, std::chrono::milliseconds within);

  void authenticate(Connection& connection);
  void ask(Connection& connection);
  void learn(Connection& connection, Answer answer, std::size_t asked_in);
  void admit(Connection& connection, const Token& who);

  void handle_ready();
  void handle(Connection& connection);
  void hand_over(Connection& connection);
  void reply(Connection& connection, Outcome outcome);

  void refuse(Connection& connection, int status, const std::string& why, const std::string& tried,
              const std::string& challenge = {});
  void close(Connection& connection);
  void move_home(Connection& connection);
  std::unique_ptr<Connection> take_out(Connection& connection);
  const std::string& date();

  Core& core_;
  std::thread thread_;
  Descriptor epoll_;
  Descriptor bell_;
  behalf::detail::Wearer wearer_;
  behalf::detail::TokenPtr worn_;  // by the thread still, null: it is the service
  behalf::detail::TokenPtr wore_;  // before it was the service, to compare with
  Clock::time_point last_handled_;
  int turns_as_worn_ = 0;  // while others waited, or might have
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> switches_{0};

  Clock::time_point now_;
  Clock::time_point look_again_ = Clock::time_point::max();  // at the deadlines; never later than the first
  Clock::time_point listen_again_ = Clock::time_point::max();
  bool listens_ = false;
  bool somebody_comes_ = false;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> closed_;  // in this turn
  std::vector<Connection*> touched_;
  std::vector<Connection*> again_;    // has more to do, in the next turn
  std::vector<Connection*> leaving_;  // for another thread, at the end of this turn
  std::vector<Connection*> ready_;    // to be handled, in the order in which they came
  std::vector<Connection*> run_;      // one user's of these, that are handled now
  std::time_t date_of_ = 0;
  std::string date_;

  std::mutex mutex_;    // over what follows
  bool waits_ = false;  // and is to be woken
  std::vector<std::unique_ptr<Connection>> arrivals_;
  std::vector<Back> back_;
};

}  // namespace behalf::http::detail
