// What systemd shows on the bus to start, stop and look at services, as far as it goes here:
// org.freedesktop.systemd1.Manager at /org/freedesktop/systemd1.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <memory>
#include <string>

#include "authority.h"
#include "units.h"

class Manager {
 public:
  // At that connection, under that name. The units must outlive it.
  Manager(sdbus::IConnection& connection, const std::string& name, Units& units);

 private:
  // Whoever sent what is handled just now may do that, or sdbus::Error; one line to standard output.
  void judge(const std::string& action, const std::string& unit, const std::string& verb);
  void must_be_there(const std::string& unit) const;

  Units& units_;
  Authority authority_;
  const std::unique_ptr<sdbus::IProxy> bus_;
  const std::unique_ptr<sdbus::IObject> object_;
};
