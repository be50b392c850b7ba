/* Operations can be written in any language that can export `int NAME(void)`. */
#include <behalf/operation.h>
#include <stdio.h>

BEHALF_OPERATION(reads_note_in_c) {
  FILE* note = fopen("/home/alice/note.txt", "r");
  puts(note != NULL ? "alice's note can be read" : "alice's note cannot be read");
  if (note != NULL) fclose(note);
  return 0;
}
