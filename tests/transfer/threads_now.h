// What all threads of the process wear, by /proc.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace behalf::testing {

// The threads whose "Uid:" line in /proc is another than this; empty where there is none.
inline std::string threads_that_are_not(const std::string& uid_line) {
  std::string others;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Uid:") && line != uid_line)
        others += task.path().filename().string() + " is " + line + "; ";
    }
  }
  return others;
}

inline std::string threads_that_are_not_root() {
  return threads_that_are_not("Uid:\t0\t0\t0\t0");
}

}  // namespace behalf::testing
