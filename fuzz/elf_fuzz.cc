// A library that a user names may be any file: reading it must neither crash nor read outside of it.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cli/elf_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = memfd_create("library", MFD_CLOEXEC);
  if (fd < 0) std::abort();
  if (write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  {
    const behalf::tool::ElfFile file("/proc/self/fd/" + std::to_string(fd));
    if (file.is_elf()) {
      (void)file.machine();
      (void)file.is_64_bit();
      (void)file.is_program();
      (void)file.is_shared_object();
      (void)file.exported_functions();
      (void)file.section(".behalf.row");
    }
  }
  close(fd);
  return 0;
}
