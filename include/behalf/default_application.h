// default_application(): which program opens files of a type, for whoever the thread wears or for the identity given.
//
//   behalf::Impersonation as{alice};
//   if (auto viewer = behalf::default_application("image/png")) std::puts(viewer->id.c_str());   //
//   org.gnome.eog.desktop
//
// Her mimeapps.list and her desktop entries come first, beneath her home, then the machine's; all are read as her, at
// each call. A file of hers that is no such file, that is reached by a link out of her home, or is too large, says
// nothing.
//
// Rests on: Association between MIME types and applications 1.0.1, Desktop Entry Specification 1.5, Shared MIME-info
// Database 0.21 (aliases, subclasses), freedesktop.org.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behalf/carried.h"

namespace behalf {

struct DesktopApplication {
  std::string id;              // "org.gnome.eog.desktop"
  std::filesystem::path file;  // where the entry is
  std::string name;            // not translated
  std::string exec;            // as the entry has it: with %f and its like
};

// Effects: the first that is installed of: what mimeapps.list names as the default; what it adds to, and does not
// remove from, what the programs say of themselves (mimeinfo.cache). Where there is none, the same for the types that
// this one is derived from. Nothing where there is none either. Installed is an entry that is not hidden and whose
// program the user may execute. `desktops` are those whose own lists (NAME-mimeapps.list) come first: a service has
// none, and $XDG_CURRENT_DESKTOP, the process's, is not looked at. Of lists without end the beginning counts (256
// applications of a type in a folder), so that nobody is kept busy by what she writes there.
//
// Errors: as of layers(); std::invalid_argument for what is no type. Thread-safe. Cost: some 60 system
// calls with the usual layers, and an Impersonation.
[[nodiscard]] std::optional<DesktopApplication> default_application(std::string_view mime_type,
                                                                    const Carried& who = Carried(),
                                                                    const std::vector<std::string>& desktops = {});

}  // namespace behalf
