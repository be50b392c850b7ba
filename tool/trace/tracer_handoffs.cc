// How work reaches a thread, for blame: who woke it, and what it took that others gave. An edge is drawn only where the
// kernel shows it; where several may have been the giver it is called ambiguous, all are kept, and none is picked.
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "trace/memory.h"
#include "trace/tracer_live.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace behalf::tool {
namespace {

constexpr std::size_t most_handoffs = 20000;

// What was sent by one end of a connection is a channel of its own.
constexpr const char* sent = " sent";

enum class Way : std::uint8_t { give, take };

// Calls that move something through a descriptor or by the number of an object.
struct Transfer {
  int number;
  Way way;
  const char* channel;  // by number; nullptr: the descriptor tells
};
constexpr Transfer transfers[] = {
    {SYS_write, Way::give, nullptr},        {SYS_writev, Way::give, nullptr},
    {SYS_sendto, Way::give, nullptr},       {SYS_sendmsg, Way::give, nullptr},
    {SYS_read, Way::take, nullptr},         {SYS_readv, Way::take, nullptr},
    {SYS_recvfrom, Way::take, nullptr},     {SYS_recvmsg, Way::take, nullptr},
    {SYS_mq_timedsend, Way::give, nullptr}, {SYS_mq_timedreceive, Way::take, nullptr},
    {SYS_msgsnd, Way::give, "messages"},    {SYS_msgrcv, Way::take, "messages"},
};

// The address that a thread names, as /proc/net/unix spells it; empty when it is no Unix socket's.
std::string unix_address_at(pid_t tid, std::uint64_t address, std::uint64_t size) {
  const std::string bytes = read_memory(tid, address, std::min<std::uint64_t>(size, sizeof(sockaddr_un)));
  sockaddr_un local{};
  std::memcpy(&local, bytes.data(), bytes.size());
  if (bytes.size() <= offsetof(sockaddr_un, sun_path) || local.sun_family != AF_UNIX) return {};
  std::string path(local.sun_path, bytes.size() - offsetof(sockaddr_un, sun_path));
  if (path.front() != '\0') return path.substr(0, path.find('\0'));
  std::replace(path.begin(), path.end(), '\0', '@');
  return path;
}

const Transfer* transfer_of(int number) {
  const auto* const found =
      std::find_if(std::begin(transfers), std::end(transfers), [&](const Transfer& t) { return t.number == number; });
  return found == std::end(transfers) ? nullptr : found;
}

// How much a call means to give: struct iovec, also at the third word of struct msghdr (sendmsg(2)).
std::uint64_t size_given(pid_t tid, const SystemCall& call, const std::array<std::uint64_t, 6>& arguments) {
  struct {
    std::uint64_t at, count;
  } pieces = {arguments[1], arguments[2]};
  if (call.number != SYS_writev && call.number != SYS_sendmsg) return arguments[2];
  if (call.number == SYS_sendmsg && !read_object(tid, arguments[1] + offsetof(msghdr, msg_iov), pieces)) return 0;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(pieces.count, 1024); ++i) {
    iovec piece{};
    if (!read_object(tid, pieces.at + i * sizeof piece, piece)) break;
    sum += piece.iov_len;
  }
  return sum;
}

bool only_peeks(const SystemCall& call, const std::array<std::uint64_t, 6>& arguments) {
  return (call.number == SYS_recvfrom && (arguments[3] & MSG_PEEK)) ||
         (call.number == SYS_recvmsg && (arguments[2] & MSG_PEEK));
}

std::string epoll_channel(pid_t process, std::uint64_t descriptor) {
  return fmt::format("epoll:{}:{}", process, static_cast<int>(descriptor));
}

}  // namespace

Giver Tracer::giver(Live& live) {
  return {live.number, current(live), unwinder_.unwind(live.process, live.tid), ++sequence_};
}

void Tracer::give(Live& live, const std::string& channel, std::uint64_t size) {
  channels_[channel].give(giver(live), size);
}

void Tracer::hand_over(Live& to, const std::string& kind, std::vector<Giver> givers) {
  std::erase_if(givers, [&](const Giver& by) { return by.thread == to.number; });
  if (givers.empty() || handoffs_.size() >= most_handoffs) return;
  const char* const certainty = givers.size() == 1 ? "structural" : "ambiguous";
  handoffs_.push_back({++sequence_, to.number, kind, certainty, std::move(givers)});
}

void Tracer::take(Live& live, const std::string& channel, std::uint64_t size) {
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return;
  const std::string kind(kind_of_channel(channel));
  Channel& from = found->second;
  if (kind == "timer")
    hand_over(live, kind, from.look());
  else if (kind == "eventfd" || kind == "epoll")
    hand_over(live, kind, from.take_all());
  else if (kind == "messages" || kind == "semaphore" || kind == "signal")
    hand_over(live, kind, from.take_any(size));
  else
    hand_over(live, kind, from.take_next(size));
}

