#include "remote/dbus/bus_connection.h"

namespace behalf::detail {

BusConnection::BusConnection(const std::string& address)
    : connection_(sdbus::createSessionBusConnectionWithAddress(address)), handles_(as_service, [this] {
        try {
          connection_->enterEventLoop();
        } catch (const sdbus::Error&) {  // the bus has hung up
        }
        over_ = true;
      }) {}

BusConnection::~BusConnection() {
  // Until it has: a loop that is left before it was entered does not know of it.
  while (!over_) {
    connection_->leaveEventLoop();
    std::this_thread::yield();
  }
  handles_.join();
}

}  // namespace behalf::detail
