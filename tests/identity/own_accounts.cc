#include "own_accounts.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "child.h"

namespace behalf::testing {

void own_accounts(const std::string& passwd, const std::string& group) {
  const auto put = [](const std::string& text, const char* over) {
    char name[] = "/tmp/behalf-accounts-XXXXXX";
    const int file = ::mkstemp(name);
    must(file >= 0 && ::fchmod(file, 0644) == 0, "mkstemp");
    ::close(file);
    std::ofstream{name} << text;
    const bool bound = ::mount(name, over, nullptr, MS_BIND, nullptr) == 0;
    ::unlink(name);
    must(bound, std::string{"bind over "} + over);
  };
  must(::unshare(CLONE_NEWNS) == 0, "unshare");
  must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make mounts private");
  put(passwd, "/etc/passwd");
  put(group, "/etc/group");
}

}  // namespace behalf::testing
