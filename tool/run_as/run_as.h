// behalf run-as: a command as a user, for good, as after a log-in of hers.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "behalf/token.h"

namespace behalf::tool {

struct RunAs {
  std::string user;
  std::vector<std::string> command;
  std::string directory;  // empty: her home
  std::vector<std::string> environment;
  std::string umask;   // octal; empty: 022, or what the session has
  double timeout = 0;  // seconds, 0: none
  bool no_new_privileges = false;
  bool keep_bounding_set = false;
  bool terminal = false;
  bool session = false;  // PAM's
};

// A session around the command, which ends with the object.
class Session {
 public:
  virtual ~Session() = default;
  [[nodiscard]] virtual std::vector<std::string> environment() const = 0;
};
using OpenSession = std::unique_ptr<Session> (*)(const Token& token);

// What behalf run-as exits with where it is not the command's own status: as env(1) and timeout(1) have them.
enum RunAsExit { run_as_timed_out = 124, run_as_failed = 125, run_as_not_executable = 126, run_as_not_found = 127 };

// Runs the command to its end and returns what to exit with; or becomes it, where nothing is left to do until that end.
// What fails is said on standard error. Where the session is wanted it is opened by what is given for it.
int run_as(const RunAs& wanted, OpenSession open_session);

}  // namespace behalf::tool
