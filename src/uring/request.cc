#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "uring/raw.h"
#include "uring/request_kind.h"
#include "uring/without_waiting.h"

namespace behalf::uring {

namespace detail {

namespace {

using Sqe = io_uring_sqe;
using Data = RequestData;

// More than the kernel moves at once (read(2), "NOTES"), and it fits where the ring keeps it.
unsigned length_of(const Data& d) noexcept {
  return static_cast<unsigned>(std::min<std::size_t>(d.length, 0x7fff'f000));
}

std::uint64_t offset_of(const Data& d) noexcept {
  return static_cast<std::uint64_t>(d.offset);
}

const sockaddr* address_of(const Data& d) noexcept {
  return reinterpret_cast<const sockaddr*>(d.path.data());
}

const struct msghdr* message_of(const Data& d) noexcept {
  return static_cast<const msghdr*>(d.address);
}

constexpr RequestKind open_kind = {
    .call = "openat",
    .prepare = [](Sqe& s, const Data& d,
                  int flags) noexcept { io_uring_prep_openat(&s, d.fd, d.path.c_str(), flags, d.mode); },
    .perform = [](const Data& d,
                  int) noexcept { return raw(SYS_openat, d.fd, d.path.c_str(), d.flags | O_CLOEXEC, d.mode); },
    .opens = true,
    .close_on_exec = O_CLOEXEC,
};

constexpr RequestKind read_kind = {
    .call = "read",
    .prepare =
        [](Sqe& s, const Data& d, int) noexcept {
          if (d.fixed_buffer < 0) return io_uring_prep_read(&s, d.fd, d.address, length_of(d), offset_of(d));
          io_uring_prep_read_fixed(&s, d.fd, d.address, length_of(d), offset_of(d), d.fixed_buffer);
        },
    .perform = [](const Data& d,
                  int file) noexcept { return read_without_waiting(file, d.address, d.length, d.offset); },
    .waits_for = POLLIN,
};

constexpr RequestKind write_kind = {
    .call = "write",
    .prepare =
        [](Sqe& s, const Data& d, int) noexcept {
          if (d.fixed_buffer < 0) return io_uring_prep_write(&s, d.fd, d.address, length_of(d), offset_of(d));
          io_uring_prep_write_fixed(&s, d.fd, d.address, length_of(d), offset_of(d), d.fixed_buffer);
        },
    .perform = [](const Data& d,
                  int file) noexcept { return write_without_waiting(file, d.address, d.length, d.offset); },
    .waits_for = POLLOUT,
};

constexpr RequestKind fsync_kind = {
    .call = "fsync",
    .prepare = [](Sqe& s, const Data& d,
                  int flags) noexcept { io_uring_prep_fsync(&s, d.fd, static_cast<unsigned>(flags)); },
    .perform = [](const Data& d, int file) noexcept { return raw(d.flags != 0 ? SYS_fdatasync : SYS_fsync, file); },
    .fails_unnoticed = true,
};

constexpr RequestKind close_kind = {
    .call = "close",
    .prepare = [](Sqe& s, const Data& d, int) noexcept { io_uring_prep_close(&s, d.fd); },
    .perform = [](const Data&, int file) noexcept { return raw(SYS_close, file); },
    .closes = true,
};

constexpr RequestKind statx_kind = {
    .call = "statx",
    .prepare =
        [](Sqe& s, const Data& d, int flags) noexcept {
          io_uring_prep_statx(&s, d.fd, d.path.c_str(), flags, d.mode, static_cast<struct statx*>(d.address));
        },
    .perform = [](const Data& d,
                  int) noexcept { return raw(SYS_statx, d.fd, d.path.c_str(), d.flags, d.mode, d.address); },
    .fails_unnoticed = true,
};

constexpr RequestKind unlink_kind = {
    .call = "unlinkat",
    .prepare = [](Sqe& s, const Data& d,
                  int flags) noexcept { io_uring_prep_unlinkat(&s, d.fd, d.path.c_str(), flags); },
    .perform = [](const Data& d, int) noexcept { return raw(SYS_unlinkat, d.fd, d.path.c_str(), d.flags); },
    .fails_unnoticed = true,
};

constexpr RequestKind rename_kind = {
    .call = "renameat2",
    .prepare =
        [](Sqe& s, const Data& d, int flags) noexcept {
          io_uring_prep_renameat(&s, d.fd, d.path.c_str(), d.second_fd, d.second_path.c_str(),
                                 static_cast<unsigned>(flags));
        },
    .perform =
        [](const Data& d, int) noexcept {
          return raw(SYS_renameat2, d.fd, d.path.c_str(), d.second_fd, d.second_path.c_str(), d.flags);
        },
    .fails_unnoticed = true,
};

constexpr RequestKind mkdir_kind = {
    .call = "mkdirat",
    .prepare = [](Sqe& s, const Data& d, int) noexcept { io_uring_prep_mkdirat(&s, d.fd, d.path.c_str(), d.mode); },
    .perform = [](const Data& d, int) noexcept { return raw(SYS_mkdirat, d.fd, d.path.c_str(), d.mode); },
    .fails_unnoticed = true,
};

constexpr RequestKind link_kind = {
    .call = "linkat",
    .prepare =
        [](Sqe& s, const Data& d, int flags) noexcept {
          io_uring_prep_linkat(&s, d.fd, d.path.c_str(), d.second_fd, d.second_path.c_str(), flags);
        },
    .perform =
        [](const Data& d, int) noexcept {
          return raw(SYS_linkat, d.fd, d.path.c_str(), d.second_fd, d.second_path.c_str(), d.flags);
        },
    .fails_unnoticed = true,
};

constexpr RequestKind socket_kind = {
    .call = "socket",
    .prepare = [](Sqe& s, const Data& d,
                  int flags) noexcept { io_uring_prep_socket(&s, d.second_fd, flags, static_cast<int>(d.mode), 0); },
    .perform = [](const Data& d, int) noexcept { return raw(SYS_socket, d.second_fd, d.flags | SOCK_CLOEXEC, d.mode); },
    .needs_no_helper = true,
    .opens = true,
    .close_on_exec = SOCK_CLOEXEC,
};

// A connect that waits is made on a socket that is told not to for as long as the call takes; when it is made again,
// the kernel tells what came of the first (connect(2), EINPROGRESS).
long connect_without_waiting(const Data& d, int file) noexcept {
  const long flags = raw(SYS_fcntl, file, F_GETFL);
  if (flags < 0) return flags;
  raw(SYS_fcntl, file, F_SETFL, flags | O_NONBLOCK);
  const long result = raw(SYS_connect, file, address_of(d), d.path.size());
  raw(SYS_fcntl, file, F_SETFL, flags);
  return result == -EALREADY ? -EINPROGRESS : result;
}

constexpr RequestKind connect_kind = {
    .call = "connect",
    .prepare =
        [](Sqe& s, const Data& d, int) noexcept {
          io_uring_prep_connect(&s, d.fd, address_of(d), static_cast<socklen_t>(d.path.size()));
        },
    .perform = connect_without_waiting,
    .needs_no_helper = true,
};

constexpr RequestKind accept_kind = {
    .call = "accept4",
    .prepare =
        [](Sqe& s, const Data& d, int flags) noexcept {
          io_uring_prep_accept(&s, d.fd, static_cast<sockaddr*>(d.address), static_cast<socklen_t*>(d.second_address),
                               flags);
        },
    .perform =
        [](const Data& d, int file) noexcept {
          return accept_without_waiting(file, static_cast<sockaddr*>(d.address),
                                        static_cast<socklen_t*>(d.second_address), d.flags | SOCK_CLOEXEC);
        },
    .waits_for = POLLIN,
    .needs_no_helper = true,
    .opens = true,
    .close_on_exec = SOCK_CLOEXEC,
};

constexpr RequestKind send_kind = {
    .call = "send",
    .prepare = [](Sqe& s, const Data& d,
                  int flags) noexcept { io_uring_prep_send(&s, d.fd, d.address, length_of(d), flags | MSG_NOSIGNAL); },
    .perform =
        [](const Data& d, int file) noexcept {
          return raw(SYS_sendto, file, d.address, d.length, d.flags | MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
        },
    .waits_for = POLLOUT,
    .needs_no_helper = true,
};

constexpr RequestKind recv_kind = {
    .call = "recv",
    .prepare = [](Sqe& s, const Data& d,
                  int flags) noexcept { io_uring_prep_recv(&s, d.fd, d.address, length_of(d), flags); },
    .perform =
        [](const Data& d, int file) noexcept {
          return raw(SYS_recvfrom, file, d.address, d.length, d.flags | MSG_DONTWAIT, nullptr, nullptr);
        },
    .waits_for = POLLIN,
    .needs_no_helper = true,
};

constexpr RequestKind sendmsg_kind = {
    .call = "sendmsg",
    .prepare =
        [](Sqe& s, const Data& d, int flags) noexcept {
          io_uring_prep_sendmsg(&s, d.fd, message_of(d), static_cast<unsigned>(flags | MSG_NOSIGNAL));
        },
    .perform =
        [](const Data& d, int file) noexcept {
          return raw(SYS_sendmsg, file, d.address, d.flags | MSG_NOSIGNAL | MSG_DONTWAIT);
        },
    .waits_for = POLLOUT,
    .needs_no_helper = true,
};

constexpr RequestKind recvmsg_kind = {
    .call = "recvmsg",
    .prepare =
        [](Sqe& s, const Data& d, int flags) noexcept {
          io_uring_prep_recvmsg(&s, d.fd, static_cast<msghdr*>(d.address),
                                static_cast<unsigned>(flags | MSG_CMSG_CLOEXEC));
        },
    .perform =
        [](const Data& d, int file) noexcept {
          return raw(SYS_recvmsg, file, d.address, d.flags | MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        },
    .waits_for = POLLIN,
    .needs_no_helper = true,
};

constexpr RequestKind poll_kind = {
    .call = "poll",
    .prepare = [](Sqe& s, const Data& d, int) noexcept { io_uring_prep_poll_add(&s, d.fd, d.mode); },
    .perform =
        [](const Data& d, int file) noexcept {
          pollfd ready{file, static_cast<short>(d.mode), 0};
          const int count = ::poll(&ready, 1, 0);
          return count > 0 ? long{ready.revents} : count < 0 ? long{-errno} : long{-EAGAIN};
        },
    .needs_no_helper = true,
};

constexpr RequestKind timeout_kind = {
    .call = "timeout",
    .prepare =
        [](Sqe& s, const Data& d, int) noexcept {
          // The same layout; __kernel_timespec is of a header that is not for everybody.
          io_uring_prep_timeout(&s, reinterpret_cast<__kernel_timespec*>(const_cast<Data::Limit*>(&d.limit)), 0,
                                IORING_TIMEOUT_ETIME_SUCCESS);
        },
    .perform = [](const Data&, int) noexcept { return long{-EAGAIN}; },  // until its time is up
    .needs_no_helper = true,
    .is_time = true,
};

Data& data_of(Request& request) noexcept {
  return request.data();
}

Request on_file(const RequestKind& kind, Descriptor file, const void* address, std::size_t length, int flags) {
  Request request(kind);
  Data& d = data_of(request);
  d.fd = file.fd;
  d.address = const_cast<void*>(address);  // the kind knows which of them are written to
  d.length = length;
  d.flags = flags;
  return request;
}

Request on_path(const RequestKind& kind, int directory, std::string path, int flags, unsigned mode) {
  Request request(kind);
  Data& d = data_of(request);
  d.fd = directory;
  d.path = std::move(path);
  d.flags = flags;
  d.mode = mode;
  return request;
}

Request at_offset(Request request, std::int64_t offset) {
  data_of(request).offset = offset;
  return request;
}

Request in_fixed(Request request, const FixedBuffer& buffer) {
  Data& d = data_of(request);
  d.length = std::min(d.length, buffer.size());
  d.fixed_buffer = buffer.number();
  d.kept = buffer.lease();
  return request;
}

Request to_path(Request request, int directory, std::string path) {
  Data& d = data_of(request);
  d.second_fd = directory;
  d.second_path = std::move(path);
  return request;
}

}  // namespace

RequestData::Limit limit_of(std::chrono::nanoseconds time) noexcept {
  const auto whole = std::chrono::floor<std::chrono::seconds>(std::max(time, std::chrono::nanoseconds{0}));
  return {whole.count(), std::max(time, std::chrono::nanoseconds{0}).count() % 1'000'000'000};
}

// As the kernel sees it for its links (io_uring_enter(2), IOSQE_IO_LINK).
bool falls_short(const RequestData& request, long result) noexcept {
  if (result < 0) return true;
  const RequestKind* const kind = request.kind;
  const bool all_or_short = kind == &read_kind || kind == &write_kind ||
                            ((kind == &send_kind || kind == &recv_kind) && (request.flags & MSG_WAITALL) != 0);
  return all_or_short && static_cast<std::size_t>(result) < request.length;
}

}  // namespace detail

Request Request::within(std::chrono::nanoseconds limit) && {
  data_.limit = detail::limit_of(limit);
  data_.limited = !data_.kind->is_time;  // a time within a time is the last one named
  return std::move(*this);
}

Request Request::keeping(std::shared_ptr<const void> object) && {
  data_.kept = std::move(object);
  return std::move(*this);
}

using namespace detail;  // the kinds

Request open(std::string path, int flags, mode_t mode) {
  return openat(AT_FDCWD, std::move(path), flags, mode);
}
Request openat(int directory, std::string path, int flags, mode_t mode) {
  return on_path(open_kind, directory, std::move(path), flags, mode);
}
Request read(Descriptor file, void* into, std::size_t size, std::int64_t offset) {
  return at_offset(on_file(read_kind, file, into, size, 0), offset);
}
Request read(Descriptor file, const FixedBuffer& into, std::size_t size, std::int64_t offset) {
  return in_fixed(read(file, into.data(), size, offset), into);
}
Request write(Descriptor file, const void* from, std::size_t size, std::int64_t offset) {
  return at_offset(on_file(write_kind, file, from, size, 0), offset);
}
Request write(Descriptor file, const FixedBuffer& from, std::size_t size, std::int64_t offset) {
  return in_fixed(write(file, from.data(), size, offset), from);
}
Request fsync(Descriptor file) {
  return on_file(fsync_kind, file, nullptr, 0, 0);
}
Request fdatasync(Descriptor file) {
  return on_file(fsync_kind, file, nullptr, 0, IORING_FSYNC_DATASYNC);
}
Request close(Descriptor file) {
  return on_file(close_kind, file, nullptr, 0, 0);
}
Request statx(int directory, std::string path, int flags, unsigned mask, struct statx* into) {
  Request request = on_path(statx_kind, directory, std::move(path), flags, mask);
  data_of(request).address = into;
  return request;
}
Request unlinkat(int directory, std::string path, int flags) {
  return on_path(unlink_kind, directory, std::move(path), flags, 0);
}
Request renameat(int from_directory, std::string from, int to_directory, std::string to, unsigned flags) {
  return to_path(on_path(rename_kind, from_directory, std::move(from), static_cast<int>(flags), 0), to_directory,
                 std::move(to));
}
Request mkdirat(int directory, std::string path, mode_t mode) {
  return on_path(mkdir_kind, directory, std::move(path), 0, mode);
}
Request linkat(int from_directory, std::string from, int to_directory, std::string to, int flags) {
  return to_path(on_path(link_kind, from_directory, std::move(from), flags, 0), to_directory, std::move(to));
}
Request socket(int domain, int type, int protocol) {
  Request request = on_file(socket_kind, -1, nullptr, 0, type);
  data_of(request).second_fd = domain;
  data_of(request).mode = static_cast<unsigned>(protocol);
  return request;
}
Request connect(Descriptor socket, const sockaddr* address, socklen_t size) {
  Request request = on_file(connect_kind, socket, nullptr, 0, 0);
  data_of(request).path.assign(reinterpret_cast<const char*>(address), size);
  return request;
}
Request accept(int socket, sockaddr* address, socklen_t* size, int flags) {
  Request request = on_file(accept_kind, socket, address, 0, flags);
  data_of(request).second_address = size;
  return request;
}
Request send(Descriptor socket, const void* from, std::size_t size, int flags) {
  return on_file(send_kind, socket, from, size, flags);
}
Request recv(Descriptor socket, void* into, std::size_t size, int flags) {
  return on_file(recv_kind, socket, into, size, flags);
}
Request sendmsg(Descriptor socket, const msghdr* message, int flags) {
  return on_file(sendmsg_kind, socket, message, 0, flags);
}
Request recvmsg(Descriptor socket, msghdr* message, int flags) {
  return on_file(recvmsg_kind, socket, message, 0, flags);
}
Request poll(Descriptor file, short events) {
  Request request = on_file(poll_kind, file, nullptr, 0, 0);
  data_of(request).mode = static_cast<unsigned short>(events);
  return request;
}
Request timeout(std::chrono::nanoseconds time) {
  Request request(timeout_kind);
  data_of(request).limit = limit_of(time);
  return request;
}

}  // namespace behalf::uring
