// What can be asked of a uring::Ring: a function for each system call, with its name and its arguments.
//
//   using namespace behalf;
//   uring::Request open = uring::open("/home/alice/note.txt", O_RDONLY);
//   auto whole = uring::open(path, O_RDONLY)                   // three requests, one submission:
//                    .then(uring::read(uring::opened, text, sizeof text))  // if it could be opened
//                    .always(uring::close(uring::opened));                 // whatever reading came to
//   uring::Request patient = uring::recv(socket, text, sizeof text).within(std::chrono::seconds{5});
//
// A request is a description and does nothing until it is submitted. Whose it is, is said there: a request has no
// identity of its own and cannot be given one, since the numbers by which the kernel knows identities (personalities)
// stay inside of the Ring.
//
// Paths and socket addresses are copied. What is given by pointer (buffers, statx, msghdr) must stay until the request
// has ended, which is when its result is told, or keeping() sees to that.
#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace behalf::uring {

template <std::size_t N>
class Chain;

// A file by its descriptor, or by being the one that the chain has opened.
struct Descriptor {
  // NOLINTNEXTLINE(google-explicit-constructor): where a descriptor is wanted, a number is one
  constexpr Descriptor(int number) noexcept : fd(number) {}

  int fd;
};

// The file that an earlier request of the same chain opens (open, openat, socket, accept). It never becomes a
// descriptor of the process: nobody else can use it, and it is closed when the chain has ended, if not before.
inline constexpr Descriptor opened{std::numeric_limits<int>::min()};

namespace detail {

struct RequestKind;
class Operation;

enum class Link : std::uint8_t { none, if_done, always };

inline constexpr std::size_t most_in_chain = 16;

// What a request is to the kernel, or to whoever stands in for it.
struct RequestData {
  const RequestKind* kind = nullptr;
  int fd = -1;
  int second_fd = -1;
  int flags = 0;
  unsigned mode = 0;
  void* address = nullptr;
  void* second_address = nullptr;
  std::size_t length = 0;
  std::int64_t offset = -1;
  int fixed_buffer = -1;
  std::string path;  // or a socket address
  std::string second_path;
  std::shared_ptr<const void> kept;
  Link link = Link::none;  // with the next one

  // As the kernel wants it (struct __kernel_timespec): how long it may take; of a timeout, how long it takes.
  struct Limit {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
  } limit;
  bool limited = false;

  // While it is under way.
  Operation* of = nullptr;
  bool pending = false;
  bool timed_out = false;
  int result = -ECANCELED;
};

RequestData::Limit limit_of(std::chrono::nanoseconds time) noexcept;

}  // namespace detail

class [[nodiscard]] Request {
 public:
  // The same, but it is given up after so long, and its result is ETIMEDOUT. Not what waits for a disk, or to open a
  // FIFO for its other side: the kernel's helper, or the worker, that is in such a system call is not called back for
  // it.
  Request within(std::chrono::nanoseconds limit) &&;
  // The same, and the object stays until it has ended.
  Request keeping(std::shared_ptr<const void> object) &&;

  // This one and then the next. then(): if this one did all that was asked (a short read or write did not), otherwise
  // the result of the next one, and of all behind it, is ECANCELED. always(): whatever this one came to.
  Chain<2> then(Request next) &&;
  Chain<2> always(Request next) &&;

  // For the library's own use.
  explicit Request(const detail::RequestKind& kind) noexcept { data_.kind = &kind; }
  [[nodiscard]] detail::RequestData& data() noexcept { return data_; }
  [[nodiscard]] const detail::RequestData& data() const noexcept { return data_; }

 private:
  detail::RequestData data_;
};

// Requests that are submitted together and done one after the other, by one identity. A ring hands a chain to the
// kernel as a whole, but for what the kernel would not do as a chain says: a request is handed over when those before
// it have ended where it has a time limit; where it waits (for a socket, a pipe: not in files that the chain has opened
// by their path) behind one that a helper of the kernel's may do, which is all but those of sockets and waiting; and
// where it depends, by then(), on one of fsync, statx, unlinkat, renameat, mkdirat and linkat.
template <std::size_t N>
class [[nodiscard]] Chain {
 public:
  Chain<N + 1> then(Request next) && { return std::move(*this).linked(detail::Link::if_done, std::move(next)); }
  Chain<N + 1> always(Request next) && { return std::move(*this).linked(detail::Link::always, std::move(next)); }

