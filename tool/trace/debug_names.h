// What a file of the machine says about a place in it: the function, those inlined there, and their lines.
//
// The file may be anything, and libdw believes much of what it reads: this is for a process that may be lost
// (trace/naming_process.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace behalf::tool {

struct NamedFrame {
  std::string function;  // empty when not known
  std::string module;    // as the machine has it
  std::string file;
  int line = 0;
  std::uint64_t offset = 0;  // in the module, of the machine's frame that this one is, or is inlined in
};

class DebugNames {
 public:
  DebugNames();
  ~DebugNames();
  DebugNames(const DebugNames&) = delete;
  DebugNames& operator=(const DebugNames&) = delete;

  // The frames at a place, innermost first: several where functions are inlined, and at least one, which has neither
  // function nor file where nothing is known. Files stay open.
  std::vector<NamedFrame> at(const std::string& module, std::uint64_t offset);

 private:
  struct Modules;
  std::unique_ptr<Modules> modules_;
};

}  // namespace behalf::tool
