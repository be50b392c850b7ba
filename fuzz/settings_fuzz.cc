// A user's file of settings, and the journal beside it: an error, or settings; nothing else, and in time.
//
// The input: the size of the journal in two bytes, the journal, the file.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "behalf/error.h"
#include "state/settings/store.h"

namespace {

namespace fs = std::filesystem;
using behalf::detail::Layer;
using behalf::detail::Store;

// In memory: the store waits for the disk at each transaction.
const fs::path& home() {
  static const fs::path made = [] {
    char name[] = "/dev/shm/behalf-settings-fuzz-XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    fs::create_directory(fs::path(name) / "app");
    return fs::path(name);
  }();
  static const struct Cleaner {
    ~Cleaner() { fs::remove_all(made); }
  } at_the_end;
  return made;
}

void put(const fs::path& file, const std::uint8_t* data, std::size_t size) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  ::close(fd);
}

template <class F>
void may_fail(const F& f) {
  try {
    f();
  } catch (const behalf::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t journal = std::min<std::size_t>(data[0] + 256U * data[1], size - 2);
  const fs::path file = home() / "app/settings.sqlite";
  put(file.string() + "-journal", data + 2, journal);
  put(file, data + 2 + journal, size - 2 - journal);
  behalf::SettingsOptions options;
  options.takes = std::chrono::milliseconds(500);
  options.waits = std::chrono::milliseconds(10);
  for (const bool machine : {true, false}) {
    Store store(Layer{home(), "", "app", ::geteuid(), machine, 1U << 20U}, options);
    may_fail([&] {
      std::map<std::string, behalf::SettingValue> all;
      store.add_all("", all);
    });
    may_fail([&] {
      std::set<std::string> names;
      store.add_children("", names);
      store.add_children("a", names);
    });
    may_fail([&] { (void)store.get("a/b"); });
    if (machine) continue;
    may_fail([&] { store.set("a/b", std::string(3000, 'x')); });
    may_fail([&] { (void)store.remove("a", true); });
  }
  return 0;
}
