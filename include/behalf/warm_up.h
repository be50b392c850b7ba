// warm_up(): starts, as the service, what libraries would start by themselves in whoever's name first needs them.
//
//   int main() {
//     behalf::initialize({});
//     for (const behalf::Warmth& helper : behalf::warm_up()) std::clog << helper.what << ": " << helper.found << '\n';
//     serve();
//   }
//
// A helper thread that a library starts at its first use is a copy of the thread that used it first (clone(2)), and
// works as that user for everybody ever after; a value that a library works out at its first use is that user's. After
// warm_up() such a thread is the service, and such a value the service's: that is not the caller either, but it is
// nobody else, and it is the same each time. To carry the caller, wrap the callback with bind(), or use the cure that
// `behalf explain` names; what cannot be warmed up (aio_write(3), getaddrinfo_a(3), GLib's pools) is said in the
// answer.
#pragma once

#include <string>
#include <vector>

namespace behalf {

struct Warmth {
  std::string what;  // the helper, by the function that would start it
  bool warm = false;
  std::string found;  // in words: what was started and how long it lasts, or why it was not
};

// Effects: as the service, starts the helper threads and fills the caches of the libraries that are part of the
// process: libc (SIGEV_THREAD of timer_create(2) and mq_notify(3), name service, resolver, time zone, character
// conversion), libgomp (the team of the calling thread, a thread for each processor: call it in each thread that will
// begin parallel regions), GLib (home, user and configuration folders; the thread that watches signals, children and
// files, and that of D-Bus connections; its pools cannot be warmed up), OpenSSL (its configuration). Libraries that are
// loaded later, or loaded out of sight (dlopen(3), RTLD_LOCAL), are not reached; nothing is loaded. oneTBB has its own
// in behalf/tbb.h.
//
// Errors: Error of reason out_of_resources, platform, as Impersonation. A helper that cannot be started is no error and
// is said. Call it after initialize() and before anything is impersonated. Thread-safe.
//
// Cost: some hundred system calls and up to a thread for each helper. Rests on: timer_create(2) and mq_notify(3),
// "C library/kernel differences"; `behalf survey warmed`, which measures what is left.
std::vector<Warmth> warm_up();

}  // namespace behalf