  // For the library's own use.
  explicit Chain(std::array<Request, N> requests) noexcept : requests_(std::move(requests)) {}
  [[nodiscard]] std::array<Request, N>& requests() noexcept { return requests_; }

 private:
  static_assert(N <= detail::most_in_chain, "behalf::uring: a chain has at most 16 requests");

  Chain<N + 1> linked(detail::Link link, Request next) && {
    requests_.back().data().link = link;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return Chain<N + 1>(std::array<Request, N + 1>{std::move(requests_[I])..., std::move(next)});
    }
    (std::make_index_sequence<N>());
  }

  std::array<Request, N> requests_;
};

inline Chain<2> Request::then(Request next) && {
  return Chain<1>({std::move(*this)}).then(std::move(next));
}
inline Chain<2> Request::always(Request next) && {
  return Chain<1>({std::move(*this)}).always(std::move(next));
}

// A piece of memory that the kernel knows already (Ring::fixed_buffer). It goes back to the ring when its last copy is
// gone and the last request that uses it has ended.
class FixedBuffer {
 public:
  [[nodiscard]] std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // For the library's own use.
  FixedBuffer(std::shared_ptr<std::byte> data, std::size_t size, int number) noexcept
      : data_(std::move(data)), size_(size), number_(number) {}
  [[nodiscard]] const std::shared_ptr<std::byte>& lease() const noexcept { return data_; }
  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  std::shared_ptr<std::byte> data_;
  std::size_t size_;
  int number_;
};

// The offset of read and write that is wherever the file stands.
inline constexpr std::int64_t at_its_position = -1;

// Files. As the system calls of these names; O_CLOEXEC is added always, so that no child inherits another user's file.
Request open(std::string path, int flags, mode_t mode = 0);
Request openat(int directory, std::string path, int flags, mode_t mode = 0);
Request read(Descriptor file, void* into, std::size_t size, std::int64_t offset = at_its_position);
Request read(Descriptor file, const FixedBuffer& into, std::size_t size, std::int64_t offset = at_its_position);
Request write(Descriptor file, const void* from, std::size_t size, std::int64_t offset = at_its_position);
Request write(Descriptor file, const FixedBuffer& from, std::size_t size, std::int64_t offset = at_its_position);
Request fsync(Descriptor file);
Request fdatasync(Descriptor file);
Request close(Descriptor file);
Request statx(int directory, std::string path, int flags, unsigned mask, struct statx* into);
Request unlinkat(int directory, std::string path, int flags = 0);
Request renameat(int from_directory, std::string from, int to_directory, std::string to, unsigned flags = 0);
Request mkdirat(int directory, std::string path, mode_t mode);
Request linkat(int from_directory, std::string from, int to_directory, std::string to, int flags = 0);

// Sockets. SOCK_CLOEXEC and MSG_CMSG_CLOEXEC are added always, and MSG_NOSIGNAL to what sends. socket() needs Linux
// 5.19; its result is EINVAL before.
Request socket(int domain, int type, int protocol = 0);
Request connect(Descriptor socket, const sockaddr* address, socklen_t size);
Request accept(int socket, sockaddr* address = nullptr, socklen_t* size = nullptr, int flags = 0);
Request send(Descriptor socket, const void* from, std::size_t size, int flags = 0);
Request recv(Descriptor socket, void* into, std::size_t size, int flags = 0);
Request sendmsg(Descriptor socket, const msghdr* message, int flags = 0);
Request recvmsg(Descriptor socket, msghdr* message, int flags = 0);

// Waiting. The result of poll is the events (poll(2)) that there are; that of timeout is 0 when the time has passed.
Request poll(Descriptor file, short events);
Request timeout(std::chrono::nanoseconds time);

}  // namespace behalf::uring
