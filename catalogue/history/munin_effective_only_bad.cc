#include "children/program.h"
#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  munin: a plug-in with effective ids
works:  none
hop:    child
clock:  real-id
wrong:  the node changed its effective ids, and started the plug-in's shell: which found its real uid to be another, and
        went back to it. Plug-ins ran as root
cure:   real and saved ids too, in the child, before exec: munin_effective_only_fixed
source: github.com/munin-monitoring/munin issue 633
)")

// Whose notes does it read? By the shell alone: no second program.
static char* const plugin[] = {
    const_cast<char*>("/bin/sh"), const_cast<char*>("-c"),
    const_cast<char*>("for home in /home/alice /home/bob /root; do "
                      "{ read -r name <$home/note.txt; } 2>/dev/null && echo \"$name\"; done"),
    nullptr};

static behalf_row::Workers* node;

extern "C" void before() {
  node = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client user;
  int status = 0;
  node->run([&] {
    const behalf_row::WorksFor as(user);
    const pid_t child = fork();
    if (child == 0) {
      execv(plugin[0], plugin);
      _exit(127);
    }
    status = child < 0 ? errno : behalf_row::wait_for(child);
  });
  return status;
}
