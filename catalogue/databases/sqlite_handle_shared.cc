#include <behalf/per_identity.h>
#include <sqlite3.h>

#include <mutex>

#include "row.h"

BEHALF_ROW(R"(
title:  SQLite, a handle kept from call to call
works:  none
hop:    descriptor
clock:  open
wrong:  the handle reads the file that its first caller could open, whoever asks: her rows are shown to others, who could
        not open it
cure:   a handle for each identity, opened as that identity: behalf::per_identity<T>
needs:  sqlite3
source: sqlite3_open(3)
)")

static std::mutex database_in_use;

// The caller's own database, which nobody else may open, with her uid in it.
static sqlite3* open_database() {
  const std::string uid = std::to_string(geteuid()), path = "/srv/inbox/" + uid + ".db";
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  const std::string fill =
      "CREATE TABLE IF NOT EXISTS notes(owner TEXT UNIQUE); INSERT OR IGNORE INTO notes VALUES('" + uid + "')";
  sqlite3_exec(database, fill.c_str(), nullptr, nullptr, nullptr);
  chmod(path.c_str(), 0600);
  return database;
}

static int print_owner(sqlite3* database) {
  const auto print = [](void*, int, char** values, char**) {
    return std::printf("the notes of %s\n", values[0]) < 0 ? 1 : 0;
  };
  return sqlite3_exec(database, "SELECT owner FROM notes", print, nullptr, nullptr);
}

extern "C" int operation() {
  const std::lock_guard lock(database_in_use);
  static sqlite3* const database = open_database();
  return print_owner(database);
}

extern "C" int cured() {
  static behalf::per_identity<sqlite3*> databases(open_database);
  return print_owner(*databases.get());
}
