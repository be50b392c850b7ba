#include "state/settings/open_settings.h"

#include <unistd.h>

#include <stdexcept>

#include "behalf/bound.h"
#include "state/person.h"
#include "state/settings/machine_writer.h"
#include "transfer/whoever.h"

namespace behalf::detail {

namespace {

void check_application(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    throw std::invalid_argument("behalf: settings: the application '" + name + "' is no name of a folder");
  }
}

std::unique_ptr<Store> store_of_user(const Carried& who, const SettingsOptions& options) {
  const Account person = person_of(who);
  return std::make_unique<Store>(Layer{person.home, ".config", options.application, person.uid, false, options.largest},
                                 options);
}

std::unique_ptr<Store> store_of_machine(const SettingsOptions& options) {
  const Carried service(as_service);
  const uid_t owner = service.data() != nullptr ? Token(service.data()).uid() : ::geteuid();
  return std::make_unique<Store>(Layer{options.machine, "", options.application, owner, true, options.largest},
                                 options);
}

}  // namespace

OpenSettings::OpenSettings(const Carried& who, Layers which, const SettingsOptions& with, Place where)
    : owner(who), layers(which), options(with), made(where) {
  check_application(options.application);
  if (layers != Layers::machine) user = store_of_user(owner, options);
  if (layers != Layers::user) machine = store_of_machine(options);
  run_as_whoever(owner, [&] {
    if (user) user->look();
    if (machine) machine->look();
  });
}

void OpenSettings::as_owner(const std::function<void()>& f) {
  const Carried now;
  // The lock is taken by the thread that does the work: for the main thread that may be another one.
  const auto alone = [&] {
    const auto me = std::this_thread::get_id();
    if (by_ == me) return f();  // in a transaction
    const std::lock_guard lock(mutex_);
    struct Using {
      ~Using() { by = std::thread::id{}; }
      std::atomic<std::thread::id>& by;
    };
    const Using until_the_end{by_};
    by_ = me;
    f();
  };
  if (now == owner) return alone();
  if (!(now == Carried(as_service))) refuse_stranger(owner, now, made);
  run_as_whoever(owner, alone);
}

void OpenSettings::add_all(std::string_view key, std::map<std::string, SettingValue>& found) {
  if (machine) (copy != nullptr ? *copy : *machine).add_all(key, found);
  if (user) user->add_all(key, found);
}

void OpenSettings::write(const std::function<void(Store&)>& f) {
  if (user) return f(*user);
  if (copy != nullptr) return f(*copy);
  struct Copying {
    ~Copying() { copy = nullptr; }
    Store*& copy;
  };
  rewrite_machine(machine->layer(), options, [&](Store& writable) {
    const Copying until_the_end{copy};
    copy = &writable;
    f(writable);
  });
}

void end_settings(std::unique_ptr<OpenSettings> settings) noexcept {
  if (settings == nullptr) return;
  const Carried owner = settings->owner;
  destroy_as(
      owner, [](void* it) noexcept { delete static_cast<OpenSettings*>(it); }, settings.release());
}

}  // namespace behalf::detail
