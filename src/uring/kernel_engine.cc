#include "uring/kernel_engine.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <thread>

#include "behalf/error.h"
#include "identity/errors.h"
#include "uring/request_kind.h"

namespace behalf::uring::detail {

namespace {

// What a completion is of: a request by its address; its time limit, its cancellation and the pause before it is
// cancelled anew by the address and one bit or both; or one of these.
constexpr std::uint64_t of_nobody = 0;
constexpr std::uint64_t of_wake = 2;
constexpr std::uint64_t limit_bit = 1;
constexpr std::uint64_t cancel_bit = 4;
static_assert(alignof(Request) > (limit_bit | cancel_bit));

// A request that the kernel is about to give to a helper is not found, and a helper that is about to wait is not woken.
constexpr __kernel_timespec pause_between_cancels = {.tv_sec = 0, .tv_nsec = 10'000'000};

std::uint64_t tag_of(const Request& request) noexcept {
  return reinterpret_cast<std::uintptr_t>(&request);
}

Request& request_of(std::uint64_t tag) noexcept {
  return *reinterpret_cast<Request*>(static_cast<std::uintptr_t>(tag & ~(limit_bit | cancel_bit)));
}

// Whether the next one is of the same chain.
bool is_linked(const io_uring_sqe& sqe) noexcept {
  return (sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK)) != 0;
}

// The kernel is short of something for the moment (io_uring_enter(2), EAGAIN, EBUSY).
bool may_pass(int error) noexcept {
  return error == EAGAIN || error == EBUSY || error == ENOMEM;
}
constexpr int patience = 100;  // milliseconds

// What the kernel makes of a signal where it can go on afterwards (include/linux/errno.h, ERESTARTSYS and the next); a
// system call never shows it.
bool is_interrupted(int result) noexcept {
  return result <= -512 && result >= -516;
}

unsigned clamped(unsigned number, unsigned low, unsigned high) noexcept {
  return std::clamp(number, low, high);
}

[[noreturn]] void refuse_set_up(int error) {
  std::string why = "behalf: uring: set up a ring: io_uring_setup: " + behalf::detail::error_words(error);
  if (error == EPERM || error == EACCES || error == ENOSYS) {
    std::string disabled;
    std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
    why += error == ENOSYS                      ? ". This kernel has no io_uring, or a seccomp filter hides it"
           : disabled == "1" || disabled == "2" ? ". kernel.io_uring_disabled is " + disabled
                                                : ". A seccomp filter or a security module forbids it";
    why += ". With Options::without_kernel = use_pool a thread pool does the same by ordinary system calls";
  }
  throw Error(error == ENOSYS                     ? Error::Reason::platform
              : error == EPERM || error == EACCES ? Error::Reason::not_permitted
                                                  : Error::Reason::out_of_resources,
              why, error);
}

[[noreturn]] void refuse_for(const char* attempted, int error) {
  throw Error(Error::Reason::out_of_resources,
              std::string{"behalf: uring: "} + attempted + ": " + behalf::detail::error_words(error), error);
}

// Where the piece ends of a chain that begins there and can be handed over at once: before what has a time limit or may
// wait. The kernel lets the helper that did a request do what is linked behind it, waits there where it would have
// polled otherwise, and sees to a limit when that is over (io_wq_submit_work() and io_issue_sqe() in
// io_uring/io_uring.c; measured, Linux 6.18). Helpers are few and everybody's. What open(2) opens is taken for a file
// of a disk, which nobody waits for. And before what depends on something whose failure the kernel does not look at.
std::size_t end_of_piece(std::span<const Request> requests, std::size_t begin) noexcept {
  bool is_of_a_path = false;    // `opened`
  bool may_be_helpers = false;  // what is linked behind
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const RequestData& data = requests[i].data();
    const RequestKind& kind = *data.kind;
    if (i > begin) {
      const bool may_wait = kind.needs_no_helper || (kind.waits_for != 0 && !(means_opened(data) && is_of_a_path));
      const RequestData& before = requests[i - 1].data();
      const bool depends = before.link == Link::if_done && before.kind->fails_unnoticed;
      if (data.limited || depends || (may_be_helpers && may_wait)) return i;
    }
    if (i >= begin) may_be_helpers |= !kind.needs_no_helper;
    if (kind.opens) is_of_a_path = !kind.needs_no_helper;
  }
  return requests.size();
}

