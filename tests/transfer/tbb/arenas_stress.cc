// Arenas under stress: 16 callers at a time, loops within loops, exceptions; arenas are kept for
// everybody, or for few.
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>

#include "behalf/tbb.h"
#include "behalf/thread.h"
#include "stress.h"

namespace behalf::testing {
namespace {

struct OnPurpose {};

void through(std::size_t kept, std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  constexpr std::uint64_t in_each = 20;
  const oneapi::tbb::global_control parallelism(oneapi::tbb::global_control::max_allowed_parallelism, stress_threads);
  tbb::Arenas arenas({.kept = kept, .threads = 4});
  std::vector<behalf::thread> callers;
  for (unsigned i = 0; i < stress_threads; ++i) {
    callers.emplace_back(as_service, [&, i] {
      Turns turns(i + 1);
      for (std::uint64_t done = i * in_each; done < tasks; done += stress_threads * in_each) {
        const Token& who = identities[turns.next(identities.size())];
        const Token& other = identities[turns.next(identities.size())];
        const bool throws = turns.next(50) == 0;
        try {
          arenas.execute(who, [&] {
            oneapi::tbb::parallel_for(std::uint64_t{0}, in_each, [&](std::uint64_t part) {
              tally.check(who);
              if (part == 7) arenas.execute(other, [&] { tally.check(other); });
            });
            if (throws) throw OnPurpose{};
          });
        } catch (const OnPurpose&) {
          tally.threw();
        }
      }
    });
  }
  for (behalf::thread& caller : callers) caller.join();
}

void through_arenas(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  through(2 * stress_identities, tasks, identities, tally);
}

void through_few_arenas(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  through(8, tasks, identities, tally);
}

}  // namespace
}  // namespace behalf::testing

int main(int argc, char** argv) {
  return behalf::testing::stress(
      argc, argv, {{"arenas", behalf::testing::through_arenas}, {"few_arenas", behalf::testing::through_few_arenas}});
}
