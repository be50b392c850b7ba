// A machine with two users on it, alice and bob, who have homes.
#pragma once

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "behalf/token.h"
#include "child.h"
#include "own_accounts.h"
#include "stand_in_service.h"

namespace behalf::testing {

// For a process of its own (in_own_process), before it initializes the library. Its accounts are those of the stage.
class Household {
 public:
  Household() {
    own_accounts(
        "root:x:0:0::/root:/bin/sh\nservice:x:3003:3003::/:/bin/sh\nalice:x:3001:3001::/home/alice:/bin/sh\n"
        "bob:x:3002:3002::/home/bob:/bin/sh\n",
        "root:x:0:\ntty:x:5:\nalice:x:3001:\nbob:x:3002:\ndevs:x:3100:alice\nstaff:x:3200:bob\n");
    // In the mount namespace of the process's own, with which it goes.
    must(::mount("none", "/home", "tmpfs", 0, "mode=0755") == 0, "mount over /home");
    make_home("alice", alice_id);
    make_home("bob", bob_id);
  }

  [[nodiscard]] static std::string home(const std::string& user) { return "/home/" + user; }
  // A script in the user's home, for everybody to execute unless the mode says otherwise.
  static std::string script(const std::string& user, const std::string& name, const std::string& text,
                            mode_t mode = 0755) {
    const std::string file = home(user) + '/' + name;
    std::ofstream(file) << text;
    ::chmod(file.c_str(), mode);
    return file;
  }

 private:
  static void make_home(const std::string& user, uid_t uid) {
    must(::mkdir(home(user).c_str(), 0700) == 0, "mkdir");
    must(::chown(home(user).c_str(), uid, uid) == 0, "chown");
  }
};

}  // namespace behalf::testing
