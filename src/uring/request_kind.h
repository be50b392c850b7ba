// A kind of request, in both of its languages: as the kernel's ring wants it prepared, and as a system call for where
// there is no ring.
#pragma once

#include <linux/io_uring.h>

#include "behalf/uring_request.h"

namespace behalf::uring::detail {

struct RequestKind {
  const char* call;  // the name of the system call

  // Fills a request in, with these flags; whose it is, what it is linked with and which file it means (sqe.fd,
  // file_index) is added.
  void (*prepare)(io_uring_sqe& sqe, const RequestData& request, int flags) noexcept;

  // Makes the system call on the calling thread, with that file, without waiting for others as far as the call can be
  // told not to. Returns what the kernel returns: an errno negated.
  long (*perform)(const RequestData& request, int file) noexcept;

  // The events (poll(2)) of its file that it has to wait for; 0 where it waits for nothing but a disk.
  short waits_for = 0;
  // The kernel gives it to no helper of its own, also where it has to wait.
  bool needs_no_helper = false;
  // The kernel goes on to what is linked behind (IOSQE_IO_LINK) though it failed: nothing in io_uring/fs.c, statx.c and
  // sync.c tells it otherwise (measured, Linux 6.18).
  bool fails_unnoticed = false;
  bool opens = false;    // its result is a descriptor
  bool closes = false;   // its file
  bool is_time = false;  // it ends when its limit is reached, with the result 0
  // O_CLOEXEC or SOCK_CLOEXEC of what opens: a file that is no descriptor cannot have it.
  int close_on_exec = 0;
};

inline bool means_opened(const RequestData& request) noexcept {
  return request.fd == opened.fd;
}

// Whether a result leaves something undone: what a chain's then() does not go on after.
bool falls_short(const RequestData& request, long result) noexcept;

}  // namespace behalf::uring::detail
