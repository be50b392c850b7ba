// Names for the places of a stack: function, file and line, from the machine's own copies of the modules. They are read
// in a process of its own (trace/naming_process.h), and only for what is asked: where nothing is found, no process is
// made.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "stage/stage.h"
#include "trace/event.h"
#include "trace/naming_process.h"

namespace behalf::tool {

class Symbolizer {
 public:
  explicit Symbolizer(const NamingLimits& limits = {}, NameGiver giver = {});
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // The frames of the operation, innermost first; those of the service that called it are left out. Where a module
  // cannot be read, its frames have the module and the offset in it, and nothing else. The calling process must have
  // one thread.
  std::vector<NamedFrame> name(const Stack& stack, const std::vector<Shown>& shown);

  // What was not named because its reader was lost, in words: one for each module.
  const std::vector<std::string>& troubles() const { return troubles_; }

 private:
  void ask(std::vector<Frame> places);
  void give_up_on(const std::string& module, const std::string& why);

  NamingLimits limits_;
  NameGiver giver_;
  std::unique_ptr<NamingProcess> process_;
  std::map<std::pair<std::string, std::uint64_t>, std::vector<NamedFrame>> named_;  // with what is inlined there
  std::set<std::string> unreadable_;
  std::vector<std::string> troubles_;
};

}  // namespace behalf::tool
