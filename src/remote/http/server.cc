#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/http.h"
#include "behalf/impersonation.h"
#include "identity/service.h"
#include "remote/http/core.h"
#include "remote/http/loop.h"
#include "transfer/later.h"

namespace behalf::http {

namespace detail {

bool ConnectionsOfUsers::move(std::optional<uid_t>& counted, std::optional<uid_t> to) {
  if (counted == to) return true;
  const std::lock_guard lock(mutex_);
  if (to) {
    std::size_t& count = counts_[*to];
    if (count >= at_most_) return false;
    ++count;
  }
  if (counted) {
    const auto at = counts_.find(*counted);
    if (--at->second == 0) counts_.erase(at);
  }
  counted = to;
  return true;
}

Core::Core(Descriptor listening, Authenticator asks, Handler handles, ServerOptions with)
    : options(std::move(with)),
      authenticator(std::move(asks)),
      handler(std::move(handles)),
      listener(std::move(listening)),
      credentials(options.remembers, options.remembered),
      users(options.connections_per_user) {
  if (!authenticator || !handler)
    throw std::invalid_argument("behalf: http: a server has a handler and an authenticator");
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(listener.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0)
    throw std::invalid_argument("behalf: http: a server has a listening socket");
  is_local = family == AF_UNIX;
  // Its connections have it from the listener (tcp(7)): an answer does not wait until the client has acknowledged the
  // one before.
  const int yes = 1;
  if (!is_local) (void)::setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

Core::~Core() = default;

void Core::log(const std::string& line) const noexcept {
  if (!options.log) return;
  const AsService self;
  options.log(line);
}

}  // namespace detail

class Server::Core final : public detail::Core {
 public:
  using detail::Core::Core;
};

Server::Server(Descriptor listener, Authenticator authenticator, Handler handler, ServerOptions options) {
  (void)behalf::detail::service_for("serve HTTP");
  core_ = std::make_unique<Core>(std::move(listener), std::move(authenticator), std::move(handler), std::move(options));
  const ServerOptions& with = core_->options;
  core_->checkers = std::make_unique<ThreadPool>(ThreadPoolOptions{.threads = std::max(1U, with.checkers),
                                                                   .capacity = with.checks_waiting,
                                                                   .when_full = ThreadPoolOptions::WhenFull::refuse});
  if (with.slow) {
    core_->slow = std::make_unique<ThreadPool>(
        ThreadPoolOptions{.threads = std::max(1U, with.slow_threads),
                          .check = with.check != ServerOptions::Check::memo ? ThreadPoolOptions::Check::kernel
                                                                            : ThreadPoolOptions::Check::memo,
                          .when_strayed = ThreadPoolOptions::WhenStrayed::end_process});
  }
  const unsigned threads = with.threads != 0 ? with.threads : std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < threads; ++i) core_->loops.push_back(std::make_unique<detail::Loop>(*core_));
  try {
    const behalf::detail::ThreadsOfService born;
    for (const std::unique_ptr<detail::Loop>& each : core_->loops) each->start();
  } catch (const std::system_error& error) {
    core_->ending = true;
    for (const std::unique_ptr<detail::Loop>& each : core_->loops) {
      each->wake();
      each->join();
    }
    throw Error(Error::Reason::out_of_resources, std::string("behalf: http: start a thread: ") + error.what(),
                error.code().value());
  }
}

Server::~Server() {
  (void)stop(std::chrono::milliseconds(0));
  core_->ending = true;
  for (const std::unique_ptr<detail::Loop>& each : core_->loops) {
    each->wake();
    each->join();
  }
}

bool Server::stop(std::chrono::milliseconds at_most) {
  const auto until = behalf::detail::from_now(at_most);
  core_->stopping = true;
  for (const std::unique_ptr<detail::Loop>& each : core_->loops) each->wake();
  bool all = false;
  {
    std::unique_lock lock(core_->mutex);
    all = core_->closed.wait_until(lock, until, [this] { return core_->open == 0; });
  }
  core_->cutting = true;
  for (const std::unique_ptr<detail::Loop>& each : core_->loops) each->wake();
  return all;
}

void Server::forget_credentials() {
  core_->credentials.forget();
}

ServerCounts Server::counts() const {
  ServerCounts counts;
  counts.connections = core_->accepted;
  counts.requests = core_->requests;
  counts.refused = core_->refused;
  counts.asked = core_->asked;
  counts.open = core_->open;
  for (const std::unique_ptr<detail::Loop>& each : core_->loops) counts.switches += each->switches();
  return counts;
}

}  // namespace behalf::http
