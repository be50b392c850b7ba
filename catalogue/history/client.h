// What the servers of this family have in common: each is root, has threads of its own, is told with a request whose
// it is, and changes the identity of one thread by raw calls. How each came to do it wrongly, its row says.
//
//     static behalf_row::Workers* workers;  // threads/workers.h: they were there before the request
//     …
//     const behalf_row::Client client;                    // where the request comes in
//     workers->run([&] {
//       const behalf_row::WorksFor as(client);            // as it should be
//       behalf_row::print_whose_notes_open();
//     });
//
// A server that is not root serves one user, itself, and changes no identity (nfs-ganesha calls it only_one_user): so
// do all of these where they are run as an oracle.
#pragma once

#include <behalf/impersonation.h>
#include <sys/syscall.h>

#include <optional>
#include <vector>

#include "row.h"

namespace behalf_row {

inline std::vector<gid_t> groups_of_thread() {
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  getgroups(static_cast<int>(groups.size()), groups.data());
  return groups;
}

// Whose a request is. A server of today reads it from the protocol; here it is whoever called.
struct Client {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  std::vector<gid_t> groups = groups_of_thread();

  Client() {
    const auto token = behalf::worn();
    if (!token) return;  // an oracle, or the service for itself
    uid = token->uid();
    gid = token->gid();
    groups = token->groups();
  }
};

// The server itself: as it was when the row was loaded.
inline const Client itself;
inline bool serves_others() {
  return itself.uid == 0;
}

// One thread's identity, as the kernel changes it. False: refused. Where the server serves nobody else, nothing is
// done.
inline bool set_groups(const std::vector<gid_t>& groups) {
  return !serves_others() || syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}
inline bool set_group(gid_t gid) {
  return !serves_others() || syscall(SYS_setresgid, -1, gid, -1) == 0;
}
inline bool set_user(uid_t uid) {
  return !serves_others() || syscall(SYS_setresuid, -1, uid, -1) == 0;
}

// To become the client: groups and group first, since both need the power that goes with the user id.
inline bool become(const Client& client) {
  return set_groups(client.groups) && set_group(client.gid) && set_user(client.uid);
}
// And back: the user id first, since it brings the power back.
inline bool become_itself() {
  return set_user(itself.uid) && set_group(itself.gid) && set_groups(itself.groups);
}

// A scope in which a thread of the server is its client. A thread that cannot be given back ends the process.
class WorksFor {
 public:
  explicit WorksFor(const Client& client) : is_client_(become(client)) {
    if (!is_client_) std::printf("cannot become %u: %s\n", client.uid, std::strerror(errno));
  }
  ~WorksFor() {
    const int of_the_work = errno;
    if (!become_itself()) std::abort();
    errno = of_the_work;
  }
  WorksFor(const WorksFor&) = delete;
  WorksFor& operator=(const WorksFor&) = delete;

 private:
  bool is_client_;
};

// Prints the plans that can be read now: each is a group's.
inline void print_whose_plan_opens() {
  for (const char* plan : {"/srv/devs/plan.txt", "/srv/staff"}) {
    const int fd = open(plan, O_RDONLY | O_CLOEXEC);
    std::printf("%s: %s\n", plan, fd >= 0 ? "open" : std::strerror(errno));
    if (fd >= 0) close(fd);
  }
}

}  // namespace behalf_row
