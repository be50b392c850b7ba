// A little library, as it might be found underneath a server: it knows nothing of impersonation.
#pragma once

#include <string>

namespace notes {

// The first line of a file; empty when it cannot be read.
std::string first_line(const std::string& path);

// A setting of the user's: from .config/app.conf in her home.
std::string setting(const std::string& key);

}  // namespace notes
