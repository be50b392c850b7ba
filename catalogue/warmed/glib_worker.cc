#include <behalf/warm_up.h>
#include <gio/gio.h>

#include "row.h"

BEHALF_ROW(R"(
title:  g_file_monitor_directory, the first of the process
works:  none
hop:    thread
clock:  creator
wrong:  GLib starts its one thread for files, children and signals with the first that is watched: it stays the first
        user, for everybody and for as long as the process lives
cure:   behalf::warm_up() at start-up, so that it is the service
needs:  gio-2.0
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

extern "C" int operation() {
  GFile* const folder = g_file_new_for_path("/srv/inbox");
  GError* error = nullptr;
  GFileMonitor* const watch = g_file_monitor_directory(folder, G_FILE_MONITOR_NONE, nullptr, &error);
  g_object_unref(folder);
  if (watch == nullptr) {
    std::printf("not watched: %s\n", error->message);
    g_error_free(error);
    return 1;
  }
  std::printf("watched\n");
  g_file_monitor_cancel(watch);
  g_object_unref(watch);
  return 0;
}

extern "C" void before_cured() {
  behalf::warm_up();
}

extern "C" int cured() {
  return operation();
}
