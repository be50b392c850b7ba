#include "units.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace {

constexpr std::string_view command_key = "ExecStart=";

std::vector<std::string> command_in(const std::filesystem::path& file) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(command_key)) continue;
    std::istringstream words(line.substr(command_key.size()));
    std::vector<std::string> command;
    for (std::string word; words >> word;) command.push_back(word);
    if (!command.empty() && command[0].starts_with('/')) return command;
  }
  throw std::runtime_error(file.string() + ": no ExecStart= with the path of a program");
}

}  // namespace

Units::Units(const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".service") continue;
    units_[entry.path().filename()] = {.command = command_in(entry.path())};
  }
}

Units::~Units() {
  for (const auto& [name, unit] : units_) stop(name);
}

std::vector<std::string> Units::names() const {
  std::vector<std::string> all;
  for (const auto& [name, unit] : units_) all.push_back(name);
  return all;
}

bool Units::is_active(const std::string& name) {
  Unit& unit = units_.at(name);
  if (unit.process != 0 && ::waitpid(unit.process, nullptr, WNOHANG) != 0) unit.process = 0;
  return unit.process != 0;
}

void Units::start(const std::string& name) {
  if (is_active(name)) return;
  Unit& unit = units_.at(name);
  std::vector<char*> words;
  for (std::string& word : unit.command) words.push_back(word.data());
  words.push_back(nullptr);
  char* nothing = nullptr;
  // This program waits for signals that it has blocked; what it starts does not.
  posix_spawnattr_t how;
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_init(&how);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
  const int error = ::posix_spawn(&unit.process, words[0], nullptr, &how, words.data(), &nothing);
  posix_spawnattr_destroy(&how);
  if (error == 0) return;
  unit.process = 0;
  throw std::system_error(error, std::generic_category(), "start " + unit.command[0]);
}

void Units::stop(const std::string& name) {
  if (!is_active(name)) return;
  Unit& unit = units_.at(name);
  ::kill(unit.process, SIGTERM);
  for (int left = 100; left > 0 && is_active(name); --left) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (unit.process == 0) return;
  ::kill(unit.process, SIGKILL);
  ::waitpid(unit.process, nullptr, 0);
  unit.process = 0;
}
