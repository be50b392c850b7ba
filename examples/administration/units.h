// The services of a machine: each a file NAME.service with a line ExecStart=PROGRAM WORD..., and the process of it.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

class Units {
 public:
  // The files of that folder, as they are now. Throws std::runtime_error.
  explicit Units(const std::string& folder);
  // Stops what runs.
  ~Units();
  Units(const Units&) = delete;
  Units& operator=(const Units&) = delete;

  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool has(const std::string& name) const { return units_.contains(name); }

  // These take the name of one that is there.
  [[nodiscard]] bool is_active(const std::string& name);
  // Throws std::system_error. One that runs already stays.
  void start(const std::string& name);
  void stop(const std::string& name);

 private:
  struct Unit {
    std::vector<std::string> command;
    pid_t process = 0;  // 0: none
  };
  std::map<std::string, Unit> units_;
};
