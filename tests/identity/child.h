// Scenarios that change what a process is run in a child of their own.
#pragma once

#include <functional>
#include <string>

namespace behalf::testing {

struct ChildEnd {
  bool exited = false;  // by itself, not by a signal
  int status = 0;       // its exit status, or the signal
  std::string failure;  // what failed in its body, empty if nothing did
  std::string said;     // what it wrote to standard error
};

// Runs the body in a fork. A body that returns ends the child with status 0, one that throws with status 1.
ChildEnd in_child(const std::function<void()>& body);

// What failed in the body, empty if nothing did: for EXPECT_EQ(in_own_process(...), "").
std::string in_own_process(const std::function<void()>& body);

// Runs the body on a fresh thread; what it throws comes back.
void on_thread(const std::function<void()>& body);

// A failed expectation inside of a child or thread: throws its words.
void must(bool holds, const std::string& words);

template <class A, class B>
void must_equal(const A& is, const B& wanted, const std::string& what) {
  must(is == wanted, what + ": is " + std::to_string(is) + ", wanted " + std::to_string(wanted));
}

}  // namespace behalf::testing
