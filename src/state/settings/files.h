// SQLite's files of one layer of settings, and of nothing else: a VFS of our own.
//
// SQLite's own opens by name, follows links, waits for FIFOs, deletes whatever a journal names as its super-journal,
// and its locks are the process's (fcntl(2)): gone as soon as anybody in the process closes another descriptor of the
// file. This one has two names, those of the database and of its journal, in a folder that is open already; its locks
// are the open file's (F_OFD_SETLK), on the bytes that SQLite's own locks, so that both agree about who waits. There is
// no shared memory, hence no write-ahead log: a file mapped into memory that its user cuts short ends the process
// (SIGBUS).
#pragma once

#include <string>

#include "state/settings/layer.h"

namespace behalf::detail {

// What the calling thread's SQLite may touch, as long as an object of this type is the thread's innermost.
class FilesInUse {
 public:
  FilesInUse(const Layer& layer, int folder, const char* name);
  ~FilesInUse();
  FilesInUse(const FilesInUse&) = delete;
  FilesInUse& operator=(const FilesInUse&) = delete;

  const Layer& layer;
  int folder;
  const char* const name;  // the database's, in the folder
  // What the last file that could not be opened is, in words; null where that was the system's word.
  const char* wrong = nullptr;
  // Of the last call that failed.
  int error = 0;

 private:
  FilesInUse* const outer_;
};

// The VFS's name, for sqlite3_open_v2(); it is there from the first call on. Throws std::bad_alloc.
const char* settings_vfs();

}  // namespace behalf::detail
