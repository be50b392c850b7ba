#include <stdexcept>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  HTCondor: an error on the way
works:  none
hop:    queue
clock:  submit
wrong:  an error led out of the function past the line that reverts: the thread stayed the user, and took the next one's
        work
cure:   revert in a destructor: htcondor_early_return_fixed
source: github.com/htcondor/htcondor, commit 32910716d7; Slurm commits 9da117eaba, e46da7865a
)")

// Fails for everybody: there is no such file.
static void read_settings() {
  if (open("/srv/inbox/no-settings", O_RDONLY | O_CLOEXEC) < 0) throw std::runtime_error("no settings");
}

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    try {
      behalf_row::become(client);
      behalf_row::print_whose_notes_open();
      read_settings();
      behalf_row::become_itself();
    } catch (const std::exception& error) {
      std::printf("failed: %s\n", error.what());
    }
  });
  return 0;
}
