// none: works
// stale: lost cache
// acts: note folder
// line: none
#include <map>
#include <mutex>

#include "task.h"

extern "C" void before() {}

extern "C" int operation() {
#if CORPUS_FAULT == FAULT_none
  static std::mutex mutex;
  static std::map<uid_t, std::string> known;
  const std::lock_guard lock(mutex);
  const auto [entry, fresh] = known.try_emplace(corpus::of_thread().uid);
  if (fresh) entry->second = corpus::act();
  std::fputs(entry->second.c_str(), stdout);
#else
  static const std::string answer = corpus::act();
  std::fputs(answer.c_str(), stdout);
#endif
  return 0;
}
