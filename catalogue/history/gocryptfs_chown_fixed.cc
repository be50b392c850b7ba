#include "history/client.h"
#include "row.h"
#include "threads/workers.h"

BEHALF_ROW(R"(
title:  gocryptfs: create as the user
works:  files effective full shielded
hop:    queue
wrong:  nothing: the kernel makes it hers, and judges her
cure:   none needed
source: github.com/rfjakob/gocryptfs issue 327
)")

static behalf_row::Workers* worker;

extern "C" void before() {
  worker = new behalf_row::Workers(1);
}

extern "C" int operation() {
  const behalf_row::Client client;
  worker->run([&] {
    const behalf_row::WorksFor as(client);
    const int fd = open("/srv/inbox", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    struct stat status {};
    if (fstat(fd, &status) != 0) std::printf("%s\n", std::strerror(errno));
    std::printf("the new file belongs to %u:%u\n", status.st_uid, status.st_gid);
    close(fd);
  });
  return 0;
}
