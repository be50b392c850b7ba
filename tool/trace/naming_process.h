// A process that reads debugging information for the tool, and may be lost at it.
//
// A library brings its own symbol tables and DWARF, and a hostile or broken one can make a reader crash, loop, or ask
// for all memory. So a child does the reading: with a limit on processor time for each file and on memory, as an
// account that owns nothing and may do nothing but read, without environment (no debuginfod is asked: it would be a
// wait on the network, and would tell a stranger what is being checked), and what it answers is believed no further
// than its form.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trace/debug_names.h"
#include "trace/event.h"

namespace behalf::tool {

struct NamingLimits {
  std::chrono::seconds processor{10};         // for each file, over all its places
  std::chrono::seconds answer{60};            // of waiting for one answer, however busy the machine is
  std::size_t memory = std::size_t{4} << 30;  // bytes of address space; not under AddressSanitizer, which takes more
};

// Gives names to a place, in the child. Tests put something here that goes wrong.
using NameGiver = std::function<std::vector<NamedFrame>(const Frame&)>;

class NamingProcess {
 public:
  // Forks. Throws std::system_error. The calling process must have one thread.
  explicit NamingProcess(const NamingLimits& limits, const NameGiver& giver);
  // Ends it.
  ~NamingProcess();
  NamingProcess(const NamingProcess&) = delete;
  NamingProcess& operator=(const NamingProcess&) = delete;

  // Asks for the names of all places; `answered` is given those of each, in order. Empty when all were answered, else
  // how the process was lost, in words: at the first place that was not answered. It is then of no more use.
  std::string ask(const std::vector<Frame>& places, const std::function<void(std::vector<NamedFrame>)>& answered);

 private:
  std::string end();

  NamingLimits limits_;
  pid_t process_ = -1;
  int socket_ = -1;
};

// An answer as it is sent. What is read may be any bytes: nothing where it is no answer.
std::string write_names(const std::vector<NamedFrame>& frames);
std::optional<std::vector<NamedFrame>> read_names(std::string_view bytes);

}  // namespace behalf::tool
