// Where one layer of settings is, and how what is there is opened: beneath a root, as whoever the thread wears.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "behalf/descriptor.h"

namespace behalf::detail {

struct Layer {
  std::string root;    // the user's home; the machine's folder
  std::string config;  // ".config", or nothing: the application's folder is right beneath the root
  std::string application;
  uid_t owner;   // whose file it must be
  bool machine;  // read without locks, since it is replaced and never written in place
  std::uint64_t largest;

  // The folder, beneath the root.
  [[nodiscard]] std::string folder() const;
  // In words, for errors: the whole path of the file.
  [[nodiscard]] std::string path() const;
};

inline constexpr const char* settings_file = "settings.sqlite";

// Which file it is, as far as others can replace it. Nothing where there is none; zeroes where that cannot be told.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
std::optional<FileIdentity> identity_of(const Layer& layer, const char* file);

// The folder, to open files in (O_PATH). Links that stay beneath the root are followed; one that leads out of it, and
// another file system that is mounted beneath it, are not: a file system of the user's own need never answer. Nothing
// where it is not there; with `make`, it is made. Throws Error of reasons not_usable, not_permitted, out_of_resources.
Descriptor open_folder(const Layer& layer, bool make);

// A file of that folder, by its own name and no link's; flags as of open(2). -1 and errno where it cannot be opened;
// and `wrong`, in words, where it is none that settings are read from: no regular file, somebody else's, of more than
// one name (a journal is found by the name), or larger than that.
int open_settled(int folder, const char* name, int flags, const Layer& layer, std::uint64_t largest,
                 const char*& wrong);

}  // namespace behalf::detail
