#include "state/mime_apps.h"

#include <algorithm>

namespace behalf::detail {

namespace {

constexpr std::size_t longest_id = 255;

// What is more than this has been made to keep one busy: of what a type is derived from, and of what the files of one
// folder say of it. The rest says nothing.
constexpr std::size_t parents_at_most = 16;
constexpr std::size_t ids_at_most = 256;

// f(first, second) for each line of two words.
template <class F>
void for_each_pair(std::string_view text, const F& f) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const std::size_t blank = line.find(' ');
    if (line.empty() || line.front() == '#' || blank == std::string_view::npos) continue;
    const std::string_view second = line.substr(blank + 1);
    if (blank > 0 && !second.empty()) f(line.substr(0, blank), second);
  }
}

bool has(const std::vector<std::string>& list, const std::string& id) {
  return std::find(list.begin(), list.end(), id) != list.end();
}

void add(std::vector<std::string>& to, const std::vector<std::string>& ids, const std::vector<std::string>& but) {
  for (const std::string& id : ids) {
    if (to.size() == ids_at_most) return;
    if (is_desktop_id(id) && !has(to, id) && !has(but, id)) to.push_back(id);
  }
}

// All that the group says of the type, by whichever of its names, in the order of the file.
std::vector<std::string> said_in(const KeyFile& file, std::string_view group, std::string_view type,
                                 const MimeTypes& types) {
  const KeyFile::Group* const entries = file.group(group);
  if (entries == nullptr) return {};
  std::map<std::size_t, std::string_view> lists;
  for (const std::string& name : types.names_of(type)) {
    if (const auto at = entries->find(name); at != entries->end()) lists.emplace(at->second.number, at->second.value);
  }
  std::vector<std::string> ids;
  for (const auto& [number, list] : lists) {
    for (std::string& id : list_of(list)) ids.push_back(std::move(id));
  }
  return ids;
}

}  // namespace

void MimeTypes::add_aliases(std::string_view text) {
  for_each_pair(text, [&](std::string_view alias, std::string_view name) { names_.emplace(alias, name); });
}

void MimeTypes::add_subclasses(std::string_view text) {
  for_each_pair(text, [&](std::string_view type, std::string_view parent) {
    std::vector<std::string>& parents = parents_[std::string(type)];
    if (parents.size() < parents_at_most && !has(parents, std::string(parent))) parents.emplace_back(parent);
  });
}

std::string MimeTypes::name_of(std::string_view type) const {
  const auto at = names_.find(type);
  return at == names_.end() ? std::string(type) : at->second;
}

std::vector<std::string> MimeTypes::names_of(std::string_view type) const {
  std::vector<std::string> names;
  if (name_of(type) == type) names.emplace_back(type);
  for (const auto& [alias, name] : names_) {
    if (name == type && alias != type) names.push_back(alias);
  }
  return names;
}

std::vector<std::string> MimeTypes::with_parents(std::string_view type) const {
  std::vector<std::string> all = {name_of(type)};
  if (const auto at = parents_.find(all.front()); at != parents_.end()) {
    all.insert(all.end(), at->second.begin(), at->second.end());
  }
  return all;
}

bool is_desktop_id(std::string_view id) {
  constexpr std::string_view ending = ".desktop";
  return id.size() > ending.size() && id.size() <= longest_id && id.ends_with(ending) &&
         id.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

void add_mime_apps(const KeyFile& file, AppsFile kind, std::string_view type, const MimeTypes& types, MimeApps& apps) {
  const auto said = [&](std::string_view group) { return said_in(file, group, type, types); };
  if (kind == AppsFile::cache) return add(apps.added, said("MIME Cache"), apps.removed);
  if (kind == AppsFile::list) {
    add(apps.added, said("Added Associations"), apps.removed);
    add(apps.removed, said("Removed Associations"), apps.added);
  }
  add(apps.defaults, said("Default Applications"), {});
}

}  // namespace behalf::detail
