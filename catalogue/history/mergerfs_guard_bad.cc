#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  mergerfs: a guard that keeps the ids
works:  none
hop:    queue
clock:  submit
wrong:  the destructor set the new ids a second time, and not the old ones: the pool's thread stayed the user, and did
        the next one's work as her
cure:   remember what the thread was, and give that back: mergerfs_guard_fixed
source: github.com/trapexit/mergerfs, ugid_mutex.hpp of 2014
)")

namespace {

class Guard {
 public:
  explicit Guard(const behalf_row::Client& client) : client_(client) { behalf_row::become(client_); }
  ~Guard() { behalf_row::become(client_); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  const behalf_row::Client& client_;
};

}  // namespace

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    const Guard guard(client);
    behalf_row::print_whose_notes_open();
  });
  return 0;
}
