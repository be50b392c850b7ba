// PamSession: what the machine's administrator has put into PAM for a log-in, around a program as a user.
//
//   behalf::PamSession session(alice);                      // limits, environment, a session of logind's
//   behalf::SpawnOptions options{.environment = session.environment()};
//   behalf::spawn(alice, {"make"}, options).wait();         // closed when the scope ends
//
// For a process of its own, with one thread, as `behalf run-as` is: PAM's modules change the process that opens the
// session (its limits and umask by pam_limits(8) and pam_umask(8), its audit id, its cgroup). In a server they would be
// everybody's; a server starts such a process for each session.
//
// A component of its own: link behalf::pam, which stands on libpam.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "behalf/token.h"

namespace behalf {

class PamSession {
 public:
  // Effects: asks whether the account may be used now (pam_acct_mgmt(3)), sets its credentials and opens the session,
  // by /etc/pam.d/SERVICE. Nobody is asked for a password: that the caller may act for the user is for the caller to
  // know. Errors: Error of reason not_permitted (the account is locked or expired, or a module refuses), platform;
  // what was opened is closed. Not thread-safe. Cost: what the modules do.
  explicit PamSession(const Token& token, const std::string& service = "behalf");
  // Effects: closes the session. A module that fails is not heard.
  ~PamSession();
  PamSession(const PamSession&) = delete;
  PamSession& operator=(const PamSession&) = delete;

  // The variables that the modules have for the user, as "NAME=value" (pam_getenvlist(3)).
  [[nodiscard]] std::vector<std::string> environment() const;

 private:
  class Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace behalf
