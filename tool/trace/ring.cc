#include "trace/ring.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

// Younger than Debian 12's <linux/io_uring.h> (include/uapi/linux/io_uring.h).
constexpr std::uint32_t setup_no_mmap = 1U << 14;
constexpr std::uint32_t setup_no_sqarray = 1U << 16;
constexpr unsigned op_bind = 56;

// Where an operation keeps what we want to know of it.
enum class Where : std::uint8_t { address, second, third, socket };
struct RingOperation {
  unsigned opcode;
  const char* name;
  Decides decides;
  Where path;
};
constexpr RingOperation operations[] = {
    {IORING_OP_OPENAT, "openat", Decides::fs, Where::address},
    {IORING_OP_OPENAT2, "openat2", Decides::fs, Where::address},
    {IORING_OP_STATX, "statx", Decides::fs, Where::address},
    {IORING_OP_RENAMEAT, "renameat", Decides::fs, Where::second},
    {IORING_OP_UNLINKAT, "unlinkat", Decides::fs, Where::address},
    {IORING_OP_MKDIRAT, "mkdirat", Decides::fs, Where::address},
    {IORING_OP_SYMLINKAT, "symlinkat", Decides::fs, Where::second},
    {IORING_OP_LINKAT, "linkat", Decides::fs, Where::second},
    {IORING_OP_SETXATTR, "setxattr", Decides::fs, Where::third},
    {IORING_OP_GETXATTR, "getxattr", Decides::fs, Where::third},
    {IORING_OP_CONNECT, "connect", Decides::effective, Where::socket},
    {op_bind, "bind", Decides::effective, Where::socket},
};

std::uint64_t inode_of(pid_t tid, int fd) {
  struct stat status {};
  return stat(fmt::format("/proc/{}/fd/{}", tid, fd).c_str(), &status) == 0 ? status.st_ino : 0;
}

template <typename T>
T at(const std::string& bytes, std::size_t offset) {
  T value{};
  if (offset + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

}  // namespace

bool RingTable::Ring::shared_poll() const {
  return flags & IORING_SETUP_SQPOLL;
}

RingTable::Ring* RingTable::made(pid_t tid, pid_t process, int fd, std::uint64_t params, CredentialsTable::Id maker) {
  const std::string bytes = read_(tid, params, sizeof(io_uring_params));
  if (bytes.size() != sizeof(io_uring_params)) return nullptr;
  const auto p = at<io_uring_params>(bytes, 0);
  Ring ring;
  ring.inode = inode_of(tid, fd);
  if (ring.inode == 0) return nullptr;
  ring.process = process;
  ring.fd = fd;
  ring.flags = p.flags;
  ring.features = p.features;
  ring.entries = p.sq_entries;
  ring.completion_entries = p.cq_entries;
  ring.head = p.sq_off.head;
  ring.tail = p.sq_off.tail;
  ring.array = p.sq_off.array;
  ring.completion_tail = p.cq_off.tail;
  ring.completions = p.cq_off.cqes;
  ring.maker = maker;
  if (p.flags &
      setup_no_mmap) {  // the caller's own memory: sq_off.user_addr and cq_off.user_addr, the last words of each
    ring.entries_at = at<std::uint64_t>(bytes, offsetof(io_uring_params, sq_off) + 32);
    ring.submission_ring = ring.completion_ring = at<std::uint64_t>(bytes, offsetof(io_uring_params, cq_off) + 32);
  }
  return &(rings_[ring.inode] = ring);
}

RingTable::Ring* RingTable::find(pid_t tid, int fd, bool registered) {
  std::uint64_t inode = 0;
  if (registered) {
    const auto known = registered_.find({tid, static_cast<std::uint32_t>(fd)});
    if (known != registered_.end()) inode = known->second;
  } else {
    inode = inode_of(tid, fd);
  }
  const auto ring = rings_.find(inode);
  return ring == rings_.end() ? nullptr : &ring->second;
}

void RingTable::registered_rings(pid_t tid, std::uint64_t updates, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const std::string bytes = read_(tid, updates + 16ULL * i, 16);  // struct io_uring_rsrc_update
    if (bytes.size() == 16)
      registered_[{tid, at<std::uint32_t>(bytes, 0)}] = inode_of(tid, static_cast<int>(at<std::uint64_t>(bytes, 8)));
  }
}

bool RingTable::open(pid_t tid, const Ring& ring) const {
  return inode_of(tid, ring.fd) == ring.inode;
}

bool RingTable::locate(pid_t tid, Ring& ring, bool again) {
  const bool known = ring.entries_at != 0 && ring.submission_ring != 0;
  if (known && (!again || (ring.flags & setup_no_mmap))) return true;
  ring.entries_at = ring.submission_ring = ring.completion_ring = 0;
  std::ifstream maps(fmt::format("/proc/{}/maps", tid));
  for (std::string line; std::getline(maps, line);) {
    if (line.find("[io_uring]") == std::string::npos) continue;
    std::istringstream words(line);
    std::string range, mode, offset, device;
    std::uint64_t inode = 0;
    words >> range >> mode >> offset >> device >> inode;
    if (inode != ring.inode) continue;
    const std::uint64_t begin = std::stoull(range, nullptr, 16);
    switch (std::stoull(offset, nullptr, 16)) {
      case IORING_OFF_SQ_RING:
        ring.submission_ring = begin;
        if (ring.features & IORING_FEAT_SINGLE_MMAP) ring.completion_ring = begin;
        break;
      case IORING_OFF_CQ_RING:
        ring.completion_ring = begin;
        break;
      case IORING_OFF_SQES:
        ring.entries_at = begin;
        break;
      default:
        break;
    }
  }
  return ring.entries_at != 0 && ring.submission_ring != 0;
}

