// The last process of the chain: it keeps lines for users, whom it knows by the bus, as them.
#pragma once

#include <behalf/dbus.h>
#include <behalf/thread_pool.h>

#include <memory>
#include <string>
#include <vector>

#include "hop.h"
#include "shelf.h"

namespace chain {

struct ArchiveOptions {
  std::string bus = behalf::DBus::system_address;
  std::string name = "org.behalf.Archive";
  Hop forgets = Hop::none;
};

class Archive {
 public:
  static constexpr const char* interface = "org.behalf.Archive";
  static constexpr const char* object = "/org/behalf/Archive";

  // As the service, before anybody asks. The shelf must outlive it. Throws sdbus::Error, behalf::Error.
  Archive(Shelf& shelf, const ArchiveOptions& options);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

 private:
  // In the context of a call.
  std::vector<std::string> keep_for_caller(const std::string& line);

  Shelf& shelf_;
  const Hop forgets_;
  std::unique_ptr<sdbus::IConnection> connection_;
  behalf::DBusCallers callers_;
  std::unique_ptr<sdbus::IObject> object_;
  behalf::ThreadPool pool_;  // ends first: its work uses the others
};

}  // namespace chain
