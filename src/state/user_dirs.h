// user-dirs.dirs(5): where a user has her desktop, documents and so on.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace behalf::detail {

// The absolute paths by their names (XDG_DESKTOP_DIR …), of the lines that say one: NAME="$HOME/path" or NAME="/path",
// with the escapes of a shell's double quotes. All other lines say nothing, as the specification wants it.
std::map<std::string, std::string, std::less<>> parse_user_dirs(std::string_view text, const std::string& home);

}  // namespace behalf::detail
