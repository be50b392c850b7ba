// polkit's opinion on what a caller on the bus may do.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <map>
#include <memory>
#include <string>

class Authority {
 public:
  explicit Authority(sdbus::IConnection& connection);

  // Throws sdbus::Error, AccessDenied, where the owner of that connection to the bus may not do it, or nobody can be
  // asked.
  void must_allow(const std::string& caller, const std::string& action,
                  const std::map<std::string, std::string>& details);

 private:
  const std::unique_ptr<sdbus::IProxy> polkit_;
};