// What a descriptor leads to, as far as work can travel through it; else empty.
std::string Tracer::channel_of(const Live& live, int descriptor) const {
  const std::string link = fmt::format("/proc/{}/fd/{}", live.tid, descriptor);
  struct stat status {};
  if (stat(link.c_str(), &status) != 0) return {};
  if (S_ISFIFO(status.st_mode)) return fmt::format("pipe:{}:{}", status.st_dev, status.st_ino);
  if (S_ISSOCK(status.st_mode)) return fmt::format("socket:[{}]", status.st_ino);
  const std::string target = read_link(link);
  if (target == "anon_inode:[eventfd]") {
    // All eventfds share an inode; their number tells them apart (proc(5), /proc/pid/fdinfo).
    const std::string info = read_file(fmt::format("/proc/{}/fdinfo/{}", live.tid, descriptor));
    const auto at = info.find("eventfd-id:");
    if (at == std::string::npos) return {};
    const auto begin = info.find_first_not_of(" \t", at + 11);
    return "eventfd:" + info.substr(begin, info.find('\n', at) - begin);
  }
  if (target == "anon_inode:[timerfd]") return fmt::format("timer:{}:{}", live.process, descriptor);
  if (target == "anon_inode:[signalfd]") return "signal:";
  const bool queue = live.call->number == SYS_mq_timedsend || live.call->number == SYS_mq_timedreceive;
  return queue ? fmt::format("messages:{}:{}", status.st_dev, status.st_ino) : std::string();
}

bool Tracer::enter_causal(Live& live, const SystemCall& call, const Arguments& arguments) {
  if (handoffs_.size() >= most_handoffs) return false;
  switch (call.number) {
    case SYS_futex:
    case SYS_futex_waitv:
      return enter_futex(live, call, arguments);
    case SYS_epoll_ctl:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
      return enter_epoll(live, call, arguments);
    case SYS_timerfd_settime: {
      const std::string timer = channel_of(live, static_cast<int>(arguments[0]));
      if (timer.empty()) return false;
      channels_[timer].forget();
      give(live, timer, 1);
      return false;
    }
    case SYS_connect:
      enter_connect(live, arguments);
      return false;
    default:
      if (call.decides == Decides::sender) send_signal(live, call, arguments);
      if (call.number == SYS_semop || call.number == SYS_semtimedop) change_semaphore(live, arguments, true);
      return enter_transfer(live, call, arguments);
  }
}

void Tracer::leave_causal(Live& live, long result) {
  const int number = live.call->number;
  switch (number) {
    case SYS_futex:
    case SYS_futex_waitv:
      leave_futex(live, result);
      return;
    case SYS_socketpair:
      if (result == 0) leave_socketpair(live);
      return;
    case SYS_accept:
    case SYS_accept4:
      if (result >= 0) leave_accept(live, result);
      return;
    case SYS_rt_sigtimedwait:
      if (result > 0) take_signal(live, static_cast<int>(result));
      return;
    case SYS_semop:
    case SYS_semtimedop:
      if (result == 0) change_semaphore(live, live.arguments, false);
      return;
    default:
      leave_transfer(live, result);
  }
}

// The work of one call goes one way, but for a semaphore's, which is given at its entry and taken at its exit.
void Tracer::change_semaphore(Live& live, const Arguments& arguments, bool gives) {
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(arguments[2], 64); ++i) {
    sembuf one{};
    if (!read_object(live.tid, arguments[1] + i * sizeof one, one)) return;
    const std::string channel = fmt::format("semaphore:{}:{}", arguments[0], one.sem_num);
    if (gives && one.sem_op > 0) give(live, channel, static_cast<std::uint64_t>(one.sem_op));
    if (!gives && one.sem_op < 0) take(live, channel, static_cast<std::uint64_t>(-one.sem_op));
  }
}

