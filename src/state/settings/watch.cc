#include "state/settings/watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <vector>

#include "behalf/user_settings.h"
#include "state/settings/failure.h"
#include "transfer/later.h"

namespace behalf {

namespace detail {

namespace {

constexpr std::uint32_t goes = IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t changes = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | goes | IN_ONLYDIR;

// The layer's folder, and those that it is in.
std::vector<std::string> folders_of(const Layer& layer) {
  std::vector<std::string> folders = {layer.root + '/' + layer.folder()};
  if (!layer.config.empty()) folders.push_back(layer.root + '/' + layer.config);
  folders.push_back(layer.root);
  return folders;
}

// Whether another takes its place, or that of a link to it, which tells nothing to what is in it.
void look_whether_it_goes(const std::string& folder, int events) {
  (void)::inotify_add_watch(events, folder.c_str(), goes | IN_DONT_FOLLOW);
  (void)::inotify_add_watch(events, folder.c_str(), goes);
}

// The layer's folder, or, where it is not there, the nearest above it, in which it will be made. To add what is looked
// at already changes nothing.
void look_at(const Layer& layer, int events) {
  const std::vector<std::string> folders = folders_of(layer);
  // From above: what is put in a place meanwhile is told of there, or is what is looked at next.
  for (auto each = folders.rbegin(); each != folders.rend(); ++each) look_whether_it_goes(*each, events);
  std::size_t first_watched = folders.size();
  for (std::size_t i = 0; i < first_watched; ++i) {
    if (::inotify_add_watch(events, folders.at(i).c_str(), changes) >= 0) {
      first_watched = i;
      // What is below it may have been made before it was looked at.
      if (i > 0) i = static_cast<std::size_t>(-1);
    } else if (errno == ENOSPC || errno == ENOMEM) {
      throw folder_failure(layer, errno);
    }
  }
}

void look_at_all(const OpenSettings& settings, int events) {
  for (const Store* const store : {settings.user.get(), settings.machine.get()}) {
    if (store != nullptr) look_at(store->layer(), events);
  }
}

void take_events(int events) {
  alignas(inotify_event) std::array<char, 16 * (sizeof(inotify_event) + NAME_MAX + 1)> taken{};
  while (::read(events, taken.data(), taken.size()) > 0) {
  }
}

std::vector<std::string> differences(const std::map<std::string, SettingValue>& before,
                                     const std::map<std::string, SettingValue>& now) {
  std::vector<std::string> keys;
  auto was = before.begin();
  auto is = now.begin();
  while (was != before.end() || is != now.end()) {
    if (is == now.end() || (was != before.end() && was->first < is->first)) {
      keys.push_back((was++)->first);
    } else if (was == before.end() || is->first < was->first) {
      keys.push_back((is++)->first);
    } else {
      if (was->second != is->second) keys.push_back(is->first);
      ++was;
      ++is;
    }
  }
  return keys;
}

}  // namespace

std::unique_ptr<WatchedSettings> watch_settings(std::unique_ptr<OpenSettings> settings, std::string key) {
  auto watched = std::make_unique<WatchedSettings>();
  watched->settings = std::move(settings);
  watched->key = std::move(key);
  OpenSettings& open = *watched->settings;
  open.as_owner([&] {
    if (open.user) (void)open_folder(open.user->layer(), true);
    watched->events = Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    const Store& any = open.user ? *open.user : *open.machine;
    if (!watched->events) throw folder_failure(any.layer(), errno);
    look_at_all(open, watched->events.get());
    open.add_all(watched->key, watched->last);
  });
  return watched;
}

}  // namespace detail

SettingsWatch::SettingsWatch(std::unique_ptr<detail::WatchedSettings> watched) noexcept
    : watched_(std::move(watched)) {}
SettingsWatch::SettingsWatch(SettingsWatch&&) noexcept = default;
SettingsWatch& SettingsWatch::operator=(SettingsWatch&&) noexcept = default;
SettingsWatch::~SettingsWatch() = default;

int SettingsWatch::descriptor() const noexcept {
  return watched_->events.get();
}

std::vector<std::string> SettingsWatch::changed() {
  std::map<std::string, SettingValue> now;
  watched_->settings->as_owner([&] {
    // In this order: what changes meanwhile makes the descriptor readable again.
    detail::take_events(watched_->events.get());
    detail::look_at_all(*watched_->settings, watched_->events.get());
    watched_->settings->add_all(watched_->key, now);
  });
  std::vector<std::string> keys = detail::differences(watched_->last, now);
  watched_->last = std::move(now);
  return keys;
}

std::vector<std::string> SettingsWatch::wait(std::chrono::milliseconds at_most) {
  const auto until = detail::from_now(at_most);
  for (;;) {
    std::vector<std::string> keys = changed();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (!keys.empty() || left.count() <= 0) return keys;
    pollfd readable = {descriptor(), POLLIN, 0};
    ::poll(&readable, 1, static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), INT_MAX)));
  }
}

}  // namespace behalf
