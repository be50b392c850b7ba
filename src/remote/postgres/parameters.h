// What a connection is opened with: what all users have in common, and what is each user's own.
#pragma once

#include <map>
#include <string>

#include "identity/accounts.h"

namespace behalf::detail {

using PostgresParameters = std::map<std::string, std::string>;

// What the connection string says. Throws Error of reason not_usable, also for what the environment would add to it.
PostgresParameters common_parameters(const std::string& connection);

// With that user's name, password file, certificate and service. Called as the user.
PostgresParameters parameters_of(const PostgresParameters& common, const Account& user);

// Whether the server is at a Unix socket, where nobody is asked for tickets.
bool is_at_socket(const PostgresParameters& all);

}  // namespace behalf::detail
