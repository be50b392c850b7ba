// Rings under stress: more users than the kernel is made to know, cancellation, more requests than there is room for,
// and the end of the ring with requests in flight. What a request came to tells as whom it was done, and the kernel as
// whom it was told.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "behalf/uring.h"
#include "place_for_files.h"
#include "stress.h"
#include "witness.h"

namespace behalf::testing {
namespace {

namespace uring = behalf::uring;
using Identities = std::vector<Token>;
using namespace std::chrono_literals;
using Without = uring::Options::WithoutKernel;

// A private file for each identity.
class PrivateFiles {
 public:
  explicit PrivateFiles(const Identities& identities) {
    for (const Token& owner : identities) {
      paths_.push_back(place_.file(std::to_string(owner.uid())));
      const int file = ::open(paths_.back().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
      must(file >= 0 && ::fchown(file, owner.uid(), owner.gid()) == 0, "a private file");
      ::close(file);
    }
  }
  [[nodiscard]] const std::string& of(std::size_t number) const { return paths_[number]; }

 private:
  PlaceForFiles place_;
  std::vector<std::string> paths_;
};

// One request of somebody's: to open a private file, which is hers or another's.
void submit(uring::Ring& ring, const PrivateFiles& files, const Identities& identities, Turns& turns, Tally& tally,
            std::counting_semaphore<>& room, const std::stop_token& stop) {
  const std::size_t number = turns.next(identities.size());
  const std::size_t whose = turns.next(4) == 0 ? turns.next(identities.size()) : number;
  const Token& who = identities[number];
  room.acquire();
  ring.submit(
      who, uring::open(files.of(whose), O_RDONLY).always(uring::close(uring::opened)),
      [&tally, &room, who, wanted = whose == number ? 0 : EACCES](const std::array<uring::Result, 2>& results) {
        const int error = results[0].error_number();
        if (error == ECANCELED) {
          tally.not_run();
        } else {
          tally.count(error == wanted && difference(who).empty());
        }
        room.release();
      },
      stop);
}

// Some are asked to stop before they are done.
void through(const uring::Options& options, std::uint64_t tasks, const Identities& identities, Tally& tally) {
  const PrivateFiles files(identities);
  std::counting_semaphore<> room(512);
  uring::Ring ring(options);
  std::vector<std::jthread> submitters;
  for (unsigned i = 0; i < 4; ++i) {
    submitters.emplace_back([&, i] {
      Turns turns(i + 1);
      for (std::uint64_t n = i; n < tasks; n += 4) {
        std::stop_source stop;
        submit(ring, files, identities, turns, tally, room, stop.get_token());
        if (turns.next(50) == 0) stop.request_stop();
      }
    });
  }
  submitters.clear();
  for (int i = 0; i < 512; ++i) room.acquire();  // all have been told
}

// Fewer identities are known and fewer requests under way than there are.
uring::Options narrow(Without without) {
  return {.under_way_at_most = 128, .personalities = 16, .threads = stress_threads, .without_kernel = without};
}

void through_a_ring(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  through(narrow(Without::refuse), tasks, identities, tally);
}

void through_the_pool_in_its_place(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  through(narrow(Without::always), tasks, identities, tally);
}

// Batches that are waited for, by a caller who drives.
void through_batches(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  constexpr std::uint64_t in_each = 64;
  const PrivateFiles files(identities);
  uring::Ring ring({.driven_by = uring::Options::DrivenBy::caller, .threads = 1});
  Turns turns(5);
  uring::Batch batch;
  for (std::uint64_t done = 0; done < tasks; done += in_each) {
    batch.clear();
    std::array<int, in_each> wanted{};
    for (int& each : wanted) {
      const std::size_t number = turns.next(identities.size());
      const std::size_t whose = turns.next(4) == 0 ? turns.next(identities.size()) : number;
      each = whose == number ? 0 : EACCES;
      batch.add(identities[number], uring::open(files.of(whose), O_RDONLY).always(uring::close(uring::opened)));
    }
    ring.run(batch);
    for (std::size_t i = 0; i < in_each; ++i) tally.count(batch.result(i, 0).error_number() == wanted[i]);
  }
}

// The ring ends with requests in flight, again and again.
void through_ending_rings(std::uint64_t tasks, const Identities& identities, Tally& tally) {
  constexpr std::uint64_t in_each = 500;
  const PrivateFiles files(identities);
  ThreadPool pool({.threads = stress_threads});
  Turns turns(6);
  for (std::uint64_t done = 0; done < tasks; done += in_each) {
    std::counting_semaphore<> room(in_each);
    {
      uring::Ring ring({.pool = &pool});
      for (std::uint64_t i = 0; i < in_each; ++i) {
        if (i % 8 != 0) {
          submit(ring, files, identities, turns, tally, room, {});
          continue;
        }
        room.acquire();
        const Token& who = identities[turns.next(identities.size())];
        ring.submit(who, uring::timeout(1h), [&tally, &room, who](const uring::Result& result) {
          result.error_number() == ECANCELED&& difference(who).empty() ? tally.not_run() : tally.count(false);
          room.release();
        });
      }
      while (ring.counts().ended < in_each * 3 / 4) std::this_thread::yield();
    }
    for (std::uint64_t i = 0; i < in_each; ++i) room.acquire();
  }
}

}  // namespace
}  // namespace behalf::testing

int main(int argc, char** argv) {
  using namespace behalf::testing;
  return stress(argc, argv,
                {{"ring", through_a_ring},
                 {"no_ring", through_the_pool_in_its_place},
                 {"batch", through_batches},
                 {"ring_ends", through_ending_rings}});
}
