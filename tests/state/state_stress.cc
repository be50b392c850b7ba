// per_identity under random histories: users, failures, drops, refreshes, expiry and want of room, many threads at a
// time. The model is one value for each identity: whatever is got must have been made by, as and for whoever asked, and
// is destroyed as them; and none that was begun before a drop or a clear() is given to who asks after it.
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "behalf/per_identity.h"
#include "stress.h"
#include "witness.h"

namespace behalf::testing {
namespace {

struct OnPurpose {};

// Knows whose it is, and counts when it ends as anybody else.
class Owned {
 public:
  Owned(const Token& who, std::uint64_t begun, std::atomic<std::uint64_t>& strangers)
      : who_(who), begun_(begun), strangers_(&strangers) {
    if (uid_now() != who.uid()) ++*strangers_;
  }
  Owned(Owned&& other) noexcept
      : who_(other.who_), begun_(other.begun_), strangers_(std::exchange(other.strangers_, nullptr)) {}
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (strangers_ != nullptr && uid_now() != who_.uid()) ++*strangers_;
  }
  [[nodiscard]] bool belongs_to(const Token& who) const { return who_ == who; }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }

 private:
  Token who_;
  std::uint64_t begun_;
  std::atomic<std::uint64_t>* strangers_;
};

// With want of room and an object probed each time, or with neither, so that threads get again what they know.
enum class Kept { briefly, long_enough };

template <Kept kept>
void through_per_identity(std::uint64_t operations, const std::vector<Token>& identities, Tally& tally) {
  std::atomic<std::uint64_t> strangers{0};
  std::atomic<std::uint64_t> asked{0};
  // By when what an identity is given must have been begun: since its last drop.
  std::atomic<std::uint64_t> time{1};
  std::vector<std::atomic<std::uint64_t>> not_before(identities.size());
  const auto dropped_at = [&](std::size_t number, std::uint64_t when) {
    std::uint64_t known = not_before[number];
    while (known < when && !not_before[number].compare_exchange_weak(known, when)) continue;
  };
  {
    per_identity<Owned> cache(
        [&](const Token& who) {
          const std::uint64_t begun = ++time;
          if (asked.fetch_add(1) % 50 == 0) throw OnPurpose{};
          return Owned(who, begun, strangers);
        },
        {.at_most = kept == Kept::briefly ? identities.size() / 2 : 2 * identities.size(),
         .lives = std::chrono::milliseconds(kept == Kept::briefly ? 5 : 200)},
        kept == Kept::briefly ? [&](Owned&) { return asked.fetch_add(1) % 20 != 0; } : std::function<bool(Owned&)>());
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < stress_threads; ++i) {
      threads.emplace_back([&, i] {
        Turns turns(i + 1);
        std::vector<std::shared_ptr<Owned>> held(8);
        const std::uint64_t share = operations / stress_threads + 1;
        for (std::uint64_t n = 0; n < share; ++n) {
          const std::size_t number = turns.next(identities.size());
          const Token& who = identities[number];
          const std::uint64_t kind = turns.next(100);
          const std::uint64_t earliest = not_before[number];
          const std::uint64_t now = time;
          try {
            std::shared_ptr<Owned> got;
            if (kind == 0) {
              (void)cache.drop(who);
              dropped_at(number, now);
              tally.not_run();
            } else if (kind == 1) {
              if (turns.next(20) == 0) {
                cache.clear();
                for (std::size_t each = 0; each < identities.size(); ++each) dropped_at(each, now);
              }
              cache.drop_expired();
              tally.not_run();
            } else if (kind < 4) {
              got = cache.refresh(who);
            } else if (kind < 60) {
              got = cache.get(who);
            } else {
              const Impersonation as{who};
              got = cache.get();
            }
            if (got == nullptr) continue;
            tally.count(got->belongs_to(who) && got->begun() > earliest);
            held[turns.next(held.size())] = std::move(got);
          } catch (const OnPurpose&) {
            tally.threw();
            tally.not_run();
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  tally.count(strangers == 0);
}

}  // namespace
}  // namespace behalf::testing

int main(int argc, char** argv) {
  using namespace behalf::testing;
  return stress(
      argc, argv,
      {{"per_identity", through_per_identity<Kept::briefly>}, {"known", through_per_identity<Kept::long_enough>}});
}
