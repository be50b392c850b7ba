// Whether a process that serves others is the service alone again.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "child.h"

namespace behalf::testing {

// No thread of this process is anybody but root; they may take a moment.
inline void must_all_be_the_service() {
  std::string left;
  for (int tries = 0; tries < 300; ++tries) {
    left.clear();
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream status(task.path() / "status");
      for (std::string line; std::getline(status, line);) {
        if (line.rfind("Uid:", 0) == 0 && line != "Uid:\t0\t0\t0\t0") left += line;
      }
    }
    if (left.empty()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  must(false, "a thread is somebody: " + left);
}

}  // namespace behalf::testing
