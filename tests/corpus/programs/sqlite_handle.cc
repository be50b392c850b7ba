// none: works
// stale: denied descriptor
// acts: note
// line: opened
// needs: sqlite3
// A database of the first caller's, read for all: the handle holds the open file.
#include <sqlite3.h>

#include <mutex>

#include "task.h"

static std::mutex mutex;
static sqlite3* kept;

static sqlite3* open_own() {
  const uid_t uid = corpus::of_thread().uid;
  const std::string path = std::string(uid == 3001   ? "/home/alice"
                                       : uid == 3002 ? "/home/bob"
                                                     : "/root") +
                           "/corpus.db";
  sqlite3* handle = nullptr;
  if (sqlite3_open(path.c_str(), &handle) != SQLITE_OK) return nullptr;  // <- here
  const std::string fill = "create table if not exists whose(name); insert into whose values('" + path + "')";
  sqlite3_exec(handle, fill.c_str(), nullptr, nullptr, nullptr);
  return handle;
}

extern "C" void before() {}

extern "C" int operation() {
  const std::lock_guard lock(mutex);
  if (kept == nullptr) kept = open_own();
  if (kept == nullptr) return 1;
  const auto print = [](void*, int, char** columns, char**) {
    std::printf("%s\n", columns[0]);
    return 0;
  };
  const int result = sqlite3_exec(kept, "select distinct name from whose", print, nullptr, nullptr);
  if (CORPUS_FAULT == FAULT_none) {
    sqlite3_close(kept);
    kept = nullptr;
  }
  return result;
}