unsigned entries_for(std::span<const Request> requests) noexcept {
  unsigned entries = 0;
  for (const Request& request : requests) entries += request.data().limited ? 2 : 1;
  return entries;
}

// Where the kernel does not take a request in (a path that is too long, flags that it does not know), it does nothing
// of the piece: neither what stands before it nor what is linked with it whatever it comes to (io_uring_enter(2),
// IOSQE_IO_HARDLINK). All but what it does not take are cancelled then.
bool was_not_taken(std::span<const Request> piece) noexcept {
  const auto was_done = [](const Request& request) { return request.data().result >= 0; };
  const auto was_cancelled = [](const Request& request) { return request.data().result == -ECANCELED; };
  return std::none_of(piece.begin(), piece.end(), was_done) && !std::all_of(piece.begin(), piece.end(), was_cancelled);
}

}  // namespace

KernelEngine::Owned::Owned(const Options& options, const KernelCalls& calls) {
  io_uring_params params{};
  params.flags = IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  const unsigned entries = clamped(options.entries, 64, 32768);
  // Room for all completions that can be to come, with those of cancellations, so that none overflows.
  params.cq_entries = clamped(options.under_way_at_most, entries, 1U << 20) + 2 * entries;
  if (const int failed = calls.set_up(entries, &ring_, &params); failed < 0) refuse_set_up(-failed);
}

KernelEngine::Owned::~Owned() {
  io_uring_queue_exit(&ring_);
}

KernelEngine::KernelEngine(const Options& options, std::span<const iovec> fixed_buffers, Owner& owner)
    : calls_(kernel_calls()),
      owner_(owner),
      ring_(options, calls_),
      personalities_(ring_.get(), calls_, options.personalities, options.keeps),
      caller_waits_(options.driven_by == Options::DrivenBy::caller),
      under_way_at_most_(clamped(options.under_way_at_most, ring_.get().sq.ring_entries, 1U << 20)) {
  const unsigned entries = ring_.get().sq.ring_entries;
  prepared_.reserve(entries);
  if (!fixed_buffers.empty()) {
    const int failed =
        io_uring_register_buffers(&ring_.get(), fixed_buffers.data(), static_cast<unsigned>(fixed_buffers.size()));
    if (failed < 0) refuse_for("register its memory: IORING_REGISTER_BUFFERS", -failed);
  }
  // A table of no files yet, as large as the limit of open files lets it be.
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::vector<int> none(std::min<std::size_t>(entries, limit.rlim_cur), -1);
  no_files_because_ = -io_uring_register_files(&ring_.get(), none.data(), static_cast<unsigned>(none.size()));
  if (no_files_because_ == 0) {
    for (std::size_t file = none.size(); file > 0; --file) free_files_.push_back(static_cast<int>(file) - 1);
  }
}

KernelEngine::~KernelEngine() {
  // The wake's read is still under way, and ends with the ring; what it writes to must be there until then.
  if (wake_is_watched_) {
    wake();
    const auto until = Clock::now() + std::chrono::milliseconds{patience};
    while (wake_is_watched_ && Clock::now() < until) {
      sleep_until(until);
      take_completions();
    }
  }
}

void KernelEngine::wake() noexcept {
  wake_up_.call();
}

void KernelEngine::count(Counts& counts) const noexcept {
  counts.entered = entered_.load(std::memory_order_relaxed);
  personalities_.count(counts);
}

// Room for so many more, 0 or an errno.
int KernelEngine::room_for(unsigned requests) noexcept {
  if (io_uring_sq_space_left(&ring_.get()) >= requests) return 0;
  const int failed = hand_over();
  return io_uring_sq_space_left(&ring_.get()) >= requests ? 0 : failed < 0 ? -failed : EAGAIN;
}

