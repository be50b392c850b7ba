#include "coroutines/task.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a coroutine resumed by its caller
works:  files effective full shielded
hop:    coroutine
wrong:  nothing: it goes on in the thread that resumes it, which still works for the same user
cure:   none needed
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static behalf_row::Task read_when_resumed(std::coroutine_handle<>& suspended) {
  co_await behalf_row::SuspendTo{[&](std::coroutine_handle<> self) { suspended = self; }};
  behalf_row::print_whose_notes_open();
}

extern "C" int operation() {
  std::coroutine_handle<> suspended;
  read_when_resumed(suspended);
  suspended.resume();
  return 0;
}