bool Tracer::enter_transfer(Live& live, const SystemCall& call, const Arguments& arguments) {
  live.gives_to.clear();
  const Transfer* const transfer = transfer_of(call.number);
  if (transfer == nullptr || transfer->way == Way::take) return call.role == Role::causal || call.role == Role::output;
  std::string channel = transfer->channel != nullptr
                            ? fmt::format("{}:{}", transfer->channel, static_cast<int>(arguments[0]))
                            : channel_of(live, static_cast<int>(arguments[0]));
  if (kind_of_channel(channel) == "socket") {
    // A datagram goes to whom it is sent to. What goes into a connection stands there as the sender's, who may write
    // before it is known who has accepted.
    const auto peer = peers_.find(channel);
    last_sent_[channel] = observer_.window(live.number);
    if (call.number == SYS_sendto && arguments[4] != 0)
      channel = datagram_socket_at(live.tid, unix_address_at(live.tid, arguments[4], arguments[5]));
    else if (peer != peers_.end() && !peers_.contains(peer->second))
      channel = peer->second;
    else
      channel += sent;
  }
  if (channel.empty()) return false;
  // At its entry: who takes it may be seen to do so before this call is seen to end.
  give(live, channel, kind_of_channel(channel) == "messages" ? 1 : size_given(live.tid, call, arguments));
  live.gives_to = channel;
  live.gives = sequence_;
  return true;
}

void Tracer::leave_transfer(Live& live, long result) {
  if (!live.gives_to.empty()) {
    const bool messages = kind_of_channel(live.gives_to) == "messages";
    channels_[live.gives_to].correct(live.gives, result < 0 ? 0 : messages ? 1 : static_cast<std::uint64_t>(result));
    live.gives_to.clear();
    return;
  }
  if (!live.waits_at.empty()) {
    if (result > 0) take(live, live.waits_at, 1);
    live.waits_at.clear();
    return;
  }
  const Transfer* const transfer = transfer_of(live.call->number);
  if (transfer == nullptr || result < 0 || only_peeks(*live.call, live.arguments)) return;
  std::string channel = transfer->channel != nullptr
                            ? fmt::format("{}:{}", transfer->channel, static_cast<int>(live.arguments[0]))
                            : channel_of(live, static_cast<int>(live.arguments[0]));
  if (kind_of_channel(channel) == "socket" && !channels_.contains(channel)) {
    if (!peers_.contains(channel)) connect_peers(channel, tcp_peer(live.tid, channel));
    const auto peer = peers_.find(channel);
    if (peer == peers_.end() && result > 0) take_from_outside(live, channel);
    channel = peer == peers_.end() ? std::string() : peer->second + sent;
  }
  const std::string_view kind = kind_of_channel(channel);
  std::uint32_t signal = 0;  // struct signalfd_siginfo begins with it
  if (kind != "signal")
    take(live, channel, kind == "messages" ? 1 : static_cast<std::uint64_t>(result));
  else if (result > 0 && read_object(live.tid, live.arguments[1], signal))
    take_signal(live, static_cast<int>(signal));
}

// A request that arrives, and no answer to one that was sent in the same call.
void Tracer::take_from_outside(Live& live, const std::string& channel) {
  const int window = observer_.window(live.number);
  const auto sent_in = last_sent_.find(channel);
  if (window < 0 || (sent_in != last_sent_.end() && sent_in->second == window)) return;
  if (handoffs_.size() < most_handoffs) handoffs_.push_back({++sequence_, live.number, "outside", "structural", {}});
}

// ---------------------------------------------------------------------------------------------------------------
// Sockets: who is at the other end.

void Tracer::leave_socketpair(Live& live) {
  struct {
    int first, second;
  } ends{};
  if (!read_object(live.tid, live.arguments[3], ends)) return;
  connect_peers(channel_of(live, ends.first), channel_of(live, ends.second));
}

void Tracer::connect_peers(const std::string& one, const std::string& other) {
  if (one.empty() || other.empty()) return;
  peers_[one] = other;
  peers_[other] = one;
}

void Tracer::enter_connect(Live& live, const Arguments& arguments) {
  const std::string address = unix_address_at(live.tid, arguments[1], arguments[2]);
  const std::string own = channel_of(live, static_cast<int>(arguments[0]));
  if (address.empty() || own.empty()) return;
  if (const std::string other = datagram_socket_at(live.tid, address); !other.empty())
    peers_[own] = other;
  else
    connecting_[address].push_back({own, giver(live)});
}

// Connections are accepted in the order in which they were made.
void Tracer::leave_accept(Live& live, long result) {
  const std::string own = channel_of(live, static_cast<int>(result));
  const auto waiting = connecting_.find(unix_address(live.tid, own));
  if (waiting == connecting_.end() || waiting->second.empty()) return;
  Connecting other = std::move(waiting->second.front());
  waiting->second.pop_front();
  connect_peers(own, other.channel);
  hand_over(live, "socket", {std::move(other.by)});
}

// ---------------------------------------------------------------------------------------------------------------
// Signals within the tree, to a thread or a process; an epoll that is told to look again.

