// The least that a program costs which executes another, as sudo(8) and run-as do: FLOOR PROGRAM does nothing before;
// FLOOR PROGRAM USER looks up the user and her groups.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  if (argc > 2) {
    gid_t groups[256];
    int count = 256;
    const struct passwd* user = getpwnam(argv[2]);
    if (user == NULL || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0) return 1;
  }
  char* program[] = {argv[1], NULL};
  execv(program[0], program);
  return 127;
}
