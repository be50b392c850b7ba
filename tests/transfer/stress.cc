#include "stress.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {

void Tally::check(const Token& token) {
  ++ran_;
  const std::string wrong = difference(token);
  if (wrong.empty()) return;
  if (++wrong_ <= 5) std::fprintf(stderr, "wrong: %s\n", wrong.c_str());
}

void Tally::count(bool right) {
  ++ran_;
  if (!right) ++wrong_;
}

int stress(int argc, char** argv, const std::vector<Executor>& executors) {
  const std::uint64_t tasks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20'000;
  if (tasks == 0) return std::fprintf(stderr, "usage: %s [TASKS [EXECUTOR…]]\n", argv[0]), 64;
  start(ServiceKind::root);
  std::vector<Token> identities;
  for (std::size_t i = 0; i < stress_identities; ++i) {
    const auto id = static_cast<uid_t>(20000 + i);
    identities.push_back(Token::from_ids(id, id, {id, static_cast<gid_t>(21000 + i % 3)}));
  }
  int status = 0;
  for (const Executor& executor : executors) {
    bool wanted = argc <= 2;
    for (int at = 2; at < argc; ++at) wanted |= executor.name == argv[at];
    if (!wanted) continue;
    Tally tally;
    const auto begin = std::chrono::steady_clock::now();
    executor.run(tasks, identities, tally);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::string left = threads_that_are_not_root();
    std::printf("%-10s %9ju ran, %ju wrong; %ju threw, %ju were not run; %s; %.1f s\n", executor.name.c_str(),
                tally.ran(), tally.wrong(), tally.thrown(), tally.dropped(),
                left.empty() ? "no thread is left as a user" : left.c_str(), took.count());
    // What did not run has been told so; and most have run, or nothing was tested.
    const bool all = tally.ran() + tally.dropped() >= tasks && tally.ran() > tasks / 2;
    if (!all) std::printf("%-10s tasks are not accounted for\n", executor.name.c_str());
    if (tally.wrong() != 0 || !left.empty() || !all) status = 1;
  }
  return status;
}

}  // namespace behalf::testing
