// none: works
// stale: lost cache
// acts: note
// line: none
// The worker wears the caller as it should, but what it found is kept by the name of the question alone.
#include <map>

#include "queue.h"
#include "task.h"

namespace {

std::map<uid_t, std::string> known;

struct Answer {
  int ends[2];
  corpus::Identity caller = corpus::of_thread();
};
corpus::Queue<Answer*> queue;

}  // namespace

extern "C" void before() {
  corpus::serve(queue, [](Answer* wanted) {
    std::string& answer = known[CORPUS_FAULT == FAULT_none ? wanted->caller.uid : 0];
    if (answer.empty()) {
      const corpus::Identity self = corpus::of_thread();
      const bool wears = self.uid == 0 && wanted->caller.uid != 0;
      if (wears) corpus::wear(wanted->caller, true);
      answer = corpus::act();
      if (wears) corpus::wear_again(self);
    }
    corpus::must(write(wanted->ends[1], answer.c_str(), answer.size() + 1));
  });
}

extern "C" int operation() {
  Answer wanted{};
  corpus::must(pipe2(wanted.ends, O_CLOEXEC));
  queue.push(&wanted);
  char text[512];
  corpus::must(read(wanted.ends[0], text, sizeof text));
  std::fputs(text, stdout);
  close(wanted.ends[0]);
  close(wanted.ends[1]);
  return 0;
}
