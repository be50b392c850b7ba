#include <behalf/default_application.h>
#include <gio/gio.h>

#include <filesystem>
#include <fstream>

#include "row.h"

BEHALF_ROW(R"(
title:  g_app_info_get_default_for_type
works:  none
hop:    environment
clock:  process
wrong:  GIO looks into the folders of $HOME, the service's, which it keeps from the first call on, with all that it read
        there: the user is told the service's program
cure:   behalf::default_application
needs:  gio-2.0
source: g_app_info_get_default_for_type, GIO's reference
)")

// Each user's own program for her notes; a process that is one of them can say it for herself alone.
static void choose_programs() {
  namespace fs = std::filesystem;
  for (const std::string user : {"alice", "bob"}) {
    const fs::path home = "/home/" + user, entries = home / ".local/share/applications";
    std::error_code ignored;
    fs::create_directories(entries, ignored);
    fs::create_directories(home / ".config", ignored);
    std::ofstream(entries / (user + ".desktop"))
        << "[Desktop Entry]\nType=Application\nName=" + user + "\nExec=/bin/sh\n";
    std::ofstream(home / ".config/mimeapps.list") << "[Default Applications]\ntext/x-note=" + user + ".desktop\n";
  }
}
extern "C" void before() {
  choose_programs();
  // GLib's worker thread watches the folders, and would be the first caller for ever: another row's matter
  // (warmed).
  GFile* const folder = g_file_new_for_path("/");
  GFileMonitor* const watch = g_file_monitor_directory(folder, G_FILE_MONITOR_NONE, nullptr, nullptr);
  g_object_unref(watch);
  g_object_unref(folder);
}
extern "C" void before_cured() {
  choose_programs();
}

extern "C" int operation() {
  GAppInfo* const program = g_app_info_get_default_for_type("text/x-note", FALSE);
  std::printf("notes are opened by %s\n", program == nullptr ? "nothing" : g_app_info_get_id(program));
  if (program != nullptr) g_object_unref(program);
  return 0;
}

extern "C" int cured() {
  const auto program = behalf::default_application("text/x-note");
  std::printf("notes are opened by %s\n", program ? program->id.c_str() : "nothing");
  return 0;
}
