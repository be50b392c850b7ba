// FileLock: a whole file, locked for the holder of a descriptor until the end of the scope.
//
//   behalf::Descriptor mailbox(::open("/home/alice/mbox", O_RDWR | O_CLOEXEC));
//   const behalf::FileLock lock(mailbox.get(), behalf::FileLock::Kind::exclusive);
//
// A POSIX lock (fcntl(2), F_SETLK) is the process's: two users that are served by one process are both granted it, and
// it is gone as soon as any descriptor of that file is closed, whoever opened it. This one is an open file
// description's (F_OFD_SETLK): it keeps out all others, in this process and elsewhere, POSIX locks too, and ends with
// the scope or the last descriptor of that opening. Threads that are to exclude one another open the file each. A child
// that is forked meanwhile has a copy of the descriptor, and so of the lock; the end of its copy of the scope does not
// take the lock from its parent.
//
// Rests on: fcntl(2), "Open file description locks".
#pragma once

#include <optional>

namespace behalf {

class [[nodiscard]] FileLock {
 public:
  enum class Kind { shared, exclusive };

  // Effects: waits until it has the lock. The descriptor must stay open; it must be open for reading where the lock is
  // shared, for writing where it is exclusive.
  //
  // Errors: Error of reason out_of_resources, platform (no such descriptor; a file that has no locks). Nobody notices
  // two that wait for each other. Thread-safe. Cost: a system call, and one at the end.
  explicit FileLock(int fd, Kind kind = Kind::exclusive);

  // The same without waiting; nothing where somebody else has it.
  [[nodiscard]] static std::optional<FileLock> without_waiting(int fd, Kind kind = Kind::exclusive);

  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  struct Held {
    int fd;
  };
  explicit FileLock(Held held) noexcept;

  int fd_;
  unsigned of_process_;
};

}  // namespace behalf
