// The session of PAM's that behalf run-as opens around a command.
#pragma once

#include "run_as/run_as.h"

namespace behalf::tool {

// Throws where the machine's PAM refuses, and where the tool was built without libpam.
std::unique_ptr<Session> open_pam_session(const Token& token);

}  // namespace behalf::tool
