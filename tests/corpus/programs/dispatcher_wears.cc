// none: works
// dropped: lost queue
// acts: note create
// The first worker wears the caller and hands on; it was last right there, and not in the caller.
#include "queue.h"
#include "task.h"

namespace {

struct Request {
  corpus::Task task;
  corpus::Identity caller = corpus::of_thread();
};
corpus::Queue<Request*> incoming, dispatched;

}  // namespace

extern "C" void before() {
  corpus::serve(incoming, [](Request* request) {
    const corpus::Identity self = corpus::of_thread();
    const bool wears = self.uid == 0 && request->caller.uid != 0;
    if (wears) corpus::wear(request->caller, true);
    dispatched.push(request);  // <- here
    if (wears) corpus::wear_again(self);
  });
  corpus::serve(dispatched, [](Request* request) { request->task.run(); });
}

extern "C" int operation() {
  Request request;
  incoming.push(&request);
  return request.task.print_answer();
}
