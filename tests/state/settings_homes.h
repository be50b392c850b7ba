// Alice and bob with accounts and homes of their own, and a machine's folder, below /tmp. For a process of its own.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "behalf/user_settings.h"
#include "own_accounts.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {

class Homes {
 public:
  Homes() {
    char name[] = "/tmp/behalf-settings-XXXXXX";
    must(::mkdtemp(name) != nullptr, "mkdtemp");
    path_ = name;
    ::chmod(name, 0755);
    own_accounts("root:x:0:0::/root:/bin/sh\nalice:x:3001:3001::" + alice().string() +
                     ":/bin/sh\nbob:x:3002:3002::" + bob().string() + ":/bin/sh\n",
                 "alice:x:3001:\nbob:x:3002:\n");
    std::filesystem::create_directory(machine());
    make(alice(), alice_id);
    make(bob(), bob_id);
  }
  ~Homes() { std::filesystem::remove_all(path_); }
  Homes(const Homes&) = delete;
  Homes& operator=(const Homes&) = delete;

  [[nodiscard]] std::filesystem::path alice() const { return path_ / "alice"; }
  [[nodiscard]] std::filesystem::path bob() const { return path_ / "bob"; }
  [[nodiscard]] std::filesystem::path machine() const { return path_ / "etc"; }
  [[nodiscard]] std::filesystem::path folder_of_alice() const { return alice() / ".config" / "app"; }

  [[nodiscard]] SettingsOptions options() const {
    SettingsOptions options;
    options.application = "app";
    options.machine = machine();
    options.waits = std::chrono::milliseconds(200);
    return options;
  }

  static void make(const std::filesystem::path& folder, uid_t owner) {
    must(::mkdir(folder.c_str(), 0700) == 0, "mkdir " + folder.string());
    must(::chown(folder.c_str(), owner, owner) == 0, "chown");
  }
  static void make_folders_of(const std::filesystem::path& home, uid_t owner) {
    make(home / ".config", owner);
    make(home / ".config" / "app", owner);
  }

 private:
  std::filesystem::path path_;
};

inline std::int64_t number(const UserSettings& settings, const char* key) {
  return settings.get_or(key, std::int64_t{-1});
}

}  // namespace behalf::testing
