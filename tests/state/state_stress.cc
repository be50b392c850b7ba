// per_identity under random histories: users, failures, drops, refreshes, expiry and want of room, many threads at a
// time. The model is one value for each identity: whatever is got must have been made by, as and for whoever asked, and
// is destroyed as them.
#include <atomic>
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
  Owned(const Token& who, std::atomic<std::uint64_t>& strangers) : who_(who), strangers_(&strangers) {
    if (uid_now() != who.uid()) ++*strangers_;
  }
  Owned(Owned&& other) noexcept : who_(other.who_), strangers_(std::exchange(other.strangers_, nullptr)) {}
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (strangers_ != nullptr && uid_now() != who_.uid()) ++*strangers_;
  }
  [[nodiscard]] bool belongs_to(const Token& who) const { return who_ == who; }

 private:
  Token who_;
  std::atomic<std::uint64_t>* strangers_;
};

void through_per_identity(std::uint64_t operations, const std::vector<Token>& identities, Tally& tally) {
  std::atomic<std::uint64_t> strangers{0};
  std::atomic<std::uint64_t> asked{0};
  {
    per_identity<Owned> cache(
        [&](const Token& who) {
          if (asked.fetch_add(1) % 50 == 0) throw OnPurpose{};
          return Owned(who, strangers);
        },
        {.at_most = identities.size() / 2, .lives = std::chrono::milliseconds(5)},
        [&](Owned&) { return asked.fetch_add(1) % 20 != 0; });
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < stress_threads; ++i) {
      threads.emplace_back([&, i] {
        Turns turns(i + 1);
        std::vector<std::shared_ptr<Owned>> held(8);
        const std::uint64_t share = operations / stress_threads + 1;
        for (std::uint64_t n = 0; n < share; ++n) {
          const Token& who = identities[turns.next(identities.size())];
          const std::uint64_t kind = turns.next(100);
          try {
            std::shared_ptr<Owned> got;
            if (kind == 0) {
              (void)cache.drop(who);
              tally.not_run();
            } else if (kind == 1) {
              if (turns.next(20) == 0) cache.clear();
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
            tally.count(got->belongs_to(who));
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
  return stress(argc, argv, {{"per_identity", through_per_identity}});
}
