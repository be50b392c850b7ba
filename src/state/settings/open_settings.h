// What a UserSettings holds: whose it is, and the layers that it looks into.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "behalf/carried.h"
#include "behalf/place.h"
#include "behalf/user_settings.h"
#include "state/settings/store.h"

namespace behalf::detail {

enum class Layers { user, classes, machine };

struct OpenSettings {
  OpenSettings(const Carried& who, Layers which, const SettingsOptions& with, Place where);

  // f() as the owner, with the handle to itself; refused where the thread wears another user.
  void as_owner(const std::function<void()>& f);

  // The rest: within as_owner().
  void add_all(std::string_view key, std::map<std::string, SettingValue>& found);
  void write(const std::function<void(Store&)>& f);

  const Carried owner;
  const Layers layers;
  const SettingsOptions options;
  const Place made;
  std::unique_ptr<Store> user;
  std::unique_ptr<Store> machine;
  Store* copy = nullptr;  // of the machine's, while it is being written

 private:
  std::mutex mutex_;
  // Who has it. A recursive mutex knows threads by what is another one's in the child of a fork(2), which would wait
  // for itself.
  std::atomic<std::thread::id> by_{};
};

// Ends it as its owner.
void end_settings(std::unique_ptr<OpenSettings> settings) noexcept;

}  // namespace behalf::detail
