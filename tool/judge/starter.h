// Starts the processes of legs for a scheduler that grows with what the legs tell it: fork(2) copies the page tables of
// its caller, and a leg forks three times. What is forked here is as small as the scheduler was before the first leg.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>

namespace behalf::tool {

class Starter {
 public:
  // `leg` is run, in a process of its own, with the number of a job, a CPU and the descriptor to which it is to write.
  // It knows what was there when the Starter was made. The calling process must have one thread, and stays the parent
  // of all. Throws std::system_error.
  explicit Starter(const std::function<void(std::size_t job, int cpu, int result)>& leg);
  ~Starter();
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  struct Started {
    pid_t process;
    int result;  // to be read from, and closed
  };
  Started start(std::size_t job, int cpu);

 private:
  int socket_ = -1;
  pid_t process_ = -1;
};

}  // namespace behalf::tool
