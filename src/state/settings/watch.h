// What a SettingsWatch holds: the folders looked at by inotify(7), and what was there last.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "behalf/descriptor.h"
#include "state/settings/open_settings.h"

namespace behalf::detail {

struct WatchedSettings {
  std::unique_ptr<OpenSettings> settings;
  std::string key;
  Descriptor events;
  std::map<std::string, SettingValue> last;

  ~WatchedSettings() { end_settings(std::move(settings)); }
};

std::unique_ptr<WatchedSettings> watch_settings(std::unique_ptr<OpenSettings> settings, std::string key);

}  // namespace behalf::detail
