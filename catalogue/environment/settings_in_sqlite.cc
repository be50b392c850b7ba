#include <behalf/user_settings.h>
#include <sqlite3.h>

#include <cstdlib>

#include "row.h"

BEHALF_ROW(R"(
title:  settings in SQLite, below $HOME/.config
works:  none
hop:    environment
clock:  process
wrong:  the path is the service's, the thread is the user: the database is refused, or the settings of all users are
        written to one file of the service's
cure:   behalf::UserSettings::open_current_user
needs:  sqlite3 behalf::settings
source: measured by this row
)")

static const char* window_of_caller() {
  return geteuid() % 2 == 0 ? "wide" : "narrow";
}

extern "C" int operation() {
  const char* const home = std::getenv("HOME");
  const std::string path = std::string(home == nullptr ? "" : home) + "/.config/app.sqlite";
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  const std::string set =
      "CREATE TABLE IF NOT EXISTS settings(key TEXT PRIMARY KEY, value TEXT);"
      "INSERT OR REPLACE INTO settings VALUES('window', '" +
      std::string(window_of_caller()) + "')";
  if (sqlite3_exec(database, set.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    std::printf("the window is %s\n", window_of_caller());
  } else {
    std::printf("no settings: %s\n", sqlite3_errmsg(database));
  }
  sqlite3_close(database);
  return 0;
}

extern "C" int cured() {
  auto settings = behalf::UserSettings::open_current_user();
  settings.set("window", window_of_caller());
  std::printf("the window is %s\n", settings.get_or("window", std::string("as it was")).c_str());
  return 0;
}