// Room for so many more, and the number of whose they are. Throws Error.
std::uint16_t KernelEngine::ready_for(const Operation& operation, unsigned requests) {
  if (const int error = room_for(requests); error != 0) refuse_for("hand over a request: io_uring_enter", error);
  auto personality = personalities_.id_for(operation.whose.data());
  if (!personality) {
    // All belong to requests that wait to be handed over.
    if (const int error = hand_over(); error < 0) refuse_for("hand over requests: io_uring_enter", -error);
    personality = personalities_.id_for(operation.whose.data());
  }
  if (!personality) refuse_for("make room for another identity", EAGAIN);
  return *personality;
}

bool KernelEngine::begin(Operation& operation) noexcept {
  const std::span<Request> requests = operation.requests();
  const auto means_file = [](const Request& request) { return means_opened(request.data()); };
  const bool opens = std::any_of(requests.begin(), requests.end(), means_file);
  const unsigned needed = entries_for(requests);  // what is begun has room for all of it
  if (under_way_ + needed > under_way_at_most_) return false;
  if (opens && free_files_.empty() && no_files_because_ == 0) return false;
  try {
    if (opens && no_files_because_ != 0) {
      refuse_for("have a chain open a file: IORING_REGISTER_FILES", no_files_because_);
    }
    operation.one_by_one = false;
    const std::span<Request> piece = requests.first(end_of_piece(requests, 0));
    const std::uint16_t personality = ready_for(operation, entries_for(piece));
    if (opens) {
      operation.file = free_files_.back();
      free_files_.pop_back();
    }
    for (Request& request : requests) request.data().of = &operation;
    under_way_ += needed;
    prepare(operation, piece, personality);
    return true;
  } catch (...) {
    operation.refused = std::current_exception();
    return false;
  }
}

void KernelEngine::prepare(Operation& operation, std::span<Request> piece, std::uint16_t personality) noexcept {
  operation.piece = static_cast<unsigned>(&piece.front() - operation.requests().data());
  operation.next_request = operation.piece + static_cast<unsigned>(piece.size());
  operation.to_come = entries_for(piece);
  operation.lost_limit = false;
  for (Request& request : piece) prepare(request, &request == &piece.back(), personality);
}

void KernelEngine::prepare(Request& request, bool last, std::uint16_t personality) noexcept {
  RequestData& data = request.data();
  data.pending = true;
  io_uring_sqe& sqe = next_sqe();
  const int file = data.of->file;
  data.kind->prepare(sqe, data, file < 0 ? data.flags | data.kind->close_on_exec : data.flags);
  io_uring_sqe_set_data64(&sqe, tag_of(request));
  sqe.personality = personality;
  if (file >= 0 && data.kind->opens) {
    sqe.file_index = static_cast<unsigned>(file) + 1;
  } else if (means_opened(data) && data.kind->closes) {
    sqe.fd = 0;
    sqe.file_index = static_cast<unsigned>(file) + 1;
  } else if (means_opened(data)) {
    sqe.fd = file;
    sqe.flags |= IOSQE_FIXED_FILE;
  }

  const unsigned link = last ? 0 : data.link == Link::always ? unsigned{IOSQE_IO_HARDLINK} : unsigned{IOSQE_IO_LINK};
  if (!data.limited) {
    sqe.flags = static_cast<std::uint8_t>(sqe.flags | link);
    return;
  }
  sqe.flags = static_cast<std::uint8_t>(sqe.flags | (link != 0 ? link : unsigned{IOSQE_IO_LINK}));
  io_uring_sqe& limit = next_sqe();
  io_uring_prep_link_timeout(&limit, reinterpret_cast<__kernel_timespec*>(&data.limit), 0);
  io_uring_sqe_set_data64(&limit, tag_of(request) | limit_bit);
  limit.flags = static_cast<std::uint8_t>(link);
  limit.personality = personality;
}

