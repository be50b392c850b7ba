// Asks by the real ids and by the effective ids, which differ.
#include "trap.h"

int main(int, char** argv) {
  const std::string file = argv[1];
  trap::must(syscall(SYS_setresuid, -1, 3001, -1) == 0, "setresuid");
  const int by_real = access(file.c_str(), R_OK);
  trap::say("access %d\n", by_real);
  const auto at_real = static_cast<int>(syscall(SYS_faccessat, AT_FDCWD, (file + ".at").c_str(), R_OK));
  trap::say("faccessat %d\n", at_real);
  const auto by_effective = static_cast<int>(syscall(439, AT_FDCWD, (file + ".2").c_str(), R_OK, AT_EACCESS));
  trap::say("faccessat2 %d\n", by_effective);
  const auto by_real_too = static_cast<int>(syscall(439, AT_FDCWD, (file + ".3").c_str(), R_OK, 0));
  trap::say("faccessat2 real %d\n", by_real_too);
}
