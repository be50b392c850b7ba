// D-Bus with an identity: a connection for each, and at the other end who sent a message. Stands on sdbus-c++ 1.
//
//   behalf::DBus bus(behalf::DBus::system_address);                        // the client
//   behalf::DBusProxy notes(bus, "org.example.Notes", "/org/example/Notes");
//   {
//     const behalf::Impersonation as{alice};
//     notes->callMethod("Add").onInterface("org.example.Notes").withArguments("milk");   // the bus knows alice
//   }
//
//   behalf::DBusCallers callers(*connection);                              // the server
//   object->registerMethod("Add").onInterface("org.example.Notes").implementedAs(
//       callers.handler(*object, [](const std::string& line) {             // as the service
//         const behalf::Impersonation as = behalf::CallContext::current().impersonate_client();
//         append_to_notes(line);                                           // as alice
//       }));
//
// A bus asks the kernel who connects, once, when the connection is opened: a connection that is shared presents its
// opener for everybody (D-Bus Specification, "EXTERNAL"). And sd-bus, which sdbus-c++ stands on, completes what the bus
// tells of a sender from /proc of the sender's process, whose main thread is the service: the user's id with the
// service's groups. So here the bus itself is asked (GetConnectionCredentials), for what the kernel told it.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "behalf/blanket.h"
#include "behalf/call_context.h"
#include "behalf/per_identity.h"

namespace behalf {

namespace detail {
class BusConnection;
struct BusProxy;
}  // namespace detail

struct DBusOptions {
  // As of PerIdentityOptions::at_most, for the bus and for each proxy, which keeps the connections that it uses. Each
  // identity's connection has a thread, which waits as the service.
  std::size_t identities_at_most = 1024;
  // Told of each answer or signal whose handler was not called, since its identity could not be taken: whose, and why.
  void (*on_refused)(const std::string& why) noexcept = nullptr;
};

// A bus, by its address, with a connection for each identity, opened as it; one that the bus has closed is opened anew.
// Neither the environment nor $HOME is asked for the address.
class DBus {
 public:
  static constexpr const char* system_address = "unix:path=/run/dbus/system_bus_socket";

  // Errors: none; nothing is connected yet.
  explicit DBus(std::string address, const DBusOptions& options = {});
  ~DBus();
  DBus(const DBus&) = delete;
  DBus& operator=(const DBus&) = delete;

 private:
  friend class DBusProxy;
  // The calling thread's.
  std::shared_ptr<detail::BusConnection> connection();

  const std::string address_;
  const DBusOptions options_;
  per_identity<std::shared_ptr<detail::BusConnection>> connections_;
};

// An object on a bus, called as whom the blanket presents. The bus must outlive it.
class DBusProxy {
 public:
  // Errors: those of Cloak: authentication is of the connection, and a bus carries no level. Nothing is connected yet.
  DBusProxy(DBus& bus, std::string destination, std::string object_path, const Blanket& blanket = {});
  ~DBusProxy();
  DBusProxy(const DBusProxy&) = delete;
  DBusProxy& operator=(const DBusProxy&) = delete;

  // The proxy on the connection of whom the blanket presents, to be used by who asked for it and not to be kept. What
  // is registered at it (for a signal, for the answer to an asynchronous call) runs and is destroyed as whoever
  // registered it, which the thread that waits wears for that time alone. A proxy class that sdbus-c++-xml2cpp made
  // takes it as its sdbus::IProxy&. It does not hand out its connection: what is registered there would run as the
  // service.
  //
  // Errors: Error of reason not_there where the bus does not answer, or does not take the identity, with what it says;
  // as Impersonation where the identity cannot be taken; those of Cloak. Thread-safe. Cost: two locks; for a new
  // connection what sd-bus does, and a thread; an Impersonation for each handler that is run.
  [[nodiscard]] std::shared_ptr<sdbus::IProxy> get();
  std::shared_ptr<sdbus::IProxy> operator->() { return get(); }

  // Effects: calls present by that one from now on. Errors: those of Cloak. Thread-safe.
  void set_blanket(const Blanket& blanket);

 private:
  class Core;
  const std::unique_ptr<Core> core_;
};

struct DBusCallersOptions {
  // How far a caller may be used. The bus carries no level, so the server says it for all.
  Level granted = Level::impersonation;
  // Of how many senders it is remembered who they are.
  std::size_t remembered_at_most = 4096;
  // Told of each call that is refused, since its caller could not be learned or for what its handler tried and the
  // caller may not: who sent it, and why.
  void (*on_refused)(const std::string& why) noexcept = nullptr;
};

// Who sends the messages that a server's connection gets.
class DBusCallers {
 public:
  // The connection must outlive it; a server that connects anew makes this anew (another bus may name its senders
  // alike).
  explicit DBusCallers(sdbus::IConnection& connection, const DBusCallersOptions& options = {});
  ~DBusCallers();
  DBusCallers(const DBusCallers&) = delete;
  DBusCallers& operator=(const DBusCallers&) = delete;

  // Who sent it: the ids and groups that the kernel told the bus when the sender connected.
  // Errors: Error of reason incomplete_groups where the bus does not tell the groups (before dbus 1.14),
  // refused_by_fence, not_there where the sender is gone or the bus does not answer, inside_impersonation. Never
  // anybody else instead. Thread-safe. Cost: a call of the bus for each new sender, and one of the account database.
  [[nodiscard]] Sender sender(const sdbus::Message& message);

  // f, to be registered as a method of the object: it runs with the CallContext of its caller. One whose caller cannot
  // be learned is not run; the caller gets org.freedesktop.DBus.Error.AccessDenied. What f throws goes to the caller as
  // sdbus-c++ has it; an Error of ours as org.freedesktop.DBus.Error.Failed. Both objects must outlive it.
  template <class F>
  [[nodiscard]] auto handler(sdbus::IObject& object, F f) {
    return wrap(object, std::function(std::move(f)));
  }

 private:
  // The context of the call that the object is handling now. Throws sdbus::Error.
  CallContext context(const sdbus::IObject& object);
  // To an Error of ours that a handler has thrown.
  [[noreturn]] void answer(const sdbus::IObject& object, const Error& error) const;

  template <class R, class... A>
  auto wrap(sdbus::IObject& object, std::function<R(A...)> f) {
    return [this, &object, f = std::move(f)](A... arguments) -> R {
      const CallContext::Scope handling(context(object));
      try {
        return f(std::forward<A>(arguments)...);
      } catch (const Error& error) {
        answer(object, error);
      }
    };
  }

  class Core;
  const std::unique_ptr<Core> core_;
};

}  // namespace behalf