// There is room.
io_uring_sqe& KernelEngine::next_sqe() noexcept {
  io_uring_sqe* const sqe = io_uring_get_sqe(&ring_.get());
  prepared_.push_back(sqe);
  return *sqe;
}

void KernelEngine::watch_wake() noexcept {
  if (wake_is_watched_ || room_for(1) != 0) return;
  io_uring_sqe& sqe = next_sqe();
  io_uring_prep_read(&sqe, wake_up_.fd(), &wakes_, sizeof wakes_, 0);
  io_uring_sqe_set_data64(&sqe, of_wake);
  sqe.personality = personalities_.own();
  wake_is_watched_ = true;
}

// One request at a time: the others of a chain have not begun.
void KernelEngine::cancel(Operation& operation) noexcept {
  if (operation.cancel_to_come) return;
  const std::span<Request> requests = operation.requests();
  const auto pending = [](const Request& request) { return request.data().pending; };
  const auto first = std::find_if(requests.begin(), requests.end(), pending);
  if (first == requests.end()) return;
  io_uring_sqe* const sqe = sqe_for_cancel(operation);
  if (sqe == nullptr) return;
  io_uring_prep_cancel64(sqe, tag_of(*first), 0);
  io_uring_sqe_set_data64(sqe, tag_of(*first) | cancel_bit);
  sqe->personality = personalities_.own();
}

void KernelEngine::pause_before_cancel(Operation& operation) noexcept {
  io_uring_sqe* const sqe = sqe_for_cancel(operation);
  if (sqe == nullptr) return;
  io_uring_prep_timeout(sqe, const_cast<__kernel_timespec*>(&pause_between_cancels), 0, 0);
  io_uring_sqe_set_data64(sqe, tag_of(operation.requests().front()) | cancel_bit | limit_bit);
  sqe->personality = personalities_.own();
}

// Null where there is no room; the operation may have ended then.
io_uring_sqe* KernelEngine::sqe_for_cancel(Operation& operation) noexcept {
  operation.cancel_to_come = true;
  ++operation.to_come;  // what ends while room is made does not end it
  if (room_for(1) == 0) {
    ++under_way_;
    return &next_sqe();
  }
  operation.cancel_to_come = false;
  if (--operation.to_come == 0) end(operation);
  return nullptr;
}

void KernelEngine::cancel_completed(std::uint64_t tag, int result) noexcept {
  const RequestData& data = request_of(tag).data();
  Operation& operation = *data.of;
  operation.cancel_to_come = false;
  if (--operation.to_come == 0) return end(operation);
  if (!operation.cancelled && !operation.lost_limit) return;
  const bool was_missed = (tag & limit_bit) == 0 && data.pending && (result == -ENOENT || result == -EALREADY);
  if (was_missed) return pause_before_cancel(operation);
  const bool has_effect = (tag & limit_bit) == 0 && data.pending;  // its completion comes
  if (!has_effect) cancel(operation);
}

