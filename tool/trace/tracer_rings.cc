// The tracer's part in io_uring: when to look into a ring, and under whom its requests run.
#include <linux/io_uring.h>
#include <sys/syscall.h>

#include <algorithm>

#include <fmt/format.h>

#include "trace/memory.h"
#include "trace/tracer_live.h"

namespace behalf::tool {
namespace {

constexpr unsigned enter_registered_ring = 1U << 4;  // IORING_ENTER_REGISTERED_RING
constexpr unsigned register_ring_fds = 20;           // IORING_REGISTER_RING_FDS
constexpr unsigned register_of_registered_ring = 1U << 31;

const char* const unreadable = "requests of an io_uring could not be read: what they did was not judged";

}  // namespace

bool Tracer::enter_ring(Live& live, const SystemCall& call, const Arguments& arguments) {
  live.has_ring = true;
  if (call.number == SYS_io_uring_enter) {
    RingTable::Ring* ring = rings_.find(live.tid, static_cast<int>(arguments[0]), arguments[3] & enter_registered_ring);
    if (ring == nullptr) {
      problems_.insert(unreadable);
      return false;
    }
    const auto requests = ring->shared_poll()
                              ? rings_.polled(live.tid, *ring)
                              : rings_.submitted(live.tid, *ring, static_cast<std::uint32_t>(arguments[1]));
    if (requests)
      add_ring_effects(live, ring->inode, *requests);
    else
      problems_.insert(unreadable);
  }
  return true;
}

void Tracer::leave_ring(Live& live, long result) {
  const Arguments& arguments = live.arguments;
  if (live.call->number == SYS_io_uring_setup && result >= 0) {
    if (rings_.made(live.tid, live.process, static_cast<int>(result), arguments[1], current(live)) == nullptr)
      problems_.insert(unreadable);
    note_opening(live, static_cast<int>(result), "io_uring");
  } else if (live.call->number == SYS_io_uring_register && result >= 0) {
    const bool registered = arguments[1] & register_of_registered_ring;
    const auto operation = static_cast<unsigned>(arguments[1]) & ~register_of_registered_ring;
    if (operation == IORING_REGISTER_PERSONALITY) {
      if (RingTable::Ring* ring = rings_.find(live.tid, static_cast<int>(arguments[0]), registered))
        ring->personalities[static_cast<std::uint16_t>(result)] = current(live);
    } else if (operation == register_ring_fds) {
      rings_.registered_rings(live.tid, arguments[2], static_cast<unsigned>(arguments[3]));
    }
  }
  settle_rings();
}

void Tracer::settle_rings() {
  auto& all = rings_.all();
  for (auto at = all.begin(); at != all.end();) {
    const std::uint64_t inode = at->first;
    RingTable::Ring& ring = at->second;
    // Any thread of the process will do to read its memory, but one that is ending has no descriptors any more.
    const auto live = std::find_if(live_.begin(), live_.end(), [&](const auto& entry) {
      return entry.second->process == ring.process && rings_.open(entry.first, ring);
    });
    if (live == live_.end()) {
      // Gone before its completions were seen: a linked request ran, if at all, as whoever the thread was until now.
      for (const Asked& asked : asked_)
        if (const auto by = live_.find(asked.by);
            asked.ring == inode && effects_[asked.effect].deferred && by != live_.end())
          effects_[asked.effect].as = current(*by->second);
      std::erase_if(asked_, [&](const Asked& asked) { return asked.ring == inode; });
      at = all.erase(at);
      continue;
    }
    ++at;
    if (ring.shared_poll()) {
      if (const auto requests = rings_.polled(live->first, ring))
        add_ring_effects(*live->second, inode, *requests);
      else
        problems_.insert(unreadable);
    }
    for (const RingCompletion& completion : rings_.completed(live->first, ring)) {
      const auto asked = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& a) {
        return a.ring == inode && a.user_data == completion.user_data;
      });
      if (asked == asked_.end()) continue;
      Effect& effect = effects_[asked->effect];
      effect.result = completion.result;
      effect.finished = true;
      // A linked request is issued when the one before it is done, as whoever the thread is by then.
      if (effect.deferred)
        if (const auto by = live_.find(asked->by); by != live_.end()) effect.as = current(*by->second);
      asked_.erase(asked);
    }
  }
}

}  // namespace behalf::tool