void Tracer::send_signal(Live& live, const SystemCall& call, const Arguments& arguments) {
  const bool to_thread = call.number == SYS_tgkill || call.number == SYS_rt_tgsigqueueinfo;
  const auto signal = static_cast<int>(arguments[to_thread ? 2 : 1]);
  const auto target = static_cast<long>(static_cast<int>(arguments[to_thread ? 1 : 0]));
  const bool is_one = call.number == SYS_tkill || to_thread;
  if (call.number == SYS_pidfd_send_signal || target <= 0 || signal <= 0) return;
  give(live, fmt::format("signal:{}:{}:{}", is_one ? "thread" : "process", target, signal), 1);
}

void Tracer::take_signal(Live& live, int signal) {
  // The sender named them as its own pid namespace does.
  const std::string status = read_file(fmt::format("/proc/{}/status", live.tid));
  for (const auto& [field, to] : {std::pair{"NSpid", "thread"}, std::pair{"NStgid", "process"}}) {
    const std::string numbers = status_field(status, field);
    const std::string own = numbers.substr(numbers.find_last_of("\t ") + 1);
    take(live, fmt::format("signal:{}:{}:{}", to, own, signal), 1);
  }
}

bool Tracer::enter_epoll(Live& live, const SystemCall& call, const Arguments& arguments) {
  const std::string channel = epoll_channel(live.process, arguments[0]);
  if (call.number != SYS_epoll_ctl) {
    channels_[channel].forget();
    live.waits_at = channel;
    return true;
  }
  const bool waited_for = std::any_of(live_.begin(), live_.end(), [&](const auto& entry) {
    return entry.second->waits_at == channel && entry.second->number != live.number;
  });
  if (arguments[1] != EPOLL_CTL_DEL && waited_for) give(live, channel, 1);
  return false;
}

// ---------------------------------------------------------------------------------------------------------------
// Futexes

bool Tracer::enter_futex(Live& live, const SystemCall& call, const Arguments& arguments) {
  if (call.number == SYS_futex_waitv) {
    live.waits_on.clear();
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(arguments[1], FUTEX_WAITV_MAX); ++i) {
      futex_waitv one{};
      if (!read_object(live.tid, arguments[0] + i * sizeof one, one)) break;
      live.waits_on.push_back(futex_word(live.process, one.uaddr, one.flags & FUTEX_PRIVATE_FLAG));
    }
    live.waits_since = sequence_;
    return true;
  }
  const FutexWord word = futex_word(live.process, arguments[0], arguments[1] & FUTEX_PRIVATE_FLAG);
  switch (static_cast<int>(arguments[1]) & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      live.waits_on = {word};
      live.waits_since = sequence_;
      return true;
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP: {
      const auto waiting = std::count_if(live_.begin(), live_.end(), [&](const auto& entry) {
        const std::vector<FutexWord>& on = entry.second->waits_on;
        return entry.second->number != live.number && std::find(on.begin(), on.end(), word) != on.end();
      });
      live.wake = wakes_.size();
      Giver by = giver(live);
      wakes_.push_back({by.sequence, word, static_cast<std::size_t>(waiting), -1, {}, false, std::move(by)});
      return true;
    }
    default:
      return false;
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
  std::vector<FutexWord> words = std::exchange(live.waits_on, {});
  const std::uint64_t since = live.waits_since;
  const bool one_of_several = live.call->number == SYS_futex_waitv;
  if (one_of_several && result >= 0 && static_cast<std::size_t>(result) < words.size())
    words = {words[static_cast<std::size_t>(result)]};  // the one that was woken
  else if (result != 0)
    return;  // nobody woke it: the word had changed, or the time was up
  std::vector<Wake*> wakes;
  std::vector<Giver> givers;
  for (Wake& wake : wakes_) {
    const bool on_it = std::find(words.begin(), words.end(), wake.word) != words.end();
    if (!on_it || wake.sequence <= since || wake.woken == 0 || wake.by.thread == live.number) continue;
    wakes.push_back(&wake);
    const auto same =
        std::find_if(givers.begin(), givers.end(), [&](const Giver& by) { return by.same_place(wake.by); });
    if (same == givers.end()) givers.push_back(wake.by);
  }
  if (wakes.empty() || handoffs_.size() >= most_handoffs) return;
  Wake& last = *wakes.back();
  // One wake that woke one thread, and this thread was woken: it was that wake. The waker may not yet have been told
  // how many it woke. Several wakes by one thread at one place are one hand-off, whichever of them it was.
  const bool alike = givers.size() == 1;
  last.disputed = last.disputed || !alike;
  const bool one =
      alike && wakes.size() > 1 ? last.woken <= 1 : last.edges.empty() && (last.waiting == 1 || last.woken == 1);
  last.edges.push_back(handoffs_.size());
  handoffs_.push_back(
      {++sequence_, live.number, "wake", !last.disputed && one ? "exclusive" : "ambiguous", std::move(givers)});
}

}  // namespace behalf::tool
