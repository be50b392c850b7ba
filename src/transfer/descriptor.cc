#include "behalf/descriptor.h"

#include <unistd.h>

namespace behalf {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace behalf
