#include "behalf/default_application.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "behalf/environment.h"
#include "behalf/known_folder.h"
#include "state/desktop_entry.h"
#include "state/key_file.h"
#include "state/mime_apps.h"
#include "state/person.h"
#include "state/user_file.h"
#include "transfer/whoever.h"

namespace behalf {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_list = 1 << 20;
constexpr std::size_t largest_entry = std::size_t{256} * 1024;
// An entry may be in folders below, which the dashes of its name stand for; in how many places of a folder one is
// looked for, and all are.
constexpr int places_at_most = 64;
constexpr int places_of_all_at_most = 4096;

// One of the folders in which there are such files: the user's own, beneath her home, or one of the machine's.
class FolderOfFiles {
 public:
  FolderOfFiles(const fs::path& path, const std::string& home, bool hers) : path_(path), home_(home), hers_(hers) {}

  [[nodiscard]] const fs::path& path() const { return path_; }
  // Whether one more may be looked into, and another time one less.
  [[nodiscard]] bool may_look() const { return places_left_ > 0 && --places_left_ >= 0; }
  [[nodiscard]] std::optional<std::string> read(const fs::path& file, std::size_t at_most) const {
    const fs::path whole = path_ / file;
    if (!hers_) return detail::read_of_machine(whole, at_most);
    return detail::read_beneath(home_, whole.lexically_relative(home_).c_str(), at_most);
  }
  [[nodiscard]] bool has_folder(const fs::path& folder) const {
    struct stat status {};
    return ::stat((path_ / folder).c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  }

 private:
  fs::path path_;
  std::string home_;
  bool hers_;
  mutable int places_left_ = places_of_all_at_most;
};

struct Found {
  fs::path file;
  std::string text;
};

// The entry of that id in `applications`: foo-bar.desktop is there, or is bar.desktop in the folder foo.
std::optional<Found> find_entry(const FolderOfFiles& applications, const fs::path& in, const std::string& rest,
                                int& places) {
  if (--places < 0 || !applications.may_look()) return std::nullopt;
  if (auto text = applications.read(in / rest, largest_entry)) {
    return Found{applications.path() / in / rest, std::move(*text)};
  }
  for (std::size_t dash = rest.find('-'); dash != std::string::npos; dash = rest.find('-', dash + 1)) {
    const std::string folder = rest.substr(0, dash);
    if (folder.empty() || folder == "." || folder == ".." || --places < 0 || !applications.may_look()) continue;
    if (!applications.has_folder(in / folder)) continue;
    if (auto found = find_entry(applications, in / folder, rest.substr(dash + 1), places)) return found;
  }
  return std::nullopt;
}

std::optional<Found> find_entry(const FolderOfFiles& applications, const std::string& id) {
  int places = places_at_most;
  return find_entry(applications, {}, id, places);
}

bool may_execute(const fs::path& program) {
  struct stat status {};
  return ::stat(program.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::faccessat(AT_FDCWD, program.c_str(), X_OK, AT_EACCESS) == 0;
}

class Search {
 public:
  Search(const Carried& who, const std::vector<std::string>& desktops) : desktops_(desktops) {
    const std::string home = detail::person_of(who).home;
    const auto add = [&](Folder folder, const char* below, std::vector<FolderOfFiles>& to) {
      bool hers = true;
      for (const fs::path& layer : layers(folder, who)) {
        to.emplace_back(layer / below, home, hers);
        hers = false;
      }
    };
    add(Folder::config, "", config_);
    add(Folder::data, "applications", applications_);
    add(Folder::data, "mime", mime_);
    for (const std::string& variable : environment(who)) {
      if (variable.starts_with("PATH=")) path_ = variable.substr(5);
    }
  }

  // As whoever it is for.
  std::optional<DesktopApplication> run(std::string_view asked) {
    for (const FolderOfFiles& folder : mime_) {
      types_.add_aliases(folder.read("aliases", largest_list).value_or(""));
      types_.add_subclasses(folder.read("subclasses", largest_list).value_or(""));
    }
    read_lists();
    std::vector<std::string> removed;  // for the type, and so for those that it is derived from
    for (const std::string& type : types_.with_parents(asked)) {
      for (const std::string& id : candidates(type, removed)) {
        if (auto application = installed(id)) return application;
      }
    }
    return std::nullopt;
  }

 private:
  struct List {
    std::size_t folder;  // of config_, then of applications_
    detail::AppsFile kind;
    detail::KeyFile file;
  };

  void read_lists() {
    std::size_t number = 0;
    for (const auto* folders : {&config_, &applications_}) {
      for (const FolderOfFiles& folder : *folders) {
        const auto read = [&](const std::string& name, detail::AppsFile kind) {
          auto file = detail::KeyFile::parse(folder.read(name, largest_list).value_or(""));
          if (file) lists_.push_back({number, kind, std::move(*file)});
        };
        for (const std::string& desktop : desktops_)
          read(desktop + "-mimeapps.list", detail::AppsFile::list_of_desktop);
        read("mimeapps.list", detail::AppsFile::list);
        if (folders == &applications_) read("mimeinfo.cache", detail::AppsFile::cache);
        ++number;
      }
    }
  }

  // In the order of the specification: the defaults of all folders, then what is associated in each.
  std::vector<std::string> candidates(const std::string& type, std::vector<std::string>& removed) const {
    std::vector<detail::MimeApps> said(config_.size() + applications_.size());
    for (const List& list : lists_) detail::add_mime_apps(list.file, list.kind, type, types_, said[list.folder]);
    std::vector<std::string> ids;
    const auto add = [](const std::string& id, std::vector<std::string>& to, const std::vector<std::string>& but) {
      const auto has = [&](const std::vector<std::string>& in) {
        return std::find(in.begin(), in.end(), id) != in.end();
      };
      if (!has(to) && !has(but)) to.push_back(id);
    };
    for (const detail::MimeApps& folder : said) {
      for (const std::string& id : folder.defaults) add(id, ids, {});
    }
    for (std::size_t folder = 0; folder < said.size(); ++folder) {
      for (const std::string& id : said[folder].added) {
        if (!lies_under_another(folder, id)) add(id, ids, removed);
      }
      for (const std::string& id : said[folder].removed) {
        if (!lies_under_another(folder, id)) add(id, removed, ids);
      }
    }
    return ids;
  }

  // Whether a folder that comes before that one has an entry of that id: then it says nothing about it.
  [[nodiscard]] bool lies_under_another(std::size_t folder, const std::string& id) const {
    for (std::size_t i = config_.size(); i < folder; ++i) {
      if (find_entry(applications_[i - config_.size()], id)) return true;
    }
    return false;
  }

  [[nodiscard]] bool has_program(const std::string& program) const {
    if (program.starts_with('/')) return may_execute(program);
    if (program.find('/') != std::string::npos) return false;  // there is no folder that it could be relative to
    std::string_view rest = path_;
    while (!rest.empty()) {
      const std::string_view one = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      if (may_execute(fs::path(one) / program)) return true;
    }
    return false;
  }

  [[nodiscard]] std::optional<DesktopApplication> installed(const std::string& id) const {
    for (const FolderOfFiles& folder : applications_) {
      auto found = find_entry(folder, id);
      if (!found) continue;
      auto entry = detail::parse_desktop_entry(found->text);
      if (entry && entry->hidden) return std::nullopt;
      const bool there = entry && (entry->try_program.empty() || has_program(entry->try_program)) &&
                         (entry->program.empty() || has_program(entry->program));
      if (there) return DesktopApplication{id, found->file, std::move(entry->name), std::move(entry->exec)};
    }
    return std::nullopt;
  }

  const std::vector<std::string>& desktops_;
  std::vector<FolderOfFiles> config_;
  std::vector<FolderOfFiles> applications_;
  std::vector<FolderOfFiles> mime_;
  detail::MimeTypes types_;
  std::vector<List> lists_;
  std::string path_;
};

void check_type(std::string_view type) {
  const std::size_t slash = type.find('/');
  const bool printable = std::all_of(type.begin(), type.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (printable && slash != 0 && slash != std::string_view::npos && slash + 1 < type.size() &&
      type.find('/', slash + 1) == std::string_view::npos)
    return;
  throw std::invalid_argument("behalf: default_application: '" + std::string(type) +
                              "' is no MIME type, as 'image/png' is");
}

void check_desktop(const std::string& name) {
  if (!name.empty() && name.find_first_of(std::string_view("/\0", 2)) == std::string::npos) return;
  throw std::invalid_argument("behalf: default_application: '" + name + "' is no name of a desktop, as 'gnome' is");
}

}  // namespace

std::optional<DesktopApplication> default_application(std::string_view mime_type, const Carried& who,
                                                      const std::vector<std::string>& desktops) {
  check_type(mime_type);
  for (const std::string& desktop : desktops) check_desktop(desktop);
  Search search(who, desktops);
  std::optional<DesktopApplication> found;
  detail::run_as_whoever(who, [&] { found = search.run(mime_type); });
  return found;
}

}  // namespace behalf
