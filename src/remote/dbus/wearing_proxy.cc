#include "remote/dbus/wearing_proxy.h"

#include <exception>
#include <functional>
#include <utility>

#include "behalf/bind.h"

namespace behalf::detail {

namespace {

// handle(), which wears an identity and sets `worn` as soon as it does. No exception of ours may reach sd-bus, which is
// written in C: where the identity cannot be taken the handler has not been called, and that is told.
template <class Handle>
void handle_or_refuse(const bool& worn, RefusedHandler on_refused, Handle&& handle) {
  try {
    handle();
  } catch (const std::exception& error) {  // std::bad_alloc among them
    if (worn) throw;
    if (on_refused != nullptr) on_refused(std::string("behalf: what arrived on a bus is not handled: ") + error.what());
  }
}

}  // namespace

sdbus::PendingAsyncCall WearingProxy::callMethod(const sdbus::MethodCall& message, sdbus::async_reply_handler handler,
                                                 uint64_t timeout) {
  auto answered = [handler = std::move(handler)](bool& worn, sdbus::MethodReply& reply, const sdbus::Error* error) {
    worn = true;
    handler(reply, error);
  };
  // std::function wants to be able to copy what it holds.
  const auto bound = std::make_shared<Bound<decltype(answered)>>(bind(std::move(answered)));
  return proxy_->callMethod(
      message,
      [bound, on_refused = on_refused_](sdbus::MethodReply& reply, const sdbus::Error* error) {
        bool worn = false;
        // There is one answer, so what the handler captured is destroyed while it is worn.
        handle_or_refuse(worn, on_refused, [&] { std::move (*bound)(worn, reply, error); });
      },
      timeout);
}

void WearingProxy::registerSignalHandler(const std::string& interface, const std::string& signal,
                                         sdbus::signal_handler handler) {
  auto arrived = [handler = std::move(handler)](bool& worn, sdbus::Signal& message) {
    worn = true;
    handler(message);
  };
  const auto bound = std::make_shared<Bound<decltype(arrived)>>(bind(std::move(arrived)));
  proxy_->registerSignalHandler(interface, signal, [bound, on_refused = on_refused_](sdbus::Signal& message) {
    bool worn = false;
    handle_or_refuse(worn, on_refused, [&] { (*bound)(worn, message); });
  });
}

sdbus::IConnection& WearingProxy::getConnection() const {
  throw sdbus::Error("org.freedesktop.DBus.Error.NotSupported",
                     "behalf: the connection of a DBusProxy is not handed out: what is registered at it would run as "
                     "the service. Call and register at the proxy");
}

}  // namespace behalf::detail
