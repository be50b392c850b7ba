#include "behalf/dbus.h"

#include "behalf/error.h"
#include "behalf/thread.h"
#include "identity/errors.h"
#include "remote/current_cloak.h"
#include "remote/dbus/bus_connection.h"
#include "remote/dbus/wearing_proxy.h"

namespace behalf {

namespace detail {

// A proxy, and the connection that it stands on.
struct BusProxy {
  std::shared_ptr<BusConnection> connection;
  std::unique_ptr<WearingProxy> proxy;
};

}  // namespace detail

namespace {

using detail::BusConnection;
using detail::BusProxy;
using detail::WearingProxy;

// A handler that is the last to hold its proxy lets go of it in the connection's own thread, which cannot wait for its
// own end, and comes back to the proxy when the handler is done. So another thread ends both, as whom they belong to.
struct EndOfProxy {
  void operator()(BusProxy* ended) const noexcept {
    if (ended->connection == nullptr || !ended->connection->handles_here()) {
      delete ended;
      return;
    }
    try {
      thread([ended] { delete ended; }).detach();
    } catch (const std::exception&) {  // they stay: nobody waits for ever
    }
  }
};
using OwnProxy = std::unique_ptr<BusProxy, EndOfProxy>;

std::shared_ptr<BusConnection> open(const std::string& address) {
  try {
    return std::make_shared<BusConnection>(address);
  } catch (const sdbus::Error& error) {
    const Carried who;
    throw Error(Error::Reason::not_there,
                "behalf: connect to the bus at " + address + " as " +
                    (who.data() == nullptr ? "the process itself" : detail::describe(*who.data())) + ": " +
                    error.getMessage());
  }
}

}  // namespace

DBus::DBus(std::string address, const DBusOptions& options)
    : address_(std::move(address)),
      options_(options),
      connections_([this] { return open(address_); }, {.at_most = options.identities_at_most},
                   [](std::shared_ptr<BusConnection>& connection) { return connection->is_there(); }) {}

DBus::~DBus() = default;

std::shared_ptr<BusConnection> DBus::connection() {
  // What holds the connection is the cache's handle: with it the connection is closed as its identity.
  const auto kept = connections_.get();
  return {kept, kept->get()};
}

class DBusProxy::Core {
 public:
  Core(DBus& bus, std::string destination, std::string object_path, const Blanket& blanket)
      : bus_(bus),
        destination_(std::move(destination)),
        object_path_(std::move(object_path)),
        cloak_(blanket, Authentication::connection, Level::impersonation),
        proxies_([this] { return make(); }, {.at_most = bus.options_.identities_at_most},
                 [](OwnProxy& made) { return made->connection->is_there(); }) {}

  std::shared_ptr<sdbus::IProxy> get() {
    const Carried who = cloak_.get().presented();
    const auto kept = proxies_.get(who);
    return {kept, (*kept)->proxy.get()};
  }

  void set_blanket(const Blanket& blanket) { cloak_.set(blanket); }

 private:
  OwnProxy make() {
    OwnProxy made(new BusProxy);
    made->connection = bus_.connection();
    made->proxy = std::make_unique<WearingProxy>(
        sdbus::createProxy(made->connection->get(), destination_, object_path_), bus_.options_.on_refused);
    return made;
  }

  DBus& bus_;
  const std::string destination_;
  const std::string object_path_;
  detail::CurrentCloak cloak_;
  per_identity<OwnProxy> proxies_;
};

DBusProxy::DBusProxy(DBus& bus, std::string destination, std::string object_path, const Blanket& blanket)
    : core_(std::make_unique<Core>(bus, std::move(destination), std::move(object_path), blanket)) {}
DBusProxy::~DBusProxy() = default;

std::shared_ptr<sdbus::IProxy> DBusProxy::get() {
  return core_->get();
}
void DBusProxy::set_blanket(const Blanket& blanket) {
  core_->set_blanket(blanket);
}

}  // namespace behalf
