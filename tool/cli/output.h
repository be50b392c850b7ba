// Where a report goes, looked at before the work and not after it.
#pragma once

#include <string>

namespace behalf::tool {

class Destination {
 public:
  // Standard output, or a file. Throws UsageError for a file that cannot be, MachineError when there is no place.
  explicit Destination(const std::string& file);
  ~Destination();
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  // All of it, or MachineError.
  void write(const std::string& text) const;
  bool is_terminal() const;
  int width() const;

 private:
  std::string name_;
  int fd_ = 1;
};

// Progress on standard error, when that is a terminal: a bar, the count, and the time that is left.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(std::size_t done, std::size_t total);

 private:
  bool shown_;
  bool drawn_ = false;
  double started_;
  double last_ = 0;
};

}  // namespace behalf::tool
