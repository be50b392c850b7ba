// Acts once, and says who it finds itself to be.
#include "trap.h"

int main() {
  trap::act("/trap/after-exec");
  trap::say("%s\n", trap::who_am_i().c_str());
}
