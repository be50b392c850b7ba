#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "behalf/error.h"
#include "behalf/http.h"
#include "identity/errors.h"

namespace behalf::http {

namespace {

constexpr int backlog = 1024;

[[noreturn]] void fail(const std::string& what, int error) {
  const auto reason = error == EADDRINUSE ? Error::Reason::busy : behalf::detail::reason_of(error);
  throw Error(reason, "behalf: http: " + what + ": " + behalf::detail::error_words(error), error);
}

Descriptor socket_of(int family) {
  Descriptor made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) fail("make a socket", errno);
  return made;
}

}  // namespace

Descriptor listen_unix(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    throw std::invalid_argument("behalf: http: the socket's path " + path + " is empty or too long");
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const auto* const where = reinterpret_cast<const sockaddr*>(&address);
  // A socket that nobody listens at is what an earlier server left behind. Anything else at that place stays.
  const Descriptor caller = socket_of(AF_UNIX);
  if (::connect(caller.get(), where, sizeof address) == 0 || errno == EAGAIN) fail("listen at " + path, EADDRINUSE);
  if (errno == ECONNREFUSED) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) ::unlink(path.c_str());
  }
  Descriptor listener = socket_of(AF_UNIX);
  if (::bind(listener.get(), where, sizeof address) != 0) fail("listen at " + path, errno);
  // Nobody can connect before listen(2), whatever mode the umask has let the socket have until then.
  if (::chmod(path.c_str(), mode) != 0) fail("set the mode of " + path, errno);
  if (::listen(listener.get(), backlog) != 0) fail("listen at " + path, errno);
  return listener;
}

Descriptor listen_loopback(std::uint16_t port) {
  Descriptor listener = socket_of(AF_INET);
  const int yes = 1;
  (void)::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), backlog) != 0)
    fail("listen at 127.0.0.1:" + std::to_string(port), errno);
  return listener;
}

std::uint16_t port_of(const Descriptor& listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("ask for the port", errno);
  if (address.sin_family != AF_INET) fail("ask for the port of what has none", EAFNOSUPPORT);
  return ntohs(address.sin_port);
}

}  // namespace behalf::http
