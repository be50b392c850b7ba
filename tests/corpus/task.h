// The work that is handed over: done where it is run, and its answer waited for by the caller without a hand-off of its
// own that could be mistaken for the one under test: the answer comes back by a pipe of the task's own.
#pragma once

#include "act.h"
#include "identity.h"
#include "row.h"

namespace corpus {

class Task {
 public:
  Task() : baggage_(pack()) { must(pipe2(ends_, O_CLOEXEC)); }
  ~Task() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Where the work runs.
  void run() {
    baggage_.wear();
    const std::string answer = act();
    baggage_.give_back();
    must(write(ends_[1], answer.c_str(), answer.size() + 1));
  }
  // In the caller.
  int print_answer() {
    char text[512];
    const ssize_t size = read(ends_[0], text, sizeof text);
    must(size);
    std::fwrite(text, 1, size > 0 ? static_cast<std::size_t>(size - 1) : 0, stdout);
    return 0;
  }

 private:
  Baggage baggage_;
  int ends_[2] = {-1, -1};
};

}  // namespace corpus

// Every program is a row of a catalogue of its own; its labels are in the head of its file.
BEHALF_ROW("title: " PROGRAM "\nworks: " WORKS "\n")
