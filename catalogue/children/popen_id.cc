#include "children/program.h"
#include "row.h"

BEHALF_ROW(R"(
title:  popen(3)
works:  full
hop:    child
clock:  real-id
wrong:  a shell that finds its effective uid to be another than its real one goes back to the real one: the command runs
        as the service, with all its powers (`files`, `effective`), or as the spare account (`shielded`)
cure:   behalf::Popen, of the program itself, or of a shell by its name: all ids are the user's before it starts
source: dash(1) -p; popen(3)
)")

extern "C" int operation() {
  std::FILE* const command = popen("id -u", "re");
  if (command == nullptr) return errno;
  char line[64] = {};
  if (std::fgets(line, sizeof line, command) != nullptr) std::printf("the command is %s", line);
  return pclose(command);
}

extern "C" int cured() {
  if (!behalf::worn()) return behalf_row::print_line_from_shell_as_caller("id -u");
  behalf::Popen command({"id", "-u"});
  char line[64] = {};
  if (std::fgets(line, sizeof line, command.stream()) != nullptr) std::printf("the command is %s", line);
  return command.close().code;
}
