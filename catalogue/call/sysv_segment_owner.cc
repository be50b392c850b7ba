#include <sys/ipc.h>
#include <sys/shm.h>

#include "row.h"

BEHALF_ROW(R"(
title:  shmget(2), shared memory of System V
works:  effective full shielded
hop:    call
clock:  call
wrong:  System V objects are no files: their owner is the effective uid, and the service owns what was made for the user
cure:   a posture that changes the effective ids; or shm_open(3), whose objects are files
source: svipc(7)
)")

extern "C" int operation() {
  const int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
  if (segment < 0) return errno;
  shmid_ds status{};
  shmctl(segment, IPC_STAT, &status);
  shmctl(segment, IPC_RMID, nullptr);
  std::printf("the segment belongs to %u:%u\n", status.shm_perm.uid, status.shm_perm.gid);
  return 0;
}
