#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  gocryptfs: create, then chown
works:  none
hop:    queue
clock:  creator
wrong:  root made the file, and gave it to the user afterwards: between the two it was root's; quotas, ACLs and the
        set-group-ID bit of the folder were judged for root
cure:   make it as the user: gocryptfs_chown_fixed
source: github.com/rfjakob/gocryptfs issue 327
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    const int fd = open("/srv/inbox", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    struct stat status {};
    if (fchown(fd, client.uid, client.gid) != 0 || fstat(fd, &status) != 0) std::printf("%s\n", std::strerror(errno));
    std::printf("the new file belongs to %u:%u\n", status.st_uid, status.st_gid);
    close(fd);
  });
  return 0;
}
