#include "remote/grpc/ticket_office.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>
#include <utility>

#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "identity/errors.h"
#include "remote/grpc/office.h"

namespace behalf::detail {

namespace {

constexpr std::chrono::milliseconds pause{10};

[[noreturn]] void fail(const std::string& what, const std::string& path) {
  const int error = errno;
  throw Error(reason_of(error),
              "behalf: open the office for tickets at " + path + ": " + what + ": " + error_words(error), error);
}

// Nobody connects before it has its mode: it is listened at last.
Descriptor listen_at(const std::string& path, unsigned mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    throw Error(Error::Reason::not_there,
                "behalf: open the office for tickets: '" + path + "' is no path for a Unix socket, of 1 to 107 bytes");
  }
  path.copy(address.sun_path, path.size());
  Descriptor listening(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listening) fail("socket", path);
  if (::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind", path);
  if (::chmod(path.c_str(), mode) != 0 || ::listen(listening.get(), SOMAXCONN) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    errno = error;
    fail("listen", path);
  }
  return listening;
}

void watch_for(const Descriptor& watch, int end, const std::string& path) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = end;
  if (::epoll_ctl(watch.get(), EPOLL_CTL_ADD, end, &event) != 0) fail("epoll_ctl", path);
}

}  // namespace

TicketOffice::TicketOffice(Options options, TicketBook& book) : options_(std::move(options)), book_(book) {
  const AsService self;
  bell_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  watch_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!bell_ || !watch_) fail("epoll", options_.path);
  listening_ = listen_at(options_.path, options_.mode);
  watch_for(watch_, bell_.get(), options_.path);
  watch_for(watch_, listening_.get(), options_.path);
  serves_ = thread(as_service, [this] { serve(); });
}

TicketOffice::~TicketOffice() {
  const std::uint64_t one = 1;
  while (::write(bell_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  if (serves_.joinable()) serves_.join();
  for (const auto& [end, customer] : customers_)
    if (!customer.ticket.empty()) book_.revoke(customer.ticket);
  ::unlink(options_.path.c_str());
}

void TicketOffice::serve() {
  for (;;) {
    std::array<epoll_event, 64> events{};
    const int ready = ::epoll_wait(watch_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < ready; ++i) {
      const int end = events[static_cast<std::size_t>(i)].data.fd;
      if (end == bell_.get()) return;
      if (end == listening_.get()) {
        admit();
      } else {
        attend(end);
      }
    }
  }
}

void TicketOffice::admit() {
  Descriptor end(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!end) {
    // Gone already; or there is no descriptor to be had, and who waits is still there the next time.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) std::this_thread::sleep_for(pause);
    return;
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(end.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  std::size_t& here = here_[peer.uid];
  if (here >= options_.at_most_of_one) {
    return refuse("behalf: uid " + std::to_string(peer.uid) +
                  " has as many connections to the office for tickets as it "
                  "may");
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = end.get();
  if (::epoll_ctl(watch_.get(), EPOLL_CTL_ADD, end.get(), &event) != 0) return;
  ++here;
  const int number = end.get();
  customers_.emplace(number, Customer{std::move(end), peer.uid, {}});
}

void TicketOffice::attend(int end) {
  const auto customer = customers_.find(end);
  if (customer == customers_.end()) return;
  if (customer->second.ticket.empty()) {
    const std::string told = answer(customer->second);
    if (!told.empty() &&
        ::send(end, told.data(), told.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(told.size()) &&
        told[0] == given)
      return;
  }
  see_off(customer);  // hung up, refused, or asks twice
}

void TicketOffice::see_off(std::unordered_map<int, Customer>::iterator customer) {
  if (!customer->second.ticket.empty()) book_.revoke(customer->second.ticket);
  const auto here = here_.find(customer->second.uid);
  if (--here->second == 0) here_.erase(here);
  customers_.erase(customer);
}

std::string TicketOffice::answer(Customer& customer) {
  Request request;
  const ssize_t got = ::recv(customer.end.get(), &request, sizeof request, MSG_DONTWAIT);
  if (got == 0) return {};  // only wanted to know whether somebody is there
  try {
    if (got != sizeof request || request.magic != Request{}.magic ||
        request.granted > static_cast<std::uint8_t>(Level::delegation)) {
      throw Error(Error::Reason::refused_by_receiver, "behalf: what asks for a ticket is no request for one");
    }
    const Level granted = std::min(static_cast<Level>(request.granted), options_.highest);
    const Sender whose = granted == Level::anonymous
                             ? Sender()
                             : Sender(Token::of_peer(customer.end.get()).with_level(granted, raise_level));
    auto ticket = book_.issue(whose, customer.uid, options_.good_for);
    if (!ticket) {
      throw Error(Error::Reason::out_of_resources,
                  "behalf: there are as many tickets as there may be, of all users or of this one. Close channels");
    }
    customer.ticket = *ticket;
    return given + std::to_string(options_.good_for.count()) + ' ' + *ticket;
  } catch (const std::exception& error) {
    refuse(error.what());
    return not_given + std::string(error.what()).substr(0, longest_answer - 1);
  }
}

void TicketOffice::refuse(const std::string& why) const {
  if (options_.on_refused) options_.on_refused(why);
}

}  // namespace behalf::detail
