// Regions of OpenMP under stress: callers of all identities, each with a team of its own, exceptions among them.
#include <atomic>

#include "behalf/openmp.h"
#include "behalf/thread.h"
#include "stress.h"

namespace behalf::testing {
namespace {

struct OnPurpose {};

void through_regions(std::uint64_t tasks, const std::vector<Token>& identities, Tally& tally) {
  constexpr unsigned callers_at_once = 4;
  constexpr int team = stress_threads / callers_at_once;
  constexpr std::uint64_t in_each = 20;
  std::vector<behalf::thread> callers;
  for (unsigned i = 0; i < callers_at_once; ++i) {
    callers.emplace_back(as_service, [&, i] {
      Turns turns(i + 1);
      for (std::uint64_t done = i * in_each; done < tasks; done += callers_at_once * in_each) {
        const Impersonation as{identities[turns.next(identities.size())]};
        const Token who = *worn();
        const bool throws = turns.next(50) == 0;
        std::atomic<std::uint64_t> begun{0};
        try {
          openmp::parallel_for(
              std::uint64_t{0}, in_each,
              [&](std::uint64_t part) {
                ++begun;
                tally.check(who);
                if (throws && part == 7) throw OnPurpose{};
              },
              team);
        } catch (const OnPurpose&) {
          tally.threw();
        }
        for (; begun < in_each; ++begun) tally.not_run();
      }
    });
  }
  for (behalf::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace behalf::testing

int main(int argc, char** argv) {
  return behalf::testing::stress(argc, argv, {{"openmp", behalf::testing::through_regions}});
}
