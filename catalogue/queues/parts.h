// Work in parts that run in threads of their own: what is handed to a pool.
//
// The caller of a parallel loop takes parts of it too, and would do them all before a worker is awake; so each part
// waits for the others to have begun, in other threads. The wait is bounded, for a machine without a second processor.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "row.h"

namespace behalf_row {

// The owners of the notes that can be read now: `alice` for who works as alice, all three for who is root.
inline std::string owners_of_readable_notes() {
  std::string owners;
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    const int fd = open(note, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char text[64] = {};
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size > 0) owners += ' ' + std::string(text, static_cast<std::size_t>(size - 1));
  }
  return owners;
}

class Parts {
 public:
  explicit Parts(std::size_t parts) : read_(parts) {}

  // In a worker: notes which files this part can read.
  void run(std::size_t part) {
    meet();
    const std::string owners = owners_of_readable_notes();
    const std::lock_guard lock(mutex_);
    read_[part] = owners;
    ++done_;
    changed_.notify_all();
  }

  // In the caller: when all parts are done, prints what each could read.
  void print() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ == read_.size(); });
    for (std::size_t part = 0; part < read_.size(); ++part) {
      std::printf("part %zu reads the notes of%s\n", part, read_[part].c_str());
    }
  }

 private:
  void meet() {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return begun_ == read_.size(); });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t begun_ = 0;
  std::size_t done_ = 0;
  std::vector<std::string> read_;
};

}  // namespace behalf_row
