// What is asked about: a few lines for each, which run on the stage of `behalf check`. There alice and bob have a
// private note.txt and .config/app.conf each; what an operation prints is its answer, and must be the user's own.
#include <behalf/operation.h>

#include <cstdio>

#include "notes.h"

// Right: the kernel looks at who the thread is now, and alice's note opens for alice alone.
BEHALF_OPERATION(reads_note) {
  for (const char* owner : {"alice", "bob"})
    std::printf("the note of %s: \"%s\"\n", owner,
                notes::first_line(std::string("/home/") + owner + "/note.txt").c_str());
  return 0;
}

// Wrong: $HOME is the process's, so every user is looked for in the home of the service.
BEHALF_OPERATION(reads_setting) {
  std::printf("owner=%s\n", notes::setting("owner").c_str());
  return 0;
}
