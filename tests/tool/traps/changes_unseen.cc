// Acts, changes who it is, acts, and changes back.
#include "trap.h"

int main() {
  for (int i = 0; i < 3; ++i) trap::look("/trap/before");
  syscall(SYS_setfsuid, 3001);
  trap::look("/trap/between");
  syscall(SYS_setfsuid, 0);
  trap::look("/trap/after");
}
