// mimeapps.list, mimeinfo.cache, aliases and subclasses of a user's making.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "state/key_file.h"
#include "state/mime_apps.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace behalf::detail;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // What comes after a NUL is of the types.
  const std::string_view list = text.substr(0, text.find('\0'));
  const std::string_view of_types = text.substr(std::min(text.size(), list.size() + 1));
  MimeTypes types;
  types.add_aliases(of_types);
  types.add_subclasses(of_types);
  const auto file = KeyFile::parse(list);
  if (!file) return 0;
  for (const std::string& type : types.with_parents("text/plain")) {
    MimeApps apps;
    for (const AppsFile kind : {AppsFile::list_of_desktop, AppsFile::list, AppsFile::cache}) {
      add_mime_apps(*file, kind, type, types, apps);
    }
    for (const auto* ids : {&apps.defaults, &apps.added, &apps.removed}) {
      for (const std::string& id : *ids) {
        if (!is_desktop_id(id) || id.find('/') != std::string::npos) std::abort();
      }
    }
    for (const std::string& id : apps.added) {
      if (std::find(apps.removed.begin(), apps.removed.end(), id) != apps.removed.end()) std::abort();
    }
  }
  return 0;
}
