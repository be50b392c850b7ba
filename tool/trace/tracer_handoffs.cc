// How work reaches a thread, for blame: who woke it, and whose bytes it read. An edge is drawn only where the kernel
// shows it; where several may have been the giver it is called ambiguous, and nothing is picked in silence.
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>

#include <fmt/format.h>

#include "trace/memory.h"
#include "trace/tracer_live.h"

namespace behalf::tool {
namespace {

constexpr std::size_t most_handoffs = 20000;

// What a descriptor leads to, as far as work can travel through it: "pipe:[1]", "socket:[2]", "eventfd:3"; else empty.
std::string stream_of(pid_t tid, int fd) {
  const std::string target = read_link(fmt::format("/proc/{}/fd/{}", tid, fd));
  if (target.starts_with("pipe:") || target.starts_with("socket:")) return target;
  if (target == "anon_inode:[eventfd]") {
    // All eventfds share an inode; their number tells them apart (proc(5), /proc/pid/fdinfo).
    const std::string info = read_file(fmt::format("/proc/{}/fdinfo/{}", tid, fd));
    const auto at = info.find("eventfd-id:");
    if (at != std::string::npos)
      return "eventfd:" + info.substr(info.find_first_not_of(" \t", at + 11), info.find('\n', at) - at - 11);
  }
  return {};
}

bool writes(int number) {
  return number == SYS_write || number == SYS_writev || number == SYS_sendto || number == SYS_sendmsg;
}

}  // namespace

bool Tracer::enter_causal(Live& live, const SystemCall& call, const Arguments& arguments) {
  if (call.role != Role::causal && call.role != Role::output) return false;
  if (handoffs_.size() >= most_handoffs) return false;
  if (call.number == SYS_futex) return enter_futex(live, arguments);
  return true;
}

bool Tracer::enter_futex(Live& live, const Arguments& arguments) {
  const int operation = static_cast<int>(arguments[1]) & FUTEX_CMD_MASK;
  switch (operation) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      live.waits_on = arguments[0];
      live.waits_since = sequence_;
      return true;
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP: {
      Wake wake{++sequence_,
                live.number,
                arguments[0],
                {},
                -1,
                {},
                false,
                current(live),
                unwinder_.unwind(live.process, live.tid)};
      for (const auto& [tid, other] : live_)
        if (other->process == live.process && other->waits_on == arguments[0] && other->number != live.number)
          wake.waiting.push_back(other->number);
      live.wake = wakes_.size();
      wakes_.push_back(std::move(wake));
      return true;
    }
    default:
      return false;
  }
}

void Tracer::leave_causal(Live& live, long result) {
  if (live.call->number == SYS_futex) {
    leave_futex(live, result);
  } else if (live.call->number == SYS_socketpair) {
    struct {
      int first, second;
    } ends{};
    if (result == 0 && read_object(live.tid, live.arguments[3], ends)) {
      const std::string first = stream_of(live.tid, ends.first), second = stream_of(live.tid, ends.second);
      peers_[first] = second;
      peers_[second] = first;
    }
  } else if (result > 0) {
    leave_transfer(live, result);
  }
}

void Tracer::leave_futex(Live& live, long result) {
  if (live.wake) {
    Wake& wake = wakes_[*live.wake];
    wake.woken = result;
    if (result == 1 && wake.edges.size() == 1 && !wake.disputed) handoffs_[wake.edges.front()].certainty = "exclusive";
    live.wake.reset();
    return;
  }
  const std::uint64_t word = live.waits_on, since = live.waits_since;
  live.waits_on = 0;
  if (result != 0) return;  // nobody woke it: the word had changed, or the time was up
  std::vector<Wake*> givers;
  for (Wake& wake : wakes_)
    if (wake.word == word && wake.sequence > since && wake.woken != 0) givers.push_back(&wake);
  if (givers.empty()) return;
  Wake& giver = *givers.back();
  // One wake that woke one thread, and this thread was woken: it was that wake. The waker may not yet have been told
  // how many it woke. Several wakes by one thread at one place are one hand-off, whichever of them it was.
  const bool alike = std::all_of(givers.begin(), givers.end(), [&](const Wake* wake) {
    return wake->from == giver.from && wake->stack == giver.stack;
  });
  giver.disputed = giver.disputed || !alike;
  const bool one = alike && givers.size() > 1 ? giver.woken <= 1
                                              : giver.edges.empty() && (giver.waiting.size() == 1 || giver.woken == 1);
  const bool exclusive = !giver.disputed && one;
  giver.edges.push_back(handoffs_.size());
  handoffs_.push_back(
      {++sequence_, giver.from, live.number, "wake", exclusive ? "exclusive" : "ambiguous", giver.as, giver.stack});
}

void Tracer::leave_transfer(Live& live, long result) {
  const std::string own = stream_of(live.tid, static_cast<int>(live.arguments[0]));
  if (own.empty()) return;
  const bool eventfd = own.starts_with("eventfd:");
  const auto size = static_cast<std::uint64_t>(result);
  if (writes(live.call->number)) {
    // A socket's bytes arrive at its other end.
    const auto peer = peers_.find(own);
    if (own.starts_with("socket:") && peer == peers_.end()) return;
    Stream& stream = streams_[peer != peers_.end() ? peer->second : own];
    stream.pieces.push_back(
        {stream.written, stream.written + size, live.number, current(live), unwinder_.unwind(live.process, live.tid)});
    stream.written += size;
    return;
  }
  const auto found = streams_.find(own);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  // What was read is what stands at this position; an eventfd adds up, so its read takes all that was written.
  const std::uint64_t begin = stream.read, end = eventfd ? stream.written : begin + size;
  stream.read = end;
  std::vector<const Written*> givers;
  for (const Written& piece : stream.pieces)
    if (piece.begin < end && piece.end > begin) givers.push_back(&piece);
  const bool one = !givers.empty() && std::all_of(givers.begin(), givers.end(),
                                                  [&](const Written* w) { return w->from == givers.front()->from; });
  const std::string kind = own.substr(0, own.find(':'));
  if (!givers.empty())
    handoffs_.push_back({++sequence_, givers.back()->from, live.number, kind, one ? "structural" : "ambiguous",
                         givers.back()->as, givers.back()->stack});
  std::erase_if(stream.pieces, [&](const Written& piece) { return piece.end <= end; });
}

}  // namespace behalf::tool
