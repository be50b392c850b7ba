// Real daemons that an operation talks to: the machine's own programs, started inside a stage that asks for them, with
// accounts, configuration and data of its own. They end with the stage's first process, whatever way that ends, and are
// no part of what is traced.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stage/accounts.h"
#include "stage/ground.h"

namespace behalf::tool {

struct Daemon;  // a line of the table in daemons.cc

// The names by which they are asked for.
std::vector<std::string> daemon_names();
// Throws std::logic_error where there is none of that name.
const Daemon& daemon_named(std::string_view name);

// The account that it runs as, which only stages with that daemon have.
const Account& account_of(const Daemon& daemon);

// What the machine lacks to run it, in words that say how to get it; empty when nothing.
std::string why_no_daemon(const Daemon& daemon);

// What takes long to make and is the same in every stage (a database cluster), made once and kept in memory.
class DaemonData {
 public:
  DaemonData() = default;
  ~DaemonData();
  DaemonData(const DaemonData&) = delete;
  DaemonData& operator=(const DaemonData&) = delete;

  // Begins to make it, on stages of its own, for those of the daemons that have any.
  void begin(const std::vector<std::string>& names, const Ground& ground);
  // Waits for it. What could not be made is a daemon that cannot be started, which says why.
  void finish();

 private:
  friend void start_daemons(const std::vector<std::string>& names, const DaemonData& data);
  struct Made {
    const Daemon* daemon;
    int archive;  // a file in memory
    int process;  // that makes it; -1: it has ended
    int trouble;  // where that says what went wrong
    std::string why_not;
  };
  std::vector<Made> made_;
};

// Starts them, one after another, each when the one before is ready. The calling process must be the first of a stage
// with their accounts, and is not yet traced. Throws std::runtime_error with what the daemon said.
void start_daemons(const std::vector<std::string>& names, const DaemonData& data);

}  // namespace behalf::tool
