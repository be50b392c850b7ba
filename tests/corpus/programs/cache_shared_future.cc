// none: works
// stale: lost cache
// acts: note create
// line: none
#include <future>
#include <map>
#include <mutex>

#include "task.h"

static std::mutex mutex;
static std::map<uid_t, std::shared_future<std::string>> answers;

extern "C" void before() {}

extern "C" int operation() {
  const uid_t key = CORPUS_FAULT == FAULT_none ? corpus::of_thread().uid : 0;
  std::unique_lock lock(mutex);
  std::shared_future<std::string>& answer = answers[key];
  if (!answer.valid()) answer = std::async(std::launch::deferred, [] { return corpus::act(); }).share();
  const std::string text = answer.get();
  lock.unlock();
  std::fputs(text.c_str(), stdout);
  return 0;
}
