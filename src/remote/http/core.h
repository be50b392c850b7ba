// What the threads of a server have in common.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "behalf/http.h"
#include "behalf/thread_pool.h"
#include "remote/http/credential_cache.h"

namespace behalf::http::detail {

class Loop;

// How many connections are each user's at the moment.
class ConnectionsOfUsers {
 public:
  explicit ConnectionsOfUsers(std::size_t at_most) : at_most_(at_most) {}
  // A connection that was counted for one (or nobody) is another's (or nobody's). False, and nothing is changed, where
  // that one has as many as may be.
  bool move(std::optional<uid_t>& counted, std::optional<uid_t> to);

 private:
  const std::size_t at_most_;
  std::mutex mutex_;
  std::unordered_map<uid_t, std::size_t> counts_;
};

struct Core {
  Core(Descriptor listening, Authenticator asks, Handler handles, ServerOptions with);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // As the service, whoever the thread is.
  void log(const std::string& line) const noexcept;

  const ServerOptions options;
  const Authenticator authenticator;
  const Handler handler;
  const Descriptor listener;
  bool is_local = false;  // the listener is a Unix socket

  CredentialCache credentials;
  ConnectionsOfUsers users;

  std::atomic<bool> stopping{false};  // accept no more, and let what runs come to its end
  std::atomic<bool> cutting{false};   // close what is left
  std::atomic<bool> ending{false};    // the threads end
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> handshakes{0};  // of connections whose channel is not open yet
  std::mutex mutex;
  std::condition_variable closed;  // a connection, while stopping

  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> asked{0};

  std::vector<std::unique_ptr<Loop>> loops;
  // Declared after the loops: their tasks are done, and have told them so, before the loops go.
  std::unique_ptr<ThreadPool> checkers;
  std::unique_ptr<ThreadPool> slow;
};

}  // namespace behalf::http::detail
