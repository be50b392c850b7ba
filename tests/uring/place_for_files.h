// A folder that everybody may write to, and what the kernel says of what was made in it.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "child.h"

namespace behalf::testing {

class PlaceForFiles {
 public:
  PlaceForFiles() {
    char name[] = "/tmp/behalf-uring-XXXXXX";
    must(::mkdtemp(name) != nullptr, "mkdtemp");
    path_ = name;
    ::chmod(name, 01777);
  }
  ~PlaceForFiles() { std::filesystem::remove_all(path_); }
  PlaceForFiles(const PlaceForFiles&) = delete;
  PlaceForFiles& operator=(const PlaceForFiles&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }

  // -1 where there is no such file.
  [[nodiscard]] long owner(const std::string& name) const {
    struct stat status {};
    return ::lstat(file(name).c_str(), &status) == 0 ? long{status.st_uid} : -1;
  }
  [[nodiscard]] long group(const std::string& name) const {
    struct stat status {};
    return ::lstat(file(name).c_str(), &status) == 0 ? long{status.st_gid} : -1;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace behalf::testing
