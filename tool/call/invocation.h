// A call that was written down, made: by libffi, in the service on the stage.
#pragma once

#include <ffi.h>

#include <vector>

#include "call/prototype.h"

namespace behalf::tool {

class Invocation {
 public:
  // Throws std::runtime_error when libffi cannot make such a call.
  Invocation(Prototype prototype, void* function);
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;

  // The result, widened to a word. Each call has its own copies of the strings: the function may write into them
  // (mkstemp) or keep them (putenv), so they are never freed. Threads may call at once.
  unsigned long operator()() const;

  Returned returned() const { return prototype_.returned; }

 private:
  Prototype prototype_;
  void* function_;
  std::vector<ffi_type*> types_;
  mutable ffi_cif interface_{};  // ffi_call reads it only, and asks for one that is not const
};

}  // namespace behalf::tool
