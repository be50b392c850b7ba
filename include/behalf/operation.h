// BEHALF_OPERATION: a function that `behalf check` can be asked about, in C and in C++.
//
//     #include <behalf/operation.h>
//     #include <stdio.h>
//
//     BEHALF_OPERATION(says_hello) {
//       puts("hello");
//       return 0;
//     }
//
// and then: behalf check ./libmine.so says_hello
//
// It defines `int NAME(void)` with C linkage, exported whatever the visibility of the rest. What it returns and what it
// writes to standard output is its outcome, which must be the user's own; what it does is observed.
//
// An operation belongs in a shared object (in CMake: SHARED or MODULE): the tool loads it into a service of its own,
// and dlopen(3) takes no programs.
#pragma once

#ifdef __cplusplus
#define BEHALF_C_LINKAGE extern "C"
#else
#define BEHALF_C_LINKAGE extern
#endif

// For another file to call an operation, or to check it, that is defined elsewhere.
#define BEHALF_DECLARE_OPERATION(name) BEHALF_C_LINKAGE int name(void)

// Followed by the body, which returns an int.
#define BEHALF_OPERATION(name)                                                  \
  BEHALF_C_LINKAGE __attribute__((visibility("default"), used)) int name(void); \
  int name(void)
