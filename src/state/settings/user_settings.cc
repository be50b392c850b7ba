#include "behalf/user_settings.h"

#include <set>
#include <stdexcept>

#include "state/settings/open_settings.h"
#include "state/settings/value.h"
#include "state/settings/watch.h"

namespace behalf {

namespace {

constexpr std::size_t longest_key = 1024;
// 0xFF is in no UTF-8, and is where a range of keys ends.
constexpr std::string_view in_no_key("\0\xFF", 2);

void check_key(std::string_view key) {
  const bool parted =
      !key.empty() && key.front() != '/' && key.back() != '/' && key.find("//") == std::string_view::npos;
  if (parted && key.size() <= longest_key && key.find_first_of(in_no_key) == std::string_view::npos) return;
  throw std::invalid_argument("behalf: settings: '" + std::string(key.substr(0, longest_key)) +
                              "' is no key: one is a path of parts, 'editor/font', of at most " +
                              std::to_string(longest_key) + " bytes");
}

void check_key_or_top(std::string_view key) {
  if (!key.empty()) check_key(key);
}

}  // namespace

UserSettings UserSettings::open_current_user(const Carried& who, const SettingsOptions& options, Place made) {
  return UserSettings(std::make_unique<detail::OpenSettings>(who, detail::Layers::user, options, made));
}
UserSettings UserSettings::open_classes(const Carried& who, const SettingsOptions& options, Place made) {
  return UserSettings(std::make_unique<detail::OpenSettings>(who, detail::Layers::classes, options, made));
}
UserSettings UserSettings::open_machine(const SettingsOptions& options, Place made) {
  return UserSettings(
      std::make_unique<detail::OpenSettings>(Carried(as_service), detail::Layers::machine, options, made));
}

UserSettings::UserSettings(std::unique_ptr<detail::OpenSettings> open) noexcept : open_(std::move(open)) {}
UserSettings::UserSettings(UserSettings&&) noexcept = default;
UserSettings& UserSettings::operator=(UserSettings&& other) noexcept {
  if (this != &other) detail::end_settings(std::exchange(open_, std::move(other.open_)));
  return *this;
}
UserSettings::~UserSettings() {
  detail::end_settings(std::move(open_));
}

const Carried& UserSettings::owner() const noexcept {
  return open_->owner;
}

std::optional<SettingValue> UserSettings::get(std::string_view key) const {
  check_key(key);
  std::optional<SettingValue> found;
  open_->as_owner([&] {
    if (open_->user) found = open_->user->get(key);
    if (!found && open_->machine) found = (open_->copy != nullptr ? open_->copy : open_->machine.get())->get(key);
  });
  return found;
}

std::vector<std::string> UserSettings::children(std::string_view key) const {
  check_key_or_top(key);
  std::set<std::string> names;
  open_->as_owner([&] {
    if (open_->user) open_->user->add_children(key, names);
    if (open_->machine) (open_->copy != nullptr ? open_->copy : open_->machine.get())->add_children(key, names);
  });
  return {names.begin(), names.end()};
}

std::map<std::string, SettingValue> UserSettings::all(std::string_view key) const {
  check_key_or_top(key);
  std::map<std::string, SettingValue> found;
  open_->as_owner([&] { open_->add_all(key, found); });
  return found;
}

void UserSettings::set(std::string_view key, const SettingValue& value) {
  check_key(key);
  detail::check_value(value);
  open_->as_owner([&] { open_->write([&](detail::Store& store) { store.set(key, value); }); });
}

bool UserSettings::remove(std::string_view key) {
  check_key(key);
  bool removed = false;
  open_->as_owner([&] { open_->write([&](detail::Store& store) { removed = store.remove(key, false); }); });
  return removed;
}

bool UserSettings::remove_tree(std::string_view key) {
  check_key_or_top(key);
  bool removed = false;
  open_->as_owner([&] { open_->write([&](detail::Store& store) { removed = store.remove(key, true); }); });
  return removed;
}

void UserSettings::transaction(const std::function<void()>& f) {
  open_->as_owner([&] { open_->write([&](detail::Store& store) { store.transaction(f); }); });
}

SettingsWatch UserSettings::watch(std::string_view key) const {
  check_key_or_top(key);
  auto settings = std::make_unique<detail::OpenSettings>(open_->owner, open_->layers, open_->options, open_->made);
  return SettingsWatch(detail::watch_settings(std::move(settings), std::string(key)));
}

void UserSettings::refuse_type(std::string_view key, const SettingValue& found) {
  throw Error(Error::Reason::not_usable, "behalf: settings: " + std::string(key) + " is " + detail::type_name(found) +
                                             ", and another type was asked for: get() takes any");
}

}  // namespace behalf
