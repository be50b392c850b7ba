#include <linux/capability.h>

#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  Samba: CAP_DAC_OVERRIDE left on
works:  none
hop:    queue
clock:  creator
wrong:  a capability that the daemon needs for a moment stayed in effect while the user's work was done: the ids were
        hers, and every file was open to her
cure:   drop it before the user's work: samba_capability_kept_fixed
source: CVE-2010-0728 (Samba commit 56b13ee8edf)
)")

// Raises one effective capability of the calling thread, or drops it. Says what it was.
static bool override_permissions(bool yes) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (!behalf_row::serves_others() || syscall(SYS_capget, &header, data) != 0) return false;
  const auto bit = 1U << CAP_DAC_OVERRIDE;
  const bool was = (data[0].effective & bit) != 0;
  data[0].effective = yes ? data[0].effective | bit : data[0].effective & ~bit;
  syscall(SYS_capset, &header, data);
  return was;
}

static behalf_row::Workers* smbd;

extern "C" void before() {
  smbd = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client user;
  smbd->run([&] {
    const behalf_row::WorksFor as(user);
    override_permissions(true);  // for the daemon's own locks and leases
    behalf_row::print_whose_notes_open();
  });
  return 0;
}
