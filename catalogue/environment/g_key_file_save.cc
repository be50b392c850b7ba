#include <glib.h>

#include "environment/home_of_caller.h"
#include "row.h"

BEHALF_ROW(R"(
title:  GKeyFile, settings saved below g_get_user_config_dir
works:  none
hop:    environment
clock:  process
wrong:  the folder comes from $HOME, the service's, and is kept from the first call on: the user's settings are refused a
        place, or written among the service's
cure:   behalf::known_folder
needs:  glib-2.0
source: g_get_user_config_dir, GLib's reference
)")

static int save_below(const std::string& folder) {
  GKeyFile* const settings = g_key_file_new();
  g_key_file_set_string(settings, "window", "title", "notes");
  GError* error = nullptr;
  const bool saved = g_key_file_save_to_file(settings, (folder + "/notes.ini").c_str(), &error);
  std::puts(saved ? "saved" : error->message);
  g_clear_error(&error);
  g_key_file_free(settings);
  return saved ? 0 : 1;
}

extern "C" int operation() {
  return save_below(g_get_user_config_dir());
}

extern "C" int cured() {
  return save_below(behalf_row::home_of_caller() + "/.config");
}
