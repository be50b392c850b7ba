#include <behalf/tbb.h>

#include <algorithm>
#include <array>
#include <execution>
#include <functional>

#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  std::for_each with std::execution::par
works:  none
hop:    queue
clock:  first-caller
wrong:  libstdc++ hands the elements to oneTBB's workers, which are copies of whoever made it start them: a part of the
        elements is worked on as the first user, or as the service
cure:   call it inside of behalf::tbb::Arenas::execute
needs:  tbb behalf::tbb
source: clone(2), credentials(7): a thread starts with a copy of its maker's credentials
)")

static void for_each_part(const std::function<void(std::size_t)>& part) {
  static const std::array<std::size_t, 2> both = {0, 1};
  std::for_each(std::execution::par, both.begin(), both.end(), part);
}

static behalf::tbb::Arenas* arenas;

extern "C" void before_cured() {
  arenas = new behalf::tbb::Arenas;
}

extern "C" int operation() {
  behalf_row::Parts parts(2);
  for_each_part([&](std::size_t part) { parts.run(part); });
  parts.print();
  return 0;
}

extern "C" int cured() {
  behalf_row::Parts parts(2);
  arenas->execute([&] { for_each_part([&](std::size_t part) { parts.run(part); }); });
  parts.print();
  return 0;
}
