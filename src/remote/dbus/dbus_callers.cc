#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "behalf/dbus.h"
#include "behalf/error.h"
#include "identity/accounts.h"

namespace behalf {

namespace {

constexpr const char* bus_itself = "org.freedesktop.DBus";

// The account's own group, where it is one of those; the kernel does not tell the bus which of them is the primary one.
gid_t primary_of(uid_t uid, const std::vector<gid_t>& groups, std::string& name) {
  try {
    const detail::Account account = detail::account_of(uid);
    name = account.name;
    if (std::find(groups.begin(), groups.end(), account.gid) != groups.end()) return account.gid;
  } catch (const Error& error) {
    if (error.reason() != Error::Reason::unknown_user) throw;
  }
  return groups.front();
}

// That the caller, or the service in the caller's name, may not.
bool is_refusal(const Error& error) {
  switch (error.reason()) {
    case Error::Reason::level_too_low:
    case Error::Reason::not_permitted:
    case Error::Reason::refused_by_fence:
    case Error::Reason::not_the_owner:
      return true;
    default:
      return false;
  }
}

}  // namespace

class DBusCallers::Core {
 public:
  Core(sdbus::IConnection& connection, const DBusCallersOptions& options)
      : options_(options), bus_(sdbus::createProxy(connection, bus_itself, "/org/freedesktop/DBus")) {}

  Sender sender(const std::string& name) {
    if (options_.granted == Level::anonymous) return Sender();
    {
      const std::lock_guard lock(mutex_);
      if (const auto known = known_.find(name); known != known_.end()) return known->second;
    }
    const Sender found{ask(name).with_level(options_.granted, raise_level)};
    const std::lock_guard lock(mutex_);
    // A bus gives a name once; which of them are used no more is not known here.
    if (known_.size() >= options_.remembered_at_most) known_.clear();
    known_.emplace(name, found);
    return found;
  }

  const DBusCallersOptions& options() const noexcept { return options_; }

 private:
  Token ask(const std::string& name) {
    if (is_impersonating()) {
      throw Error(Error::Reason::inside_impersonation,
                  "behalf: learn who " + name +
                      " on the bus is: the thread is impersonating. Ask before, or inside "
                      "AsService");
    }
    std::map<std::string, sdbus::Variant> credentials;
    try {
      bus_->callMethod("GetConnectionCredentials")
          .onInterface(bus_itself)
          .withArguments(name)
          .storeResultsTo(credentials);
    } catch (const sdbus::Error& error) {
      throw Error(Error::Reason::not_there, "behalf: learn who " + name + " on the bus is: " + error.getMessage());
    }
    const auto uid = credentials.find("UnixUserID");
    const auto list = credentials.find("UnixGroupIDs");
    if (uid == credentials.end() || !uid->second.containsValueOfType<std::uint32_t>()) {
      throw Error(Error::Reason::not_there,
                  "behalf: learn who " + name + " on the bus is: the bus does not know the sender's uid");
    }
    if (list == credentials.end() || !list->second.containsValueOfType<std::vector<std::uint32_t>>()) {
      throw Error(Error::Reason::incomplete_groups,
                  "behalf: learn who " + name +
                      " on the bus is: the bus does not tell the sender's groups (dbus 1.14 "
                      "does). Nobody is impersonated with a part of the groups");
    }
    const auto groups = list->second.get<std::vector<std::uint32_t>>();
    if (groups.empty()) {
      throw Error(Error::Reason::incomplete_groups,
                  "behalf: learn who " + name + " on the bus is: the bus tells no group at all");
    }
    std::string account;
    const uid_t id = uid->second.get<std::uint32_t>();
    const gid_t primary = primary_of(id, groups, account);
    return Token::from_ids(id, primary, groups, account);
  }

  const DBusCallersOptions options_;
  const std::unique_ptr<sdbus::IProxy> bus_;
  std::mutex mutex_;
  std::map<std::string, Sender> known_;
};

DBusCallers::DBusCallers(sdbus::IConnection& connection, const DBusCallersOptions& options)
    : core_(std::make_unique<Core>(connection, options)) {}
DBusCallers::~DBusCallers() = default;

Sender DBusCallers::sender(const sdbus::Message& message) {
  return core_->sender(message.getSender());
}

CallContext DBusCallers::context(const sdbus::IObject& object) {
  const sdbus::Message* const message = object.getCurrentlyProcessedMessage();
  try {
    if (message == nullptr) throw Error(Error::Reason::not_there, "behalf: the object handles no message just now");
    return CallContext(sender(*message));
  } catch (const Error& error) {
    if (core_->options().on_refused != nullptr) core_->options().on_refused(error.what());
    throw sdbus::Error("org.freedesktop.DBus.Error.AccessDenied", error.what());
  }
}

void DBusCallers::answer(const sdbus::IObject& object, const Error& error) const {
  const sdbus::Message* const message = object.getCurrentlyProcessedMessage();
  if (core_->options().on_refused != nullptr && message != nullptr && is_refusal(error)) {
    const std::string words = "behalf: a call from " + message->getSender() + " is refused: " + error.what();
    core_->options().on_refused(words);
  }
  throw sdbus::Error("org.freedesktop.DBus.Error.Failed", error.what());
}

}  // namespace behalf
