// Names files in every way that a call can.
#include <sys/stat.h>

#include "trap.h"

int main(int, char** argv) {
  const std::string folder = argv[1];
  trap::must(chdir(folder.c_str()) == 0, "chdir");
  int fd = open("relative", O_RDONLY);
  trap::must(fd >= 0, "relative");
  close(fd);
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  trap::must(openat(directory, "absent", O_RDONLY) < 0, "absent");
  fd = openat(directory, "made", O_CREAT | O_WRONLY, 0600);
  struct stat status {};
  trap::must(fstatat(fd, "", &status, AT_EMPTY_PATH) == 0, "fstat of the descriptor");
  struct statx more {};
  trap::must(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &more) == 0, "statx of the descriptor");
  trap::must(fchmod(fd, 0640) == 0, "fchmod");
  trap::must(renameat(directory, "made", AT_FDCWD, "../renamed") == 0, "renameat");
  trap::must(mkdir((folder + "/relative/below").c_str(), 0700) < 0, "mkdir below a file");
  trap::must(syscall(SYS_openat, AT_FDCWD, nullptr, O_RDONLY) < 0, "no path");
  trap::must(unlink("../renamed") == 0, "unlink");
  trap::must(openat(-7, "lost", O_RDONLY) < 0, "bad directory");
  fd = open("/proc/self/status", O_RDONLY);
  const std::string other = "/proc/" + std::to_string(getpid()) + "/stat";
  fd = open(other.c_str(), O_RDONLY);
}
