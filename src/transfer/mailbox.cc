#include "behalf/mailbox.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include "behalf/error.h"

namespace behalf::detail {

namespace {

// The boxes whose messages the calling thread is handling, the innermost first.
struct Handling {
  const Post* box;
  const Handling* around;
};
thread_local const Handling* handling = nullptr;

bool is_handled_here(const Post* box) noexcept {
  for (const Handling* at = handling; at != nullptr; at = at->around) {
    if (at->box == box) return true;
  }
  return false;
}

std::exception_ptr closed() {
  return std::make_exception_ptr(Error(
      Error::Reason::cancelled, "behalf: send a message: the mailbox is closed, and the message was not handled"));
}

std::exception_ptr waits_for_itself() {
  return std::make_exception_ptr(Error(
      Error::Reason::would_wait_for_itself,
      "behalf: send a message: the thread is handling a message of the same mailbox, and would wait for itself. Post "
      "the message, or ask for the answer and take it later"));
}

}  // namespace

class Post::Core {
 public:
  Core(Carried whose, const MailboxOptions& with) : owner(std::move(whose)), options(with) {}

  void destroy(std::unique_ptr<Letter> letter) const noexcept {
    destroy_as(
        owner, [](void* object) noexcept { delete static_cast<Letter*>(object); }, letter.release());
  }

  void refuse(std::unique_ptr<Letter> letter, const std::exception_ptr& why) const noexcept {
    const std::unique_ptr<Answer> answer = std::move(letter->answer);
    destroy(std::move(letter));
    if (answer != nullptr) answer->refuse(why);
  }

  const Carried owner;
  const MailboxOptions options;
  std::mutex mutex;
  std::condition_variable_any has_letter;
  std::condition_variable_any has_room;
  std::deque<std::unique_ptr<Letter>> letters;
  bool is_closed = false;
};

Post::Post(Carried owner, const MailboxOptions& options) : core_(std::make_unique<Core>(std::move(owner), options)) {}

Post::~Post() {
  close();
}

void Post::put(std::unique_ptr<Letter> letter, bool will_wait) {
  Core& core = *core_;
  const auto give_up = [&](const std::exception_ptr& why) {
    core.destroy(std::move(letter));
    std::rethrow_exception(why);
  };
  if (will_wait && is_handled_here(this)) return give_up(waits_for_itself());
  std::unique_lock lock(core.mutex);
  const auto has_room = [&] { return core.is_closed || core.letters.size() < core.options.capacity; };
  if (!has_room()) {
    std::exception_ptr why;
    if (core.options.when_full == MailboxOptions::WhenFull::refuse) {
      why = std::make_exception_ptr(
          Error(Error::Reason::queue_full, "behalf: send a message: " + std::to_string(core.options.capacity) +
                                               " messages wait in the mailbox, which has no room for more"));
    } else if (is_handled_here(this)) {
      why = waits_for_itself();
    } else {
      core.has_room.wait(lock, has_room);
    }
    if (why != nullptr) {
      lock.unlock();
      return give_up(why);
    }
  }
  if (core.is_closed) {
    lock.unlock();
    return give_up(closed());
  }
  try {
    core.letters.push_back(std::move(letter));  // strong guarantee: the letter is still ours where it throws
  } catch (...) {
    lock.unlock();
    return give_up(std::current_exception());
  }
  lock.unlock();
  core.has_letter.notify_one();
}

bool Post::take(bool wait, const std::stop_token& stop, const std::function<void(Letter&)>& handle) {
  Core& core = *core_;
  const auto has_letter = [&] { return core.is_closed || !core.letters.empty(); };
  for (;;) {
    {
      std::unique_lock lock(core.mutex);
      if (wait) core.has_letter.wait(lock, stop, has_letter);
      if (core.letters.empty()) return false;
      if (stop.stop_requested()) {
        core.has_letter.notify_one();  // what woke this receiver is for another
        return false;
      }
    }
    // Where nothing is taken, what woke this receiver is for another.
    struct PassOn {
      ~PassOn() {
        if (!taken) has_letter.notify_one();
      }
      std::condition_variable_any& has_letter;
      bool taken = false;
    } pass_on{core.has_letter};
    // The receiver is worn before the letter is taken: where that fails, the letter has not been touched.
    const bool handled = core.owner.run([&] {
      std::unique_ptr<Letter> letter;
      {
        const std::lock_guard lock(core.mutex);
        if (core.letters.empty()) return false;  // another receiver was faster
        letter = std::move(core.letters.front());
        core.letters.pop_front();
      }
      pass_on.taken = true;
      core.has_room.notify_one();
      const Handling here{this, handling};
      struct Restore {
        ~Restore() { handling = before; }
        const Handling* before = handling;
      } restore;
      handling = &here;
      handle(*letter);
      return true;
    });
    if (handled || !wait) return handled;
  }
}

void Post::close() noexcept {
  Core& core = *core_;
  std::deque<std::unique_ptr<Letter>> unhandled;
  {
    const std::lock_guard lock(core.mutex);
    core.is_closed = true;
    unhandled.swap(core.letters);
  }
  core.has_letter.notify_all();
  core.has_room.notify_all();
  if (unhandled.empty()) return;
  const std::exception_ptr why = closed();
  for (std::unique_ptr<Letter>& letter : unhandled) core.refuse(std::move(letter), why);
}

}  // namespace behalf::detail
