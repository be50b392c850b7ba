// Each section is compiled alone and must be refused, with words that tell why.
#include <string>

#include "behalf/per_identity.h"
#include "behalf/spawn.h"
#include "behalf/system.h"

[[maybe_unused]] static behalf::ExitStatus allowed(const behalf::Token& token) {
  behalf::per_identity<int> numbers([] { return 1; });
  (void)numbers.get(token);
  behalf::Child child = behalf::spawn(token, {"/bin/sh", "-c", "ls -l"});
  behalf::Child moved = std::move(child);
  return moved.wait();
}

[[noreturn]] [[maybe_unused]] static void allowed_to_become(const behalf::Token& token) {
  behalf::exec(token, {"ls", "-l"});
}

// No shell is run by mistake.
#ifdef MUST_NOT_COMPILE_command_line
void f(const behalf::Token& token) {
  (void)behalf::spawn(token, "ls -l");
}
#endif
// Nobody's child is the service's: who it is for is said.
#ifdef MUST_NOT_COMPILE_nobody
void f() {
  const std::vector<std::string> words = {"ls"};
  (void)behalf::spawn(words);
}
#endif
// A name is looked up where the caller says so, and not in the middle of something.
#ifdef MUST_NOT_COMPILE_name_of_user
void f() {
  const std::vector<std::string> words = {"ls"};
  (void)behalf::spawn(std::string("alice"), words);
}
#endif
// It would be killed at once.
#ifdef MUST_NOT_COMPILE_discard
void f(const behalf::Token& token) {
  behalf::spawn(token, {"ls"});
}
#endif
#ifdef MUST_NOT_COMPILE_copy
void f(const behalf::Child& child) {
  behalf::Child copy(child);
}
#endif
// What it had would have to be ended, or go on with nobody to answer for it.
#ifdef MUST_NOT_COMPILE_assign
void f(behalf::Child& child, behalf::Child& other) {
  child = std::move(other);
}
#endif
#ifdef MUST_NOT_COMPILE_per_identity_of_another
behalf::per_identity<int> f() {
  return behalf::per_identity<int>([] { return std::string("one"); });
}
#endif
