// UserSettings: what programs keep for a user, a hierarchy of keys with typed values, in her own home and as her.
//
//   behalf::Impersonation as{alice};
//   auto settings = behalf::UserSettings::open_current_user();                   // RegOpenCurrentUser
//   settings.set("editor/font", "Hack");
//   auto size = settings.get_or("editor/size", std::int64_t{11});
//   auto classes = behalf::UserSettings::open_classes(bob);                      // HKEY_CLASSES_ROOT: his over the
//   machine's
//
// There is no handle that is there from the beginning and means "the current user" of whoever used it first: each is
// opened, for whoever the thread wears or for the identity given, and stays that identity's. A thread that wears it
// uses it; for a thread that is the service it is worn for the call; a thread that wears anybody else is refused, as by
// bound<T>: what was kept by mistake shows nobody another's settings. Handles that are kept belong into a per_identity.
//
// The user's layer is the SQLite file ~/.config/APPLICATION/settings.sqlite; every look at it, its journal included, is
// the user's, beneath her home. The machine's layer is /etc/APPLICATION/settings.sqlite: it is replaced as a whole by
// who writes it, so that those who read it wait for nobody and keep nobody waiting.
//
// What the user made of her file is a matter of hers alone: where it is no such file (a link, a FIFO, somebody else's,
// no database, too large), is on a file system mounted beneath her home, or takes too long to read, she gets an error,
// and nobody else does.
//
// Needs SQLite: the target behalf::settings. Rests on: the XDG Base Directory Specification 0.8; SQLite's "Defense
// Against The Dark Arts"; openat2(2); F_OFD_SETLK of fcntl(2): POSIX locks are the process's, not the open file's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/place.h"

namespace behalf {

using SettingBytes = std::vector<std::byte>;
using SettingTexts = std::vector<std::string>;
using SettingValue = std::variant<bool, std::int64_t, double, std::string, SettingBytes, SettingTexts>;

struct SettingsOptions {
  // The folder below the user's config folder and the machine's, of one part.
  std::string application = "behalf";
  std::filesystem::path machine = "/etc";
  // For how long a call waits for another one's transaction; and how long it may take to find something.
  std::chrono::milliseconds waits{2000};
  std::chrono::milliseconds takes{5000};
  // A larger file is refused, and none grows beyond it.
  std::uint64_t largest = std::uint64_t{64} << 20U;
};

namespace detail {
struct OpenSettings;
struct WatchedSettings;
}  // namespace detail

// Tells when settings change, whoever changes them. Not thread-safe; it may be destroyed by anybody.
class SettingsWatch {
 public:
  SettingsWatch(SettingsWatch&&) noexcept;
  SettingsWatch& operator=(SettingsWatch&&) noexcept;
  SettingsWatch(const SettingsWatch&) = delete;
  SettingsWatch& operator=(const SettingsWatch&) = delete;
  ~SettingsWatch();

  // Readable (poll(2), an event loop of yours) when something may have changed, until changed() is called.
  [[nodiscard]] int descriptor() const noexcept;
  // The keys that are new, gone or have another value since the watch was made or this was last called; sorted. What
  // was changed back in between is not told. Errors: as of UserSettings::get(). Cost: as of UserSettings::all().
  [[nodiscard]] std::vector<std::string> changed();
  // Effects: waits until changed() has something to say, at most so long, and returns it.
  [[nodiscard]] std::vector<std::string> wait(std::chrono::milliseconds at_most);

