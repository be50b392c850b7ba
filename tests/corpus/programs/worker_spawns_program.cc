// none: works
// dropped: lost queue
// acts: note
#include <spawn.h>
#include <sys/wait.h>

#include "queue.h"
#include "task.h"

static void run_cat(int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  const char* const words[] = {"cat", "/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt", nullptr};
  pid_t child = 0;
  if (posix_spawn(&child, "/bin/cat", &actions, nullptr, const_cast<char* const*>(words), nullptr) == 0)
    waitpid(child, nullptr, 0);
  posix_spawn_file_actions_destroy(&actions);
}

namespace {

struct Request {
  corpus::Baggage baggage;
  int output;
  int done;
};
corpus::Queue<Request*> queue;

}  // namespace

extern "C" void before() {
  corpus::serve(queue, [](Request* request) {
    // The good twin's child has to be the user wholly: the service's saved ids go at the exec.
    request->baggage.wear();
    run_cat(request->output);
    request->baggage.give_back();
    corpus::must(write(request->done, "", 1));
  });
}

extern "C" int operation() {
  int output[2], done[2];
  corpus::must(pipe2(output, O_CLOEXEC));
  corpus::must(pipe2(done, O_CLOEXEC));
  Request request{corpus::pack(), output[1], done[1]};
  queue.push(&request);  // <- here
  char text[512];
  corpus::must(read(done[0], text, 1));
  close(output[1]);
  const ssize_t size = read(output[0], text, sizeof text);
  if (size > 0) std::fwrite(text, 1, static_cast<std::size_t>(size), stdout);
  for (const int fd : {output[0], done[0], done[1]}) close(fd);
  return 0;
}
