#include "notes.h"

#include <cstdlib>
#include <fstream>

namespace notes {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string setting(const std::string& key) {
  const char* const home = std::getenv("HOME");  // the home of whoever started the process
  std::ifstream file(std::string(home != nullptr ? home : "") + "/.config/app.conf");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  return {};
}

}  // namespace notes
