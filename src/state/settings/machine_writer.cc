#include "state/settings/machine_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "behalf/file_lock.h"
#include "state/settings/failure.h"
#include "transfer/later.h"

namespace behalf::detail {

namespace {

constexpr const char* lock_file = "settings.lock";
constexpr const char* copy_file = "settings.new";
constexpr const char* journal_of_copy = "settings.new-journal";
constexpr auto between_tries = std::chrono::milliseconds(5);

// Given back by the end of the FileLock, and not by that of the descriptor, of which a process that was forked
// meanwhile has a copy.
struct WritersLock {
  Descriptor file;
  FileLock held;
};

WritersLock lock(const Layer& machine, int folder, std::chrono::milliseconds waits) {
  // Nobody else may open it, and so nobody else can hold it.
  Descriptor file(::openat(folder, lock_file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) throw folder_failure(machine, errno);
  const auto until = from_now(waits);
  for (;;) {
    if (auto held = FileLock::without_waiting(file.get())) return {std::move(file), std::move(*held)};
    if (std::chrono::steady_clock::now() >= until) throw folder_failure(machine, EWOULDBLOCK);
    std::this_thread::sleep_for(between_tries);
  }
}

void clear_away(int folder) {
  ::unlinkat(folder, copy_file, 0);
  ::unlinkat(folder, journal_of_copy, 0);
}

void copy(const Layer& machine, int folder) {
  const char* wrong = nullptr;
  const Descriptor from(open_settled(folder, settings_file, O_RDONLY, machine, machine.largest, wrong));
  if (!from && wrong != nullptr) throw unusable(machine, wrong);
  if (!from && errno == ENOENT) return;
  if (!from) throw folder_failure(machine, errno);
  const Descriptor to(::openat(folder, copy_file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) throw folder_failure(machine, errno);
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t got = ::read(from.get(), part.data(), part.size());
    if (got < 0) throw folder_failure(machine, errno);
    if (got == 0) return;
    if (::write(to.get(), part.data(), static_cast<std::size_t>(got)) != got) throw folder_failure(machine, ENOSPC);
  }
}

void replace(const Layer& machine, int folder) {
  const Descriptor file(::openat(folder, copy_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const Descriptor names(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool replaced = file && names && ::fchmod(file.get(), 0644) == 0 && ::fsync(file.get()) == 0 &&
                        ::renameat(folder, copy_file, folder, settings_file) == 0 && ::fsync(names.get()) == 0;
  if (!replaced) throw folder_failure(machine, errno);
}

}  // namespace

void rewrite_machine(const Layer& machine, const SettingsOptions& options, const std::function<void(Store&)>& f) {
  const Descriptor folder = open_folder(machine, true);
  const WritersLock locked = lock(machine, folder.get(), options.waits);
  clear_away(folder.get());  // of one that was killed
  copy(machine, folder.get());
  try {
    Layer own = machine;
    own.machine = false;
    {
      Store writable(own, options, copy_file);
      writable.transaction([&] { f(writable); });
    }
    replace(machine, folder.get());
  } catch (...) {
    clear_away(folder.get());
    throw;
  }
  clear_away(folder.get());
}

}  // namespace behalf::detail
