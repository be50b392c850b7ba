#include "state/settings/files.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <string_view>

namespace behalf::detail {

namespace {

thread_local FilesInUse* in_use = nullptr;

// What SQLite locks in a database, by its file format: the bytes, none of which is ever data.
constexpr off_t pending_byte = 0x40000000;
constexpr off_t reserved_byte = pending_byte + 1;
constexpr off_t shared_first = pending_byte + 2;
constexpr off_t shared_size = 510;

struct File {
  sqlite3_file base;
  int fd;
  int level;
  bool locked_by_none;  // the machine's: no locks
  bool folder_to_sync;  // its name is new
};

File& of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}

int failed(int result) {
  if (in_use != nullptr) in_use->error = errno;
  return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SQLITE_FULL : result;
}

int close_file(sqlite3_file* file) {
  ::close(of(file).fd);  // and with it, its locks
  return SQLITE_OK;
}

int read_file(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  char* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t got = ::pread(of(file).fd, at, static_cast<std::size_t>(size), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(SQLITE_IOERR_READ);
    if (got == 0) {
      std::memset(at, 0, static_cast<std::size_t>(size));
      return SQLITE_IOERR_SHORT_READ;
    }
    at += got;
    offset += got;
    size -= static_cast<int>(got);
  }
  return SQLITE_OK;
}

int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const char* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t put = ::pwrite(of(file).fd, at, static_cast<std::size_t>(size), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed(SQLITE_IOERR_WRITE);
    at += put;
    offset += put;
    size -= static_cast<int>(put);
  }
  return SQLITE_OK;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return ::ftruncate(of(file).fd, size) == 0 ? SQLITE_OK : failed(SQLITE_IOERR_TRUNCATE);
}

