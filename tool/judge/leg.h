// One leg: the operation run in one arrangement, in a stage and processes of its own, and what was seen of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stage/daemons.h"
#include "stage/ground.h"
#include "stage/stage.h"
#include "trace/event.h"

namespace behalf::tool {

// What is asked about.
struct Operation {
  std::string library;  // as the stage has it; empty: the service's own (the canary)
  std::vector<Shown> shown;
  std::string call;                       // as call/prototype.h reads it
  std::vector<std::string> setup;         // calls made once, after loading, as whoever the process is
  std::vector<std::string> daemons = {};  // of the stage, that it talks to (stage/daemons.h)
};

// The arrangement.
struct LegPlan {
  std::string name;                // "cold", or "oracle" of somebody
  std::string posture;             // empty in an oracle's process
  std::string oracle;              // whose oracle it is; empty for the other legs
  std::vector<std::string> calls;  // account names, and "idle"
  unsigned rounds = 0;             // of concurrent calls
  std::string environment;         // whose environment the service has; empty: its own
  bool handoffs = false;           // record how work reaches threads: for blame, several times dearer
  bool openings = false;           // record where descriptors are opened: for provenance
};

// What every leg is run with.
struct Means {
  const Ground& ground;
  int service_program;
  const DaemonData& daemon_data;
};

struct Limits {
  std::chrono::milliseconds leg{10000};
  std::chrono::milliseconds settle{600};  // how long late effects that will come of their own accord are waited for
  std::chrono::milliseconds idle_least{1100};
  std::chrono::milliseconds idle_most{4000};
};

struct Call {
  std::string user;
  int caller = -1;  // thread number
  bool begun = false;
  bool ended = false;            // came back from the operation
  long returned = 0;             // when that is an integer that fits
  std::string answer;            // else what was returned, in words: a string, NULL, nothing
  std::string output;            // its first MiB
  std::size_t output_after = 0;  // a digest of what was printed after that
  bool output_known = false;     // it was read, and could be told apart from that of calls at the same time
  CredentialsTable::Id worn_at_begin = 0;
  CredentialsTable::Id worn_at_return = 0;
  std::uint64_t first = 0, last = 0;  // sequence numbers
  State before, after;
  bool settled = true;  // false: something was still going on when the wait for it ended
};

// How the service came to an end that was not its own.
struct Crash {
  std::string what;  // "killed by signal 11 (Segmentation fault)", "exited with 3", "did not return within 10 s"
  int call = -1;
  Stack stack;
};

struct LegRecord {
  std::string name;
  std::string posture;
  std::string oracle;
  std::string error;  // not empty: the leg could not be run, and why
  std::vector<Call> calls;
  std::vector<Thread> threads;
  std::vector<Effect> effects;
  std::vector<IdentityCall> identity_calls;
  std::vector<Handoff> handoffs;
  std::vector<Opening> openings;
  std::vector<SharedChange> shared_changes;
  std::vector<Credentials> credentials;
  std::vector<std::string> problems;  // what was not seen: nothing can be said to work in such a leg
  std::optional<Crash> crash;
  std::vector<std::string> without_root;  // what would have gone otherwise with it: nor can it be said then
  CredentialsTable::Id service = 0;       // what the service wears between calls
  std::uint64_t stops = 0;
  std::int64_t milliseconds = 0;
};

// Runs a leg: stands on the ground, forks, stages, traces, waits. Must be called by a process with one thread that is
// ready to be lost. `cpu` pins tracer and tracees together (several times cheaper), except for the concurrent leg.
LegRecord run_leg(const Operation& operation, const LegPlan& plan, const Limits& limits, const Means& means,
                  std::optional<int> cpu);

}  // namespace behalf::tool
