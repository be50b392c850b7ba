// A program at a fixed address, where the address of a function of a library is one of the program's own.
#include <behalf/check.h>

#include <cstdio>

BEHALF_DECLARE_OPERATION(says_home);

int main() {
  const behalf::CheckedOperation found = BEHALF_CHECK(says_home);
  std::printf("%s%s\n", found.library.c_str(), found.trouble.c_str());
  return found.trouble.empty() ? 0 : 1;
}
