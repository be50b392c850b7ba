// Operations whose work reaches another thread, process or time.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

namespace {

std::mutex mutex;
std::condition_variable changed;
bool asked = false;

}  // namespace

extern "C" {

int reads_own_note() {
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    const int fd = open(note, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    std::printf("reads %s\n", note);
    close(fd);
  }
  return 0;
}

// A worker made before any call acts 200 ms after it was asked, when the call is long over, and says nothing.
void late_worker() {
  std::thread([] {
    for (;;) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [] { return asked; });
        asked = false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      const int fd = open("/srv/inbox/late", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
      if (fd >= 0) close(fd), unlink("/srv/inbox/late");
    }
  }).detach();
}
int asks_for_a_late_effect() {
  const std::scoped_lock lock(mutex);
  asked = true;
  changed.notify_one();
  return 0;
}

// The same from a thread made in the call: it keeps the user's identity, and so does right, but it outlives the call.
int acts_late_in_a_thread_of_its_own() {
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const int fd = open("/srv/inbox/own-late", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd), unlink("/srv/inbox/own-late");
  }).detach();
  return 0;
}

// A child that outlives the call, and acts as the user who is asked for while it does.
int leaves_a_child() {
  if (const pid_t child = fork(); child == 0) {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (user != 0 && (setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0)) _exit(1);
    usleep(100000);
    const int fd = open("/srv/inbox/by-child", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd), unlink("/srv/inbox/by-child");
    for (;;) pause();
  }
  return 0;
}

}  // extern "C"
