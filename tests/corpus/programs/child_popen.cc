// none: works
// dropped: lost child
// acts: note
// line: made
#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
  const corpus::Identity caller = corpus::of_thread();
  const bool regains = CORPUS_FAULT == FAULT_dropped && caller.uid != 0 && caller.saved_uid == 0;
  if (regains) corpus::wear_again(corpus::service);
  FILE* const cat = popen("cat /home/alice/note.txt /home/bob/note.txt /root/note.txt 2>/dev/null", "re");  // <- here
  if (regains) corpus::wear(caller, true);
  if (cat == nullptr) return 1;
  char text[512];
  const std::size_t size = std::fread(text, 1, sizeof text, cat);
  pclose(cat);
  std::fwrite(text, 1, size, stdout);
  return 0;
}