// Returns 0, or an errno negated; what could not be handed over has ended then.
int KernelEngine::hand_over() noexcept {
  int tries = 0;
  if (gives_up_because_ != 0) return gives_up_because_;
  while (!prepared_.empty()) {
    entered_.fetch_add(1, std::memory_order_relaxed);
    const int taken = calls_.submit(&ring_.get());
    cannot_hand_over_ = taken < 0 && !may_pass(-taken) && taken != -EINTR;
    if (taken > 0) {
      const long count = std::min<long>(taken, static_cast<long>(prepared_.size()));
      const bool in_chain = is_linked(*prepared_[static_cast<std::size_t>(count) - 1]);
      prepared_.erase(prepared_.begin(), prepared_.begin() + count);
      if (in_chain && !prepared_.empty()) hold_back_rest_of_chain();
      tries = 0;
    } else if (cannot_hand_over_) {
      give_up_the_rest(taken);
      return taken;
    } else if (taken != -EINTR) {
      if (++tries > patience) {
        give_up_the_rest(taken < 0 ? taken : -EAGAIN);
        return taken < 0 ? taken : -EAGAIN;
      }
      take_completions();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  personalities_.handed_over();
  return 0;
}

// The kernel had no memory for more (io_submit_sqes() in io_uring/io_uring.c) and does what it took as if it were all;
// what is prepared now would not wait for it. It is done one by one when that has ended.
void KernelEngine::hold_back_rest_of_chain() noexcept {
  std::array<std::uint64_t, std::size_t{2} * most_in_chain> tags;
  std::size_t count = 0;
  for (bool more = true; more; ++count) {
    io_uring_sqe& sqe = *prepared_[count];
    more = is_linked(sqe);
    tags[count] = sqe.user_data;
    make_nothing_of(sqe);
  }
  Operation& operation = *request_of(tags[0]).data().of;
  operation.one_by_one = true;
  operation.next_request = operation.piece;
  operation.lost_limit = (tags[0] & limit_bit) != 0;
  if (operation.lost_limit) cancel(operation);
  for (std::size_t i = 0; i < count; ++i) completed(tags[i], -ECANCELED);
}

// It stays in the kernel's queue, emptied of its sense, for the case that the kernel takes it one day.
void KernelEngine::make_nothing_of(io_uring_sqe& sqe) noexcept {
  io_uring_prep_nop(&sqe);
  io_uring_sqe_set_data64(&sqe, of_nobody);
  ++under_way_;
}

// What the kernel does not take ends with that error.
void KernelEngine::give_up_the_rest(int error) noexcept {
  // What ends may have something to be cancelled in its turn, which is prepared behind and not given up here; if the
  // kernel takes some by then, the rest stays for the next time.
  const std::size_t count = prepared_.size();
  gives_up_because_ = error;
  for (std::size_t i = 0; i < std::min(count, prepared_.size()); ++i) {
    io_uring_sqe& sqe = *prepared_[i];
    const std::uint64_t tag = sqe.user_data;
    make_nothing_of(sqe);
    completed(tag, error);
  }
  gives_up_because_ = 0;
}

void KernelEngine::turn(Wait wait, std::optional<Clock::time_point> until) noexcept {
  const auto now = Clock::now();
  const auto next_to_drop = personalities_.drop_unused(now);
  watch_wake();
  (void)hand_over();
  const bool was_something = take_completions();
  if (wait == Wait::yes && !was_something) {
    if (next_to_drop && (!until || *next_to_drop < *until)) until = next_to_drop;
    sleep_until(until);
    take_completions();
  }
  if (!caller_waits_) return;
  // Its descriptor tells of what was handed over alone; what has ended may have had something prepared.
  watch_wake();
  (void)hand_over();
}

void KernelEngine::sleep_until(std::optional<Clock::time_point> until) noexcept {
  __kernel_timespec limit{};
  if (until) {
    const auto left = limit_of(*until - Clock::now());
    limit = {left.seconds, left.nanoseconds};
  }
  entered_.fetch_add(1, std::memory_order_relaxed);
  const int failed = calls_.wait(&ring_.get(), until ? &limit : nullptr);
  cannot_wait_ = failed != 0 && failed != -ETIME && failed != -EINTR;
  if (!cannot_wait_) return;
  // The kernel does not let us wait in the ring's own way: its descriptor tells of completions too.
  pollfd ready{ring_.get().ring_fd, POLLIN, 0};
  const auto at_most =
      until ? std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()) : std::chrono::milliseconds{patience};
  ::poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(at_most.count(), 1, patience)));
}

// Whether there were some.
bool KernelEngine::take_completions() noexcept {
  bool some = false;
  for (;;) {
    io_uring_cqe* completions[64];
    const unsigned count = io_uring_peek_batch_cqe(&ring_.get(), completions, 64);
    if (count == 0) return some;
    some = true;
    struct Came {
      std::uint64_t tag;
      int result;
    } came[64];
    for (unsigned i = 0; i < count; ++i) came[i] = {completions[i]->user_data, completions[i]->res};
    io_uring_cq_advance(&ring_.get(), count);
    for (unsigned i = 0; i < count; ++i) completed(came[i].tag, came[i].result);
  }
}