int sync_folder() {
  if (in_use == nullptr) return SQLITE_IOERR_DIR_FSYNC;
  const Descriptor folder(::openat(in_use->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && ::fsync(folder.get()) == 0 ? SQLITE_OK : failed(SQLITE_IOERR_DIR_FSYNC);
}

int sync_file(sqlite3_file* file, int flags) {
  const int synced = (flags & SQLITE_SYNC_DATAONLY) != 0 ? ::fdatasync(of(file).fd) : ::fsync(of(file).fd);
  if (synced != 0) return failed(SQLITE_IOERR_FSYNC);
  if (!of(file).folder_to_sync) return SQLITE_OK;
  const int folder = sync_folder();
  of(file).folder_to_sync = folder != SQLITE_OK;
  return folder;
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) {
  struct stat status {};
  if (::fstat(of(file).fd, &status) != 0) return failed(SQLITE_IOERR_FSTAT);
  *size = status.st_size;
  return SQLITE_OK;
}

// SQLITE_OK, or SQLITE_BUSY where another open file is in the way.
int set_lock(int fd, short kind, off_t from, off_t size) {
  struct flock lock {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  lock.l_start = from;
  lock.l_len = size;
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return SQLITE_OK;
  if (errno == EAGAIN || errno == EACCES || errno == EINTR) return SQLITE_BUSY;
  return failed(SQLITE_IOERR_LOCK);
}

int take_shared(File& file) {
  // Whoever wants to write keeps new readers off by the pending byte.
  if (const int busy = set_lock(file.fd, F_RDLCK, pending_byte, 1); busy != SQLITE_OK) return busy;
  const int shared = set_lock(file.fd, F_RDLCK, shared_first, shared_size);
  const int pending = set_lock(file.fd, F_UNLCK, pending_byte, 1);
  return shared != SQLITE_OK ? shared : pending;
}

int lock_file(sqlite3_file* base, int level) {
  File& file = of(base);
  if (file.level >= level) return SQLITE_OK;
  int result = SQLITE_OK;
  if (!file.locked_by_none) {
    if (level == SQLITE_LOCK_SHARED) {
      result = take_shared(file);
    } else if (level == SQLITE_LOCK_RESERVED) {
      result = set_lock(file.fd, F_WRLCK, reserved_byte, 1);
    } else {
      if (file.level < SQLITE_LOCK_PENDING) result = set_lock(file.fd, F_WRLCK, pending_byte, 1);
      if (result == SQLITE_OK) file.level = SQLITE_LOCK_PENDING;
      if (result == SQLITE_OK && level == SQLITE_LOCK_EXCLUSIVE) {
        result = set_lock(file.fd, F_WRLCK, shared_first, shared_size);
      }
    }
  }
  if (result == SQLITE_OK) file.level = level;
  return result;
}

int unlock_file(sqlite3_file* base, int level) {
  File& file = of(base);
  if (file.level <= level) return SQLITE_OK;
  int result = SQLITE_OK;
  if (!file.locked_by_none) {
    if (level == SQLITE_LOCK_SHARED) {
      if (file.level == SQLITE_LOCK_EXCLUSIVE) result = set_lock(file.fd, F_RDLCK, shared_first, shared_size);
      if (result == SQLITE_OK) result = set_lock(file.fd, F_UNLCK, pending_byte, 2);
    } else {
      result = set_lock(file.fd, F_UNLCK, pending_byte, 2 + shared_size);
    }
  }
  if (result == SQLITE_OK) file.level = level;
  return result == SQLITE_OK ? SQLITE_OK : SQLITE_IOERR_UNLOCK;
}

int is_reserved(sqlite3_file* base, int* reserved) {
  File& file = of(base);
  *reserved = file.level > SQLITE_LOCK_SHARED ? 1 : 0;
  if (*reserved != 0 || file.locked_by_none) return SQLITE_OK;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = reserved_byte;
  lock.l_len = 1;
  if (::fcntl(file.fd, F_OFD_GETLK, &lock) != 0) return failed(SQLITE_IOERR_CHECKRESERVEDLOCK);
  *reserved = lock.l_type != F_UNLCK ? 1 : 0;
  return SQLITE_OK;
}

int control_file(sqlite3_file*, int, void*) {
  return SQLITE_NOTFOUND;
}
int sector_size(sqlite3_file*) {
  return 4096;
}
int characteristics(sqlite3_file* file) {
  return of(file).locked_by_none ? SQLITE_IOCAP_IMMUTABLE : 0;
}

// Version 1: no shared memory, no mapped files.
constexpr sqlite3_io_methods methods = {
    1,         close_file,  read_file,   write_file,   truncate_file, sync_file,       size_of_file,
    lock_file, unlock_file, is_reserved, control_file, sector_size,   characteristics, nullptr,
    nullptr,   nullptr,     nullptr,     nullptr,      nullptr};

// The name in the folder for one of SQLite's; empty where it is another one (a super-journal, a write-ahead log). In
// place: no exception may pass through SQLite.
struct OwnName {
  std::array<char, 64> text{};
  [[nodiscard]] const char* c_str() const { return text.data(); }
  [[nodiscard]] bool empty() const { return text[0] == '\0'; }
};

OwnName own_name(const char* name) {
  OwnName own;
  if (in_use == nullptr || name == nullptr) return own;
  std::string_view ending = name;
  if (!ending.starts_with(settings_file)) return own;
  ending.remove_prefix(std::string_view(settings_file).size());
  if (!ending.empty() && ending != "-journal") return own;
  sqlite3_snprintf(static_cast<int>(own.text.size()), own.text.data(), "%s%s", in_use->name, ending.data());
  return own;
}

int open_file(sqlite3_vfs*, sqlite3_filename asked, sqlite3_file* base, int flags, int* out_flags) {
  File& file = of(base);
  file.base.pMethods = nullptr;
  const OwnName name = own_name(asked);
  if (name.empty() || (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL)) == 0) return SQLITE_CANTOPEN;
  FilesInUse& files = *in_use;
  // A journal has some bytes more for each page.
  const std::uint64_t largest = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? files.layer.largest : 2 * files.layer.largest;
  const auto open = [&](int how) {
    files.wrong = nullptr;
    return open_settled(files.folder, name.c_str(), how, files.layer, largest, files.wrong);
  };
  const bool writes = (flags & SQLITE_OPEN_READWRITE) != 0;
  int fd = open(writes ? O_RDWR : O_RDONLY);
  const bool is_new = fd < 0 && errno == ENOENT && (flags & SQLITE_OPEN_CREATE) != 0;
  if (is_new) fd = open(O_RDWR | O_CREAT);
  if (fd < 0 && writes && files.wrong == nullptr && (errno == EACCES || errno == EROFS)) {
    fd = open(O_RDONLY);
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  if (fd < 0) return failed(SQLITE_CANTOPEN);
  file.base.pMethods = &methods;
  file.fd = fd;
  file.level = SQLITE_LOCK_NONE;
  file.locked_by_none = files.layer.machine;
  file.folder_to_sync = is_new;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs*, const char* asked, int sync) {
  const OwnName name = own_name(asked);
  if (name.empty() || std::string_view(asked) == settings_file) return SQLITE_IOERR_DELETE;
  if (::unlinkat(in_use->folder, name.c_str(), 0) != 0) {
    return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : failed(SQLITE_IOERR_DELETE);
  }
  return sync != 0 ? sync_folder() : SQLITE_OK;
}

int look_at_file(sqlite3_vfs*, const char* asked, int what, int* yes) {
  const OwnName name = own_name(asked);
  struct stat status {};
  *yes = 0;
  if (name.empty() || ::fstatat(in_use->folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return SQLITE_OK;
  if (what == SQLITE_ACCESS_EXISTS) {
    *yes = !S_ISREG(status.st_mode) || status.st_size > 0 ? 1 : 0;  // an empty journal is none
  } else {
    *yes = ::faccessat(in_use->folder, name.c_str(), R_OK | W_OK, AT_EACCESS) == 0 ? 1 : 0;
  }
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* name, int size, char* full) {
  sqlite3_snprintf(size, full, "%s", name);
  return SQLITE_OK;
}

int random_bytes(sqlite3_vfs*, int size, char* into) {
  const ssize_t got = ::getrandom(into, static_cast<std::size_t>(size), 0);
  return got < 0 ? 0 : static_cast<int>(got);
}

int sleep_for(sqlite3_vfs*, int microseconds) {
  const timespec time = {microseconds / 1'000'000, microseconds % 1'000'000 * 1000L};
  ::nanosleep(&time, nullptr);
  return microseconds;
}

int time_now(sqlite3_vfs*, double* days) {
  *days = 2440587.5 + static_cast<double>(::time(nullptr)) / 86400.0;  // the Julian day of the epoch
  return SQLITE_OK;
}

int last_error(sqlite3_vfs*, int, char*) {
  return in_use == nullptr ? 0 : in_use->error;
}

sqlite3_vfs vfs = {1,         sizeof(File), 512,          nullptr,   "behalf-settings", nullptr,
                   open_file, delete_file,  look_at_file, full_path, nullptr,           nullptr,
                   nullptr,   nullptr,      random_bytes, sleep_for, time_now,          last_error,
                   nullptr,   nullptr,      nullptr,      nullptr};

}  // namespace

FilesInUse::FilesInUse(const Layer& of_layer, int in_folder, const char* of_name)
    : layer(of_layer), folder(in_folder), name(of_name), outer_(in_use) {
  in_use = this;
}
FilesInUse::~FilesInUse() {
  in_use = outer_;
}

const char* settings_vfs() {
  static const int registered = ::sqlite3_vfs_register(&vfs, 0);
  if (registered != SQLITE_OK) throw std::bad_alloc();
  return vfs.zName;
}

}  // namespace behalf::detail
