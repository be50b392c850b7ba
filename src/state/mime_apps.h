// mimeapps.list and mimeinfo.cache: which applications open which types, by the names of their entries.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/key_file.h"

namespace behalf::detail {

// What other names a type has, and what it is derived from: the shared MIME-info database.
class MimeTypes {
 public:
  // One of the files `aliases` and `subclasses`: two types a line. What was added first stays.
  void add_aliases(std::string_view text);
  void add_subclasses(std::string_view text);

  // The name that is no alias.
  [[nodiscard]] std::string name_of(std::string_view type) const;
  // All names of which name_of() says it.
  [[nodiscard]] std::vector<std::string> names_of(std::string_view type) const;
  // It, and what it is derived from.
  [[nodiscard]] std::vector<std::string> with_parents(std::string_view type) const;

 private:
  std::map<std::string, std::string, std::less<>> names_;
  std::map<std::string, std::vector<std::string>, std::less<>> parents_;
};

enum class AppsFile {
  list,             // mimeapps.list
  list_of_desktop,  // NAME-mimeapps.list: says defaults, and nothing else
  cache,            // mimeinfo.cache: what the entries say of themselves
};

// What the files of one folder say, of one type.
struct MimeApps {
  std::vector<std::string> defaults;
  std::vector<std::string> added;
  std::vector<std::string> removed;
};

// Adds what the file says of that type, by any of its names, to what files of the folder that come before it have said:
// what is added there is not removed here, and the other way round.
void add_mime_apps(const KeyFile& file, AppsFile kind, std::string_view type, const MimeTypes& types, MimeApps& apps);

// Whether it can be the name of an entry: ends with .desktop, and leads to no other folder.
bool is_desktop_id(std::string_view id);

}  // namespace behalf::detail