 private:
  friend class UserSettings;
  explicit SettingsWatch(std::unique_ptr<detail::WatchedSettings> watched) noexcept;
  std::unique_ptr<detail::WatchedSettings> watched_;
};

class UserSettings {
 public:
  // The user's own layer, and nothing else: what RegOpenCurrentUser opens.
  //
  // Errors: as of known_folder(); std::invalid_argument for an application that is not one part of a path; what get()
  // throws, where there is a file already. None is made before something is set. Cost: some 30 system calls where there
  // is a file, and an Impersonation where the identity is not worn anyway.
  [[nodiscard]] static UserSettings open_current_user(const Carried& who = Carried(),
                                                      const SettingsOptions& options = {}, Place made = Place::here());
  // The user's entries over the machine's: HKEY_CLASSES_ROOT. What is written goes to the user's layer; what is removed
  // there lets the machine's be seen again.
  [[nodiscard]] static UserSettings open_classes(const Carried& who = Carried(), const SettingsOptions& options = {},
                                                 Place made = Place::here());
  // The machine's layer, as the service, whatever the thread wears: for who administers the machine.
  [[nodiscard]] static UserSettings open_machine(const SettingsOptions& options = {}, Place made = Place::here());

  UserSettings(UserSettings&&) noexcept;
  UserSettings& operator=(UserSettings&&) noexcept;
  UserSettings(const UserSettings&) = delete;
  UserSettings& operator=(const UserSettings&) = delete;
  // As its owner, whoever destroys it (abandoned() where that cannot be).
  ~UserSettings();

  // The identity it was opened for. Nothing else may be asked of one that was moved from.
  [[nodiscard]] const Carried& owner() const noexcept;

  // A key is a path of parts that are not empty, "editor/font", at most 1024 bytes in all; one may have a value and
  // keys beneath it.
  //
  // Errors of all that follow: Error of reason not_the_owner (the thread wears another user); not_usable (the file, or
  // where it is, is not as it must be); busy (somebody's transaction takes longer than one waits); not_permitted;
  // out_of_resources (disk, quota, `largest`); as of Impersonation; std::invalid_argument for what is no key.
  // Thread-safe: calls on one handle wait for each other, calls on different ones do not. Cost: 8 system calls to
  // read, 1 more for the machine's layer; an Impersonation where the service asks.
  [[nodiscard]] std::optional<SettingValue> get(std::string_view key) const;

  // The value, or what is given where there is none. Errors: Error of reason not_usable where it is of another type.
  template <class T>
  [[nodiscard]] T get_or(std::string_view key, T otherwise) const {
    std::optional<SettingValue> found = get(key);
    if (!found) return otherwise;
    if (T* const value = std::get_if<T>(&*found)) return std::move(*value);
    refuse_type(key, *found);
  }

  // The names that are directly beneath the key (of "editor": "font", "size"), sorted; "" is the top.
  [[nodiscard]] std::vector<std::string> children(std::string_view key = {}) const;
  // All that is at the key and beneath it, by the whole key.
  [[nodiscard]] std::map<std::string, SettingValue> all(std::string_view key = {}) const;

  // Effects: kept when it returns, also if the process or the machine ends then (transaction() for several). Text holds
  // no NUL. Errors: std::invalid_argument for text that does. Cost: some 30 system calls, 4 of
  // them fsync(2): none of those where the value is there already.
  void set(std::string_view key, const SettingValue& value);
  // Effects: the value goes, and with _tree also all that is beneath the key. Returns whether there was any.
  bool remove(std::string_view key);
  bool remove_tree(std::string_view key);

  // Effects: f() as the owner; what it reads is what was there when it began, and what it writes through this handle is
  // there for others all at once when it has returned, or not at all where it throws. In another one's it is a part
  // of that. Other transactions on the same settings wait meanwhile. Errors: what f throws.
  void transaction(const std::function<void()>& f);

  // Watches the key and all that is beneath it. Effects: the user's folder of settings is made. Errors: also
  // Error of reason out_of_resources (fs.inotify.max_user_instances, counted for the user).
  [[nodiscard]] SettingsWatch watch(std::string_view key = {}) const;

 private:
  explicit UserSettings(std::unique_ptr<detail::OpenSettings> open) noexcept;
  [[noreturn]] static void refuse_type(std::string_view key, const SettingValue& found);

  std::unique_ptr<detail::OpenSettings> open_;
};

}  // namespace behalf
