// known_folder(): where a user's files are, of whoever the thread wears or of the identity given; never the process's.
//
//   behalf::Impersonation as{alice};
//   auto settings = behalf::known_folder(behalf::Folder::config) / "editor.conf";     // /home/alice/.config/…
//   auto his = behalf::known_folder(behalf::Folder::documents, bob);                  // as bob's user-dirs.dirs says
//   auto own = behalf::known_folder(behalf::Folder::cache, behalf::process_token);    // the service's own, by name
//
// The home is the account database's, kept in the token; $HOME and $XDG_*_HOME belong to the process, and are never
// looked at. Nothing is kept from one call to the next.
//
// Rests on: XDG Base Directory Specification 0.8 (the default of each folder); xdg-user-dirs: user-dirs.dirs(5), read
// as the user, and xdg-user-dir(1), which falls back to ~/Desktop and to the home.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "behalf/carried.h"

namespace behalf {

enum class Folder {
  home,
  config,   // ~/.config
  data,     // ~/.local/share
  cache,    // ~/.cache
  state,    // ~/.local/state
  runtime,  // /run/user/UID
  desktop,
  documents,
  downloads,
  music,
  pictures,
  public_share,
  templates,
  videos,
};

// Effects: the folder's absolute path; it need not be there, but for `runtime`.
//
// Errors: those of Carried; Error of reason unknown_user where neither token nor account database has an absolute home;
// not_there, where there is no runtime folder that belongs to the user and nobody else may enter (a log-in makes it,
// pam_systemd(8)); as of Impersonation. A user-dirs.dirs that cannot be read, that is no regular file beneath the
// home, or is larger than 64 KiB, says nothing. Thread-safe.
//
// Cost: no system call where the token has a home (for_user(), for_uid()), else a look-up in the account database as
// the service; `runtime`: 1; the user's directories (desktop …): 7, and an Impersonation.
[[nodiscard]] std::filesystem::path known_folder(Folder folder, const Carried& who = Carried());

// What programs look for their files in, the most important first: the user's own folder, then those of the machine
// ($XDG_CONFIG_DIRS, $XDG_DATA_DIRS, which are the machine's and so the same for everybody; relative ones are left
// out). Errors: std::invalid_argument where `folder` is neither config nor data; else, as the cost, as of
// known_folder().
[[nodiscard]] std::vector<std::filesystem::path> layers(Folder folder, const Carried& who = Carried());

// The first of the layers in which there is that file, looked for as the user. Nothing where there is none.
[[nodiscard]] std::optional<std::filesystem::path> find_in_layers(Folder folder, const std::filesystem::path& file,
                                                                  const Carried& who = Carried());

}  // namespace behalf
