// Names for the places of a stack: function, file and line, from the machine's own copies of the modules.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stage/stage.h"
#include "trace/event.h"

namespace behalf::tool {

struct NamedFrame {
  std::string function;  // empty when not known
  std::string module;    // as the machine has it
  std::string file;
  int line = 0;
};

class Symbolizer {
 public:
  Symbolizer();
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // The frames of the operation, innermost first; those of the service that called it are left out.
  std::vector<NamedFrame> name(const Stack& stack, const std::vector<Shown>& shown);

 private:
  struct Modules;
  std::unique_ptr<Modules> modules_;
};

}  // namespace behalf::tool
