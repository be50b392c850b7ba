// Says on which CPUs it may run, then chooses one, and says it again.
#include <sched.h>

#include "trap.h"

namespace {
void say_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  trap::must(sched_getaffinity(0, sizeof set, &set) == 0, "sched_getaffinity");
  std::string line = "cpus";
  for (int cpu = 0; cpu < 64; ++cpu)
    if (CPU_ISSET(cpu, &set)) line += " " + std::to_string(cpu);
  trap::say("%s\n", line.c_str());
}
}  // namespace

int main() {
  say_cpus();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  trap::must(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
  say_cpus();
}
