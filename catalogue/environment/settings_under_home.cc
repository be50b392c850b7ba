#include <cstdlib>

#include "environment/home_of_caller.h"
#include "row.h"

BEHALF_ROW(R"(
title:  read $HOME/.config/app.conf
works:  none
hop:    environment
clock:  process
wrong:  the path is the service's, the thread is the user: the file is refused, and a program that takes that for "no
        settings" goes on with defaults
cure:   behalf::UserSettings::open_current_user, or behalf::known_folder
source: measured by this row
)")

static int print_settings_in(const std::string& home) {
  std::FILE* const file = std::fopen((home + "/.config/app.conf").c_str(), "re");
  if (file == nullptr) {
    std::printf("no settings: %s\n", std::strerror(errno));
    return 0;
  }
  char line[64] = {};
  if (std::fgets(line, sizeof line, file) != nullptr) std::printf("settings: %s", line);
  std::fclose(file);
  return 0;
}

extern "C" int operation() {
  const char* const home = std::getenv("HOME");
  return print_settings_in(home == nullptr ? "" : home);
}

extern "C" int cured() {
  return print_settings_in(behalf_row::home_of_caller());
}
