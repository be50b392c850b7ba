#include <gio/gio.h>
#define G_SETTINGS_ENABLE_BACKEND
#include <gio/gsettingsbackend.h>

#include <behalf/user_settings.h>
#include <pwd.h>

#include <cstdlib>
#include <fstream>

#include "row.h"

BEHALF_ROW(R"(
title:  GSettings, kept in a key file
works:  none
hop:    environment
clock:  process
wrong:  the file is below $HOME, the service's, and one backend with all values in memory serves the whole process: what a
        user sets is kept nowhere, and the next user reads it
cure:   behalf::UserSettings::open_current_user
needs:  gio-2.0 behalf::settings
source: g_keyfile_settings_backend_new, GIO's reference; measured by this row
)")

static const char* window_of_caller() {
  return geteuid() % 2 == 0 ? "wide" : "narrow";
}

static char schemas[] = "/tmp/schemas.XXXXXX";

// What a program's installation does: the schema is compiled, by a tool that lies with GLib's library.
extern "C" void before() {
  setenv("GSETTINGS_BACKEND", "keyfile", 1);
  if (mkdtemp(schemas) == nullptr || chmod(schemas, 0755) != 0) return;
  std::ofstream(std::string(schemas) + "/notes.gschema.xml")
      << "<schemalist><schema id='org.example.notes' path='/org/example/notes/'>"
         "<key name='window' type='s'><default>'as it was'</default></key></schema></schemalist>\n";
  const std::string compile = "PATH=$PATH:$(echo /usr/lib/*/glib-2.0) glib-compile-schemas ";
  if (std::system((compile + schemas).c_str()) != 0) std::abort();
}

extern "C" void before_cured() {}

// Opened when they are first asked for, and then the process's, as GApplication has them.
static GSettings* settings() {
  static GSettings* const opened = [] {
    GSettingsSchemaSource* const source = g_settings_schema_source_new_from_directory(schemas, nullptr, TRUE, nullptr);
    return g_settings_new_full(g_settings_schema_source_lookup(source, "org.example.notes", FALSE), nullptr, nullptr);
  }();
  return opened;
}

// Prints what the user's own file has afterwards: what his next program would read.
extern "C" int operation() {
  g_settings_set_string(settings(), "window", window_of_caller());
  g_settings_sync();
  const std::string path = std::string(getpwuid(geteuid())->pw_dir) + "/.config/glib-2.0/settings/keyfile";
  GKeyFile* const file = g_key_file_new();
  g_key_file_load_from_file(file, path.c_str(), G_KEY_FILE_NONE, nullptr);
  char* const kept = g_key_file_get_string(file, "org/example/notes", "window", nullptr);
  std::printf("the window is %s\n", kept == nullptr ? "not kept" : kept);
  g_free(kept);
  g_key_file_free(file);
  return 0;
}

extern "C" int cured() {
  auto user = behalf::UserSettings::open_current_user();
  user.set("window", window_of_caller());
  std::printf("the window is '%s'\n", user.get_or("window", std::string("as it was")).c_str());
  return 0;
}