void KernelEngine::completed(std::uint64_t tag, int result) noexcept {
  if (tag == of_wake) {
    wake_is_watched_ = false;
    return;
  }
  if (tag == of_nobody || (tag & cancel_bit) != 0) --under_way_;
  if (tag == of_nobody) return;
  if ((tag & cancel_bit) != 0) return cancel_completed(tag, result);
  RequestData& data = request_of(tag).data();
  Operation& operation = *data.of;
  if ((tag & limit_bit) != 0) {
    data.timed_out = result == -ETIME;
  } else {
    data.pending = false;
    data.result = data.kind->is_time && result == -ETIME ? 0 : is_interrupted(result) ? -EINTR : result;
  }
  if (--operation.to_come == 0) return end(operation);
  // What was linked behind may begin to wait only now.
  if (operation.cancelled && (tag & limit_bit) == 0) cancel(operation);
}

// Whether there is more to be done of a chain: its next piece, or, where the kernel did not take one, the requests one
// by one, but for those that failed.
bool KernelEngine::goes_on_in_pieces(Operation& operation) noexcept {
  const std::span<Request> requests = operation.requests();
  const auto piece = requests.subspan(operation.piece, operation.next_request - operation.piece);
  if (!operation.one_by_one && piece.size() > 1 && was_not_taken(piece)) {
    operation.one_by_one = true;
    operation.next_request = operation.piece;
  }
  if (operation.next_request == requests.size()) return false;
  bool broken = false;
  for (unsigned i = 0; i < requests.size(); ++i) {
    RequestData& data = requests[i].data();
    if (broken && data.result < 0) data.result = -ECANCELED;  // also where it was not taken
    if (broken) continue;
    const bool was_stopped = data.result == -ECANCELED || (operation.lost_limit && data.result == -EINTR);
    const bool is_left = i >= operation.next_request && was_stopped;
    if (is_left && (!operation.cancelled || data.kind->closes)) {
      const bool alone = operation.one_by_one || operation.cancelled;
      const std::size_t end = alone ? i + 1 : end_of_piece(requests, i);
      if (begin_piece(operation, requests.subspan(i, end - i))) return true;
      operation.next_request = i + 1;
    }
    broken = data.link == Link::if_done && falls_short(data, data.result);
  }
  return false;
}

// Whether it was begun; if not, its first request has failed.
bool KernelEngine::begin_piece(Operation& operation, std::span<Request> piece) noexcept {
  RequestData& data = piece.front().data();
  try {
    prepare(operation, piece, ready_for(operation, entries_for(piece)));
    return true;
  } catch (const Error& error) {
    data.result = error.error_number() != 0 ? -error.error_number() : -EIO;
  } catch (...) {
    data.result = -ENOMEM;
  }
  return false;
}

void KernelEngine::end(Operation& operation) noexcept {
  for (Request& request : operation.requests()) {
    RequestData& data = request.data();
    if (data.timed_out && (data.result == -ECANCELED || data.result == -EINTR)) data.result = -ETIMEDOUT;
  }
  if (goes_on_in_pieces(operation)) return;
  bool open = false;
  for (const Request& request : operation.requests()) {
    const RequestData& data = request.data();
    if (data.kind->opens) open |= data.result >= 0;
    if (data.kind->closes && means_opened(data)) open &= data.result < 0;
  }
  if (operation.file >= 0) {
    if (open) {
      const int none = -1;
      (void)io_uring_register_files_update(&ring_.get(), static_cast<unsigned>(operation.file), &none, 1);
    }
    free_files_.push_back(operation.file);
    operation.file = -1;
  }
  under_way_ -= entries_for(operation.requests());
  owner_.has_ended(operation);
}

}  // namespace behalf::uring::detail
