#include "children/program.h"
#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  munin: a plug-in with all ids
works:  files effective full shielded
hop:    child
wrong:  nothing: the shell has no other id to go back to
cure:   none needed; behalf::spawn
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
    status = behalf_row::run_as_caller(plugin);
  });
  return status;
}
