#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <cstddef>
#include <cstdlib>
#include <mutex>

#include "row.h"
#include "sockets/message.h"

BEHALF_ROW(R"(
title:  sd_notify, a message to the service manager
works:  full
hop:    real-id
clock:  real-id
wrong:  the manager is told the real ids: the service, or the spare account
cure:   send the message with SCM_CREDENTIALS of the effective ids
needs:  libsystemd
source: sd_notify(3); unix(7) SCM_CREDENTIALS
)")

static int manager = -1;
static sockaddr_un address{};
static socklen_t address_size = 0;
static std::mutex one_message;  // at the manager's

// The manager's end: a socket with a name that is no file, which NOTIFY_SOCKET tells.
extern "C" void before() {
  address.sun_family = AF_UNIX;
  const std::string name = "@manager." + std::to_string(getpid());
  name.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  address.sun_path[0] = '\0';
  address_size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(manager, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes);
  if (bind(manager, reinterpret_cast<const sockaddr*>(&address), address_size) == 0)
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  const std::lock_guard lock(one_message);
  if (const int sent = sd_notify(0, "STATUS=serving"); sent <= 0) return 1 - sent;
  return behalf_row::print_sender_at(manager) ? 0 : 1;
}

extern "C" int cured() {
  const std::lock_guard lock(one_message);
  const ucred caller = behalf_row::effective_credentials();
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool sent = behalf_row::send_message(fd, &caller, reinterpret_cast<sockaddr*>(&address), address_size);
  close(fd);
  return sent && behalf_row::print_sender_at(manager) ? 0 : 1;
}
