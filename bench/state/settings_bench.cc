// What it costs to ask where a user's folders are and what her settings say: known_folder beside GLib's functions,
// which answer from a cache of the process's and so for one user only; UserSettings beside GSettings, whose back end
// for key files has read all of them before, as whoever asked first, and beside a prepared statement of SQLite's own on
// the same file. Interleaved, as root, in a mount namespace of its own in which there is alice; the time is a
// processor's:
//
//   behalf_bench_settings        runs everything and prints the ratios
#include <benchmark/benchmark.h>
#define G_SETTINGS_ENABLE_BACKEND
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gsettingsbackend.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/known_folder.h"
#include "behalf/user_settings.h"
#include "comparison.h"

namespace {

constexpr uid_t alice_id = 3001;
constexpr const char* home = "/home/alice";
constexpr const char* schema =
    "<schemalist><schema id='behalf.bench' path='/editor/'><key name='font' type='s'><default>''</default></key>"
    "</schema></schemalist>";

void must(bool holds, const char* what) {
  if (holds) return;
  std::perror(what);
  std::exit(69);
}

// With which all this goes when the process ends.
void make_alice() {
  must(::unshare(CLONE_NEWNS) == 0, "unshare");
  must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount /");
  must(::mount("none", "/home", "tmpfs", 0, "mode=0755") == 0, "mount /home");
  std::ofstream("/home/passwd") << "root:x:0:0::/root:/bin/sh\nalice:x:3001:3001::/home/alice:/bin/sh\n";
  must(::mount("/home/passwd", "/etc/passwd", nullptr, MS_BIND, nullptr) == 0, "mount /etc/passwd");
  must(::mkdir(home, 0700) == 0 && ::chown(home, alice_id, alice_id) == 0, "mkdir");
}

std::optional<behalf::Token> alice;

void known_folder(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(behalf::known_folder(behalf::Folder::config, *alice));
}

void config_dir_of_glib(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(g_get_user_config_dir());
}

void read_as(benchmark::State& state, bool worn) {
  std::thread([&] {
    std::optional<behalf::Impersonation> as;
    if (worn) as.emplace(*alice);
    const auto settings = behalf::UserSettings::open_current_user(*alice);
    for (auto _ : state) {
      if (settings.get_or("editor/font", std::string{}) != "Hack") return state.SkipWithError("another value");
    }
  }).join();
}

void read_gsettings(benchmark::State& state) {
  GSettingsBackend* const files = g_keyfile_settings_backend_new("/home/keyfile", "/", nullptr);
  GSettings* const settings = g_settings_new_with_backend("behalf.bench", files);
  for (auto _ : state) {
    gchar* const font = g_settings_get_string(settings, "font");
    if (std::string_view(font) != "Hack") state.SkipWithError("another value");
    g_free(font);
  }
  g_object_unref(settings);
  g_object_unref(files);
}

void read_sqlite(benchmark::State& state) {
  sqlite3* file = nullptr;
  sqlite3_stmt* statement = nullptr;
  const std::string path = std::string{home} + "/.config/behalf/settings.sqlite";
  bool right = sqlite3_open_v2(path.c_str(), &file, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
               sqlite3_prepare_v2(file, "SELECT kind, value FROM settings WHERE path = 'editor/font'", -1, &statement,
                                  nullptr) == SQLITE_OK;
  for (auto _ : state) {
    right = right && sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 1) > 0 &&
            sqlite3_reset(statement) == SQLITE_OK;
    if (!right) return state.SkipWithError("it could not be read");
  }
  sqlite3_finalize(statement);
  sqlite3_close(file);
}

class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override { medians_[run.run_name.function_name] = run.GetAdjustedCPUTime(); }

  void Finalize() override {
    std::printf("\nthe time of one, by the median; as many times that of the other\n");
    against("known_folder", {"g_get_user_config_dir"});
    against("UserSettings/worn", {"SQLite", "GSettings"});
    against("UserSettings/service", {"SQLite", "GSettings"});
  }

 private:
  void against(const std::string& ours, const std::vector<std::string>& others) {
    std::printf("%-24s %7.0f ns", ours.c_str(), medians_[ours]);
    for (const std::string& other : others)
      std::printf("   %7.2f of %s", medians_[ours] / medians_[other], other.c_str());
    std::printf("\n");
  }

  std::map<std::string, double> medians_;
};

BENCHMARK(known_folder);
BENCHMARK(config_dir_of_glib)->Name("g_get_user_config_dir");
BENCHMARK_CAPTURE(read_as, worn, true)->Name("UserSettings/worn")->MeasureProcessCPUTime();
BENCHMARK_CAPTURE(read_as, service, false)->Name("UserSettings/service")->MeasureProcessCPUTime();
BENCHMARK(read_gsettings)->Name("GSettings");
BENCHMARK(read_sqlite)->Name("SQLite");

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv);

  make_alice();
  std::ofstream("/home/behalf.gschema.xml") << schema;
  std::ofstream("/home/keyfile") << "[editor]\nfont='Hack'\n";
  must(std::system("glib-compile-schemas /home") == 0, "glib-compile-schemas");
  ::setenv("GSETTINGS_SCHEMA_DIR", "/home", 1);
  try {
    behalf::initialize({});
    alice = behalf::Token::for_user("alice");
    behalf::UserSettings::open_current_user(*alice).set("editor/font", "Hack");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  arguments.initialize();
  Ratios reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
