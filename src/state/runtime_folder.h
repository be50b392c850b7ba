// The folder that a log-in makes for a user's sockets and the like, and takes away at her last log-out.
#pragma once

#include <string>

#include "identity/accounts.h"

namespace behalf::detail {

// Where hers would be (pam_systemd(8)).
std::string runtime_folder_of(const Account& person);

// Whether it is there, hers, and nobody else may enter it. Cost: 1 system call.
bool is_hers_alone(const std::string& folder, const Account& person) noexcept;

}  // namespace behalf::detail
