// io_uring, seen from outside: what a tracee asks of its rings, read from their memory, since such work makes no
// system call of its own (io_uring(7)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trace/credentials.h"
#include "trace/system_call_table.h"

namespace behalf::tool {

// One submission queue entry that matters to identity.
struct RingRequest {
  std::string operation;  // "io_uring openat"
  Decides decides = Decides::none;
  int directory = -100;       // AT_FDCWD
  std::uint64_t path = 0;     // address in the tracee
  std::uint64_t address = 0;  // of a socket address, with its size
  std::uint64_t address_size = 0;
  std::uint64_t user_data = 0;
  std::optional<CredentialsTable::Id> as;  // the personality's, or the SQPOLL thread's; unset: the submitter's
  bool polled = false;                     // runs in the SQPOLL thread
  bool linked = false;  // runs when the request before it is done, in whatever identity the thread wears then
};

struct RingCompletion {
  std::uint64_t user_data = 0;
  std::int32_t result = 0;
};

class RingTable {
 public:
  // Reads `size` bytes of a tracee's memory; empty when it cannot.
  using ReadMemory = std::string (*)(pid_t tid, std::uint64_t address, std::size_t size);
  explicit RingTable(ReadMemory read) : read_(read) {}

  struct Ring {
    std::uint64_t inode = 0;
    pid_t process = 0;
    int fd = -1;
    std::uint32_t flags = 0, features = 0, entries = 0, completion_entries = 0;
    std::uint32_t head = 0, tail = 0, array = 0;                             // offsets in the submission ring
    std::uint32_t completion_tail = 0, completions = 0;                      // offsets in the completion ring
    std::uint64_t submission_ring = 0, entries_at = 0, completion_ring = 0;  // addresses in the tracee
    CredentialsTable::Id maker = 0;
    std::map<std::uint16_t, CredentialsTable::Id> personalities;
    std::uint32_t seen_tail = 0, seen_completions = 0;
    bool shared_poll() const;
  };

  // After io_uring_setup returned `fd`; `params` is the caller's struct io_uring_params. Null: it cannot be followed.
  Ring* made(pid_t tid, pid_t process, int fd, std::uint64_t params, CredentialsTable::Id maker);
  // The ring behind a descriptor, or behind a registered index (io_uring_enter(2), IORING_ENTER_REGISTERED_RING).
  Ring* find(pid_t tid, int fd, bool registered);
  void registered_rings(pid_t tid, std::uint64_t updates, unsigned count);

  // The requests that this io_uring_enter submits; nothing (unset) when the ring cannot be read.
  std::optional<std::vector<RingRequest>> submitted(pid_t tid, Ring& ring, std::uint32_t count);
  // What a SQPOLL ring has taken since the last look; unset when entries were lost to view.
  std::optional<std::vector<RingRequest>> polled(pid_t tid, Ring& ring);
  std::vector<RingCompletion> completed(pid_t tid, Ring& ring);

  // False when the ring's descriptor is closed: its memory may be another's by now.
  bool open(pid_t tid, const Ring& ring) const;
  std::map<std::uint64_t, Ring>& all() { return rings_; }

 private:
  bool locate(pid_t tid, Ring& ring, bool again = false);
  std::optional<std::uint32_t> word(pid_t tid, std::uint64_t address);
  std::optional<RingRequest> entry(pid_t tid, Ring& ring, std::uint32_t position, bool& previous_links);

  ReadMemory read_;
  std::map<std::uint64_t, Ring> rings_;                                  // by inode
  std::map<std::pair<pid_t, std::uint32_t>, std::uint64_t> registered_;  // (thread, index) -> inode
};

}  // namespace behalf::tool
