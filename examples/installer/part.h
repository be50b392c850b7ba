// A file on its way into a folder: what has come of it lies beside its place, as .NAME.part, the user's own, so that an
// interrupted transfer goes on where it stopped. All of it is done as whoever the thread wears.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "behalf/descriptor.h"
#include "behalf/file_lock.h"

class Part {
 public:
  // Creates the part, or goes on with the one that is there. Throws std::system_error; std::runtime_error where another
  // transfer of the same file is under way, or what is there is not a file of the user's own.
  explicit Part(const std::filesystem::path& path);

  // How much has come already.
  [[nodiscard]] long long size() const { return size_; }
  void append(const char* bytes, std::size_t count);
  // It is complete: on the disk, and under its name.
  void commit();

 private:
  std::string name_, part_name_;
  behalf::Descriptor folder_, file_;
  std::optional<behalf::FileLock> lock_;
  long long size_ = 0;
};