std::optional<std::uint32_t> RingTable::word(pid_t tid, std::uint64_t address) {
  const std::string bytes = read_(tid, address, 4);
  return bytes.size() == 4 ? std::optional(at<std::uint32_t>(bytes, 0)) : std::nullopt;
}

std::optional<RingRequest> RingTable::entry(pid_t tid, Ring& ring, std::uint32_t position, bool& previous_links) {
  std::uint32_t index = position & (ring.entries - 1);
  if (!(ring.flags & setup_no_sqarray)) {
    const auto named = word(tid, ring.submission_ring + ring.array + 4ULL * index);
    if (!named) return std::nullopt;
    index = *named;
  }
  const std::uint64_t size = ring.flags & IORING_SETUP_SQE128 ? 128 : 64;
  const std::string bytes = read_(tid, ring.entries_at + size * index, 64);
  if (bytes.size() != 64) return std::nullopt;
  const auto sqe = at<io_uring_sqe>(bytes, 0);
  RingRequest request;
  request.linked = previous_links;
  previous_links = sqe.flags & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
  request.user_data = sqe.user_data;
  const auto* known = std::find_if(std::begin(operations), std::end(operations),
                                   [&](const RingOperation& operation) { return operation.opcode == sqe.opcode; });
  if (known == std::end(operations)) return request;  // decides nothing: not judged by identity
  request.operation = fmt::format("io_uring {}", known->name);
  request.decides = known->decides;
  request.directory = sqe.fd;
  switch (known->path) {
    case Where::address:
      request.path = sqe.addr;
      break;
    case Where::second:
      request.path = sqe.off;
      request.directory = static_cast<int>(sqe.len);
      break;
    case Where::third:
      request.path = at<std::uint64_t>(bytes, 48);
      request.directory = AT_FDCWD;
      break;
    case Where::socket:
      request.address = sqe.addr;
      request.address_size = known->opcode == op_bind ? sqe.off : sqe.off;
      break;
  }
  if (sqe.personality != 0) {
    const auto personality = ring.personalities.find(sqe.personality);
    if (personality != ring.personalities.end()) {
      request.as = personality->second;
      request.linked = false;  // carries its own identity, whenever it runs
    }
  } else if (ring.shared_poll()) {
    request.as = ring.maker;
    request.polled = true;
    request.linked = false;
  }
  return request;
}

std::optional<std::vector<RingRequest>> RingTable::submitted(pid_t tid, Ring& ring, std::uint32_t count) {
  if (!locate(tid, ring)) return std::nullopt;
  auto head = word(tid, ring.submission_ring + ring.head), tail = word(tid, ring.submission_ring + ring.tail);
  if (!head || !tail || *tail - *head < count) {  // it may be mapped elsewhere by now, or by another process
    if (!locate(tid, ring, /*again=*/true)) return std::nullopt;
    head = word(tid, ring.submission_ring + ring.head);
    tail = word(tid, ring.submission_ring + ring.tail);
  }
  if (!head || !tail) return std::nullopt;
  std::vector<RingRequest> requests;
  bool links = false;
  for (std::uint32_t i = 0; i < std::min(count, *tail - *head); ++i) {
    auto request = entry(tid, ring, *head + i, links);
    if (!request) return std::nullopt;
    if (request->decides != Decides::none) requests.push_back(std::move(*request));
  }
  return requests;
}

std::optional<std::vector<RingRequest>> RingTable::polled(pid_t tid, Ring& ring) {
  if (!locate(tid, ring)) return std::vector<RingRequest>{};  // never mapped: nothing was ever asked of it
  const auto tail = word(tid, ring.submission_ring + ring.tail);
  if (!tail) return std::nullopt;
  const std::uint32_t fresh = *tail - ring.seen_tail;
  if (fresh > ring.entries) {
    ring.seen_tail = *tail;
    return std::nullopt;
  }
  std::vector<RingRequest> requests;
  bool links = false;
  for (; ring.seen_tail != *tail; ++ring.seen_tail) {
    auto request = entry(tid, ring, ring.seen_tail, links);
    if (!request) return std::nullopt;
    if (request->decides != Decides::none) requests.push_back(std::move(*request));
  }
  return requests;
}

std::vector<RingCompletion> RingTable::completed(pid_t tid, Ring& ring) {
  std::vector<RingCompletion> completions;
  if (!locate(tid, ring) || ring.completion_ring == 0) return completions;
  const auto tail = word(tid, ring.completion_ring + ring.completion_tail);
  if (!tail) return completions;
  const std::uint64_t size = ring.flags & IORING_SETUP_CQE32 ? 32 : 16;
  if (*tail - ring.seen_completions > ring.completion_entries) ring.seen_completions = *tail - ring.completion_entries;
  for (; ring.seen_completions != *tail; ++ring.seen_completions) {
    const std::uint32_t index = ring.seen_completions & (ring.completion_entries - 1);
    const std::string bytes = read_(tid, ring.completion_ring + ring.completions + size * index, 16);
    if (bytes.size() != 16) break;
    completions.push_back({at<std::uint64_t>(bytes, 0), at<std::int32_t>(bytes, 8)});
  }
  return completions;
}

}  // namespace behalf::tool
