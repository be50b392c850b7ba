// The handler of a front end to a machine's services: it runs as the user who asks, and the manager, to which it hands
// the wish on, is called as her. It has no rule about who may do what; those who are asked have them.
#pragma once

#include <behalf/dbus.h>
#include <behalf/http.h>

#include <string>

struct FrontEndOptions {
  std::string bus = behalf::DBus::system_address;
  std::string manager = "org.behalf.Machine";  // or org.freedesktop.systemd1
  behalf::Blanket blanket{};
};

class FrontEnd {
 public:
  explicit FrontEnd(const FrontEndOptions& options);

  // GET /units, GET /units/NAME, POST /units/NAME/start, POST /units/NAME/stop. A unit is a line: its name and
  // its state. As the user.
  // Throws behalf::http::Refusal.
  behalf::http::Response operator()(const behalf::http::Request& request);

 private:
  std::string look(const std::string& unit);
  std::string look_at_all();
  behalf::http::Response tell(const char* method, const std::string& unit);

  behalf::DBus bus_;
  behalf::DBusProxy manager_;
};
