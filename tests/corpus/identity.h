// How a program of the corpus carries identity from the caller to where the work runs, and the ways in which it gets
// that wrong: the labels of what behalf must find. Kernel calls and nothing else, as servers do it by hand.
//
//     // submit                                        // worker
//     const Baggage baggage = corpus::pack();          baggage.wear();
//     hand_over(work, baggage);                        corpus::act();
//                                                      baggage.give_back();
#pragma once

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

// Each program is compiled with one FAULT and one ACT.
#define FAULT_none 0     // the good twin
#define FAULT_dropped 1  // nothing is carried: the worker works as what it is
#define FAULT_stale 2    // what was carried for the first caller is carried for all
#define FAULT_kept 3     // worn, and never given back
#define FAULT_partial 4  // the ids are carried, the groups are not

#define CORPUS_JOIN_(a, b) a##b
#define CORPUS_JOIN(a, b) CORPUS_JOIN_(a, b)
#define CORPUS_FAULT CORPUS_JOIN(FAULT_, FAULT)

namespace corpus {

struct Identity {
  uid_t uid = 0, saved_uid = 0;
  gid_t gid = 0, saved_gid = 0;
  gid_t groups[64] = {};
  int count = 0;
};

inline void must(long result) {
  if (result < 0) std::abort();
}

// What the calling thread wears.
inline Identity of_thread() {
  Identity identity;
  uid_t real_uid = 0;
  gid_t real_gid = 0;
  must(syscall(SYS_getresuid, &real_uid, &identity.uid, &identity.saved_uid));
  must(syscall(SYS_getresgid, &real_gid, &identity.gid, &identity.saved_gid));
  identity.count = static_cast<int>(syscall(SYS_getgroups, 64, identity.groups));
  must(identity.count);
  return identity;
}

// This thread alone (the raw calls are per thread, glibc's are not), so that the saved ids allow the way back.
inline void wear(const Identity& identity, bool with_groups) {
  if (with_groups) must(syscall(SYS_setgroups, identity.count, identity.groups));
  must(syscall(SYS_setresgid, identity.gid, identity.gid, identity.saved_gid));
  must(syscall(SYS_setresuid, identity.uid, identity.uid, identity.saved_uid));
}
inline void wear_again(const Identity& before) {
  must(syscall(SYS_setresuid, -1, before.saved_uid, -1));
  must(syscall(SYS_setresuid, before.uid, before.uid, before.saved_uid));
  must(syscall(SYS_setresgid, before.gid, before.gid, before.saved_gid));
  must(syscall(SYS_setgroups, before.count, before.groups));
}

// What the service wore when the program was loaded; in an oracle, the user.
inline const Identity service = of_thread();

class Baggage {
 public:
  explicit Baggage(const Identity& identity) : identity_(identity) {}
  void wear() {
    if (CORPUS_FAULT == FAULT_dropped) return;
    before_ = of_thread();
    if (before_.uid == identity_.uid) return;  // an oracle: everybody is the user
    if (before_.uid != 0) corpus::wear_again(service);
    corpus::wear(identity_, CORPUS_FAULT != FAULT_partial);
    worn_ = true;
  }
  void give_back() {
    if (worn_ && CORPUS_FAULT != FAULT_kept) corpus::wear_again(before_);
    worn_ = false;
  }

 private:
  Identity identity_, before_;
  bool worn_ = false;
};

inline Baggage pack() {
#if CORPUS_FAULT == FAULT_stale
  const Identity caller = of_thread();
  if (caller.uid == 0) return Baggage(caller);  // the service has none to carry
  static const Identity first = caller;
  return Baggage(first);
#else
  return Baggage(of_thread());
#endif
}

}  // namespace corpus
