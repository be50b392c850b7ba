// A driver's pool of connections to a database that knows its users by who connects (peer authentication).
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "sockets/credentials_server.h"

namespace behalf_row {

inline const std::string connection_string = "server=local; integrated security=true";

template <class Key>
class ConnectionPool {
 public:
  // Connects as the calling thread where the pool has no connection of that key.
  int print_who_is_connected(const Key& key) {
    const std::lock_guard lock(in_use_);
    const auto [connection, is_new] = connections_.try_emplace(key, -1);
    if (is_new) connection->second = database_.connect();
    return CredentialsServer::print_who_is_connected(connection->second);
  }

 private:
  CredentialsServer database_;
  std::mutex in_use_;
  std::map<Key, int> connections_;
};

}  // namespace behalf_row
