#include "behalf/known_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "behalf/error.h"
#include "state/has_nul.h"
#include "state/person.h"
#include "state/runtime_folder.h"
#include "state/user_dirs.h"
#include "state/user_file.h"
#include "transfer/whoever.h"

namespace behalf {

namespace {

constexpr std::size_t largest_user_dirs = 64 * 1024;

struct Place {
  std::string_view below_home;  // the default
  std::string_view variable;    // by which user-dirs.dirs may say otherwise; empty: nothing may
};

// By the number of the folder. `runtime` is not below the home.
constexpr std::array<Place, 14> places = {{
    {"", ""},
    {".config", ""},
    {".local/share", ""},
    {".cache", ""},
    {".local/state", ""},
    {"", ""},
    {"Desktop", "XDG_DESKTOP_DIR"},
    {"", "XDG_DOCUMENTS_DIR"},
    {"", "XDG_DOWNLOAD_DIR"},
    {"", "XDG_MUSIC_DIR"},
    {"", "XDG_PICTURES_DIR"},
    {"", "XDG_PUBLICSHARE_DIR"},
    {"", "XDG_TEMPLATES_DIR"},
    {"", "XDG_VIDEOS_DIR"},
}};

// The folders of the machine, where the process's environment names no others (XDG base directories).
struct Machine {
  const char* variable;
  const char* otherwise;
};
constexpr Machine config_of_machine = {"XDG_CONFIG_DIRS", "/etc/xdg"};
constexpr Machine data_of_machine = {"XDG_DATA_DIRS", "/usr/local/share:/usr/share"};

std::filesystem::path runtime_of(const detail::Account& person) {
  const std::string path = detail::runtime_folder_of(person);
  if (detail::is_hers_alone(path, person)) return path;
  throw Error(Error::Reason::not_there, "behalf: the runtime folder of " + person.name + ": " + path +
                                            " is not there, or not hers alone. A log-in makes it (pam_systemd(8); "
                                            "`loginctl enable-linger` keeps it)");
}

}  // namespace

std::filesystem::path known_folder(Folder folder, const Carried& who) {
  const detail::Account person = detail::person_of(who);
  if (folder == Folder::runtime) return runtime_of(person);
  const Place& place = places.at(static_cast<std::size_t>(folder));
  const std::filesystem::path home = person.home;
  if (!place.variable.empty()) {
    std::optional<std::string> text;
    detail::run_as_whoever(
        who, [&] { text = detail::read_beneath(person.home, ".config/user-dirs.dirs", largest_user_dirs); });
    const auto said = detail::parse_user_dirs(text.value_or(""), person.home);
    if (const auto at = said.find(place.variable); at != said.end()) return at->second;
  }
  return place.below_home.empty() ? home : home / place.below_home;
}

std::vector<std::filesystem::path> layers(Folder folder, const Carried& who) {
  if (folder != Folder::config && folder != Folder::data) {
    throw std::invalid_argument(
        "behalf: layers: Folder::config and Folder::data alone lie over folders of the machine");
  }
  std::vector<std::filesystem::path> all = {known_folder(folder, who)};
  const Machine& machine = folder == Folder::config ? config_of_machine : data_of_machine;
  const char* said = std::getenv(machine.variable);
  std::string_view rest = said != nullptr && *said != '\0' ? said : machine.otherwise;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one.starts_with('/')) all.emplace_back(one);
  }
  return all;
}

std::optional<std::filesystem::path> find_in_layers(Folder folder, const std::filesystem::path& file,
                                                    const Carried& who) {
  const std::vector<std::filesystem::path> all = layers(folder, who);
  std::optional<std::filesystem::path> found;
  if (detail::has_nul(file)) return found;
  detail::run_as_whoever(who, [&] {
    for (const std::filesystem::path& layer : all) {
      // By the effective ids: access(2) would ask by the real ones.
      if (::faccessat(AT_FDCWD, (layer / file).c_str(), F_OK, AT_EACCESS) != 0) continue;
      found = layer / file;
      return;
    }
  });
  return found;
}

}  // namespace behalf
