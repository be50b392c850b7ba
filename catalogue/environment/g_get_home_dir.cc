#include <glib.h>

#include "environment/home_of_caller.h"
#include "row.h"

BEHALF_ROW(R"(
title:  g_get_home_dir
works:  none
hop:    environment
clock:  process
wrong:  it, and all of GLib's user directories, come from $HOME, the service's, kept from the first call on; without
        $HOME the home of the first caller, for everybody
cure:   behalf::known_folder
needs:  glib-2.0
source: measured by this row
)")

extern "C" int operation() {
  std::printf("home is %s\n", g_get_home_dir());
  return 0;
}

extern "C" int cured() {
  std::printf("home is %s\n", behalf_row::home_of_caller().c_str());
  return 0;
}
