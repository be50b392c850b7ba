// System calls that wait for others unless their file is O_NONBLOCK, made so that they wait for nobody.
//
// That poll(2) says "ready" is not enough: of two that read the same pipe, one gets what there was and the other waits,
// on a worker that nothing can call back. RWF_NOWAIT (preadv2(2)) tells reads and writes not to; what does not know it
// (pipes before Linux 6.4, terminals), and accept4(2), which has no such flag, are made one at a time for each file,
// when poll(2) says that they need not wait.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

namespace behalf::uring::detail {

// Each returns what the kernel returns, an errno negated: -EAGAIN where it would have waited. Files of a disk are
// waited for. offset -1: at the file's position.
//
// What is left: where another process takes the connection, or the bytes of an old kernel's pipe, between the poll and
// the call, the call waits for the next; and a write of more than an old kernel's pipe has room for waits for its
// reader.
long read_without_waiting(int file, void* into, std::size_t size, off_t offset) noexcept;
long write_without_waiting(int file, const void* from, std::size_t size, off_t offset) noexcept;
long accept_without_waiting(int file, sockaddr* address, socklen_t* size, int flags) noexcept;

}  // namespace behalf::uring::detail
