// What the service on the stage tells the tracer, by prctl(mark_option, kind, a, b, c): a system call that the kernel
// refuses and the tracer sees. Shared by the two programs; plain numbers.
#pragma once

namespace behalf::tool {

enum MarkKind : unsigned long {
  mark_ready = 1,  // the library is loaded, the service has started
  mark_before,     // a: call number; b, c: address and size of the environment. Waits until the process is quiet
  mark_begin,      // a: call number; the caller wears who it works for, the operation is next
  mark_returned,   // a: call number, b: what the operation returned, c: its kind (Returned); the caller still wears it
  mark_after,      // a: call number; b, c: as mark_before. The caller is the service again; waits until it is quiet
  mark_idle,       // waits until helpers and pools have had time to expire
  mark_done,       // nothing follows but the process's end
  mark_cannot,     // a: address of the reason, a string
  mark_setup,      // a: number of the set-up call that is next
};

}  // namespace behalf::tool
