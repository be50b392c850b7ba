// initialize(): once, at start-up, before anything is impersonated.
//
//   int main() {
//     behalf::Report report = behalf::initialize({.shield_account = "behalf-shield"});
//     for (const behalf::Probe& probe : report.probes) std::clog << probe.fact << ": " << probe.found << '\n';
//     serve();
//   }
//
// The calling thread's identity at that moment is *the service*: what AsService returns to, and what a thread that was
// started while impersonating is measured against.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "behalf/ids.h"

namespace behalf {

// What may be impersonated at all. Never: the id -1, uid 0, gid 0 (also as a supplementary group), the service's own
// uid, the spare account.
struct Fences {
  uid_t min_uid = 1000;
  gid_t min_gid = 100;  // for the primary group; supplementary groups are often system groups
  // The only supplementary groups a token may have (besides its primary group), where set. Nothing is dropped
  // silently: a user with another group is refused.
  std::optional<std::vector<gid_t>> allowed_groups{};
};

// An account that owns nothing and that nobody logs in to: the real ids of the `shielded` posture.
struct SpareAccount {
  uid_t uid;
  gid_t gid;
};

struct Options {
  // The spare account, by name or by ids; without either, `shielded` is refused.
  std::string shield_account{};
  std::optional<SpareAccount> shield{};

  Fences fences{};

  // Where set, the calling thread's permitted capabilities are cut to these and CAP_SETUID and CAP_SETGID, for good.
  // (They are never emptied: a thread without permitted capabilities can be traced by the user it impersonates,
  // ptrace(2) "Ptrace access mode checking".)
  std::optional<Capabilities> keep_capabilities{};

  // Whether the calling thread's capability bounding set is emptied, for good, and so that of each thread that it
  // starts: no program that the service executes gets a capability from its file or by being set-user-ID root, not the
  // service's own helpers either. spawn() empties it in each child else, which is the dearest of what it does.
  // (systemd: CapabilityBoundingSet= does it from outside.)
  bool empty_bounding_set = false;

  // Called when a thread could not be given back, with one line that says why. All signals are blocked, and the
  // thread may be anybody: do no more than write(2). If it returns, the process is ended all the same, with status 70.
  // Default: write the line to standard error.
  void (*on_cannot_give_back)(const char* line) noexcept = nullptr;
};

struct Probe {
  std::string fact;
  std::string found;
};

struct Report {
  Ids uids;  // the service
  Ids gids;
  std::vector<gid_t> groups;
  Capabilities effective = 0;
  Capabilities permitted = 0;
  bool kernel_adjusts_capabilities = false;  // at a change to and from uid 0; without it the library does, by capset(2)
  bool session_keyrings = false;             // keyctl(2) is there: workers get a session keyring of their own
  std::vector<Probe> probes;                 // all that was found out, in words
};

// Effects: clears the calling thread's ambient capabilities (a child of the user would have them), cuts its permitted
// ones and empties its bounding set if asked for, starts and ends one thread that tries the switches on this kernel,
// and makes the rest of the library usable. The process is not dumpable afterwards (prctl(2), PR_SET_DUMPABLE).
//
// Errors: Error of reason already_initialized; not_permitted (CAP_SETUID or CAP_SETGID is not effective, or
// CAP_SETPCAP, where the bounding set is to be emptied); unknown_user
// (no such spare account); invalid_id (a spare account that is the service's or root's); platform (a fact of the
// kernel is not as needed, and which). After an error nothing is initialized, and the call can be repeated.
//
// Not thread-safe: call it before other threads use the library, and before starting threads, which keep their own
// ambient capabilities until they first impersonate.
//
// Cost: about 150 system calls and one thread.
Report initialize(const Options& options);

}  // namespace behalf
