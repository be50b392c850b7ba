#include "identity/thread_memo.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/fences.h"

namespace behalf::detail {

namespace {

// A plain pointer: usable while the thread's other thread-local objects are being destroyed, and no guard to check.
constinit thread_local Memo* memo_of_thread = nullptr;

void free_memo(void* memo) noexcept {
  memo_of_thread = nullptr;
  delete static_cast<Memo*>(memo);
}

constinit thread_local bool is_ending = false;

// Frees the memo when the thread ends.
struct Cleaner {
  bool wanted = false;
  ~Cleaner() {
    is_ending = true;
    free_memo(memo_of_thread);
  }
};
thread_local Cleaner cleaner;

// The thread's other thread-local objects may have work done as users when this one's is gone already: what is made
// for them is freed after them all (pthread_key_create(3)).
void free_at_the_very_end(Memo* memo) {
  static pthread_key_t key;
  static const int error = ::pthread_key_create(&key, free_memo);
  if (error != 0 || ::pthread_setspecific(key, memo) != 0) throw std::bad_alloc();
}

Memo& memo_made_here() {
  auto made = std::make_unique<Memo>();
  if (is_ending) {
    free_at_the_very_end(made.get());
  } else {
    cleaner.wanted = true;  // a thread-local object is made, and then destroyed, only where it is used
  }
  memo_of_thread = made.release();
  return *memo_of_thread;
}

bool is_main_thread() noexcept {
  return system_calls().gettid() == ::getpid();
}

void after_fork_in_child() {
  if (memo_of_thread != nullptr) memo_of_thread->main_thread = true;
}

std::optional<Posture> posture_of(const Service& service, const Credentials& found) {
  TokenData guess;
  guess.gid = found.gid.fs;
  guess.uid = found.uid.fs;
  for (const Posture posture : {Posture::full, Posture::shielded, Posture::effective, Posture::files}) {
    if (posture == Posture::shielded && !service.spare) continue;
    guess.posture = posture;
    const Credentials would_be = wear(service, guess);
    if (would_be.uid == found.uid && would_be.gid == found.gid) return posture;
  }
  return std::nullopt;
}

}  // namespace

Wish Memo::now() const noexcept {
  return {worn->wear, effective};
}

Memo* memo_or_null() noexcept {
  return memo_of_thread;
}

TokenPtr classify(const Service& service, const Credentials& found) {
  if (found == service.own) return service.token;
  TokenData data;
  data.uid = found.uid.fs;
  data.gid = found.gid.fs;
  data.wear = found;
  const bool somebody_else = found.uid != service.own.uid;
  const std::optional<Posture> posture = somebody_else ? posture_of(service, found) : std::nullopt;
  if (posture) {
    data.posture = *posture;
    data.wear.effective = 0;
    const Capabilities base = wear(service, data).effective;
    data.kept = found.effective & ~base;
    data.wear.effective = found.effective;
    if (!fence_refusal(service, data.uid, data.gid, found.groups, true)) return finish(std::move(data));
  }
  data.kind = TokenData::Kind::found;
  data.uid = found.uid.effective;
  data.gid = found.gid.effective;
  data.level = Level::identification;
  data.posture = Posture::full;
  data.kept = 0;
  return finish(std::move(data));
}

Memo& this_thread(const Service& service) {
  Memo& memo = memo_of_thread != nullptr ? *memo_of_thread : memo_made_here();
  if (memo.known) return memo;
  ThreadState state;
  if (const auto failure = read_thread(system_calls(), state)) {
    throw Error(
        Error::Reason::platform,
        std::string{"behalf: read the thread's credentials: "} + failure->call + ": " + error_words(failure->error),
        failure->error);
  }
  memo.scratch.resize(std::max(memo.scratch.size(), state.credentials.groups.size() + 1));
  memo.worn = classify(service, state.credentials);
  memo.effective = state.credentials.effective;
  memo.powers = state.powers;
  memo.main_thread = is_main_thread();
  memo.known = true;
  return memo;
}

void watch_forks() {
  static const int once = ::pthread_atfork(nullptr, nullptr, after_fork_in_child);
  (void)once;
}

}  // namespace behalf::detail
