#include "identity/give_back_failure.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "identity/errors.h"
#include "identity/service.h"

namespace behalf::detail {

namespace {

constexpr int software_error = 70;  // EX_SOFTWARE of <sysexits.h>

void write_line(const char* line) noexcept {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line, std::strlen(line));
}

}  // namespace

void end_process(const char* line) noexcept {
  const Service* there = service();
  const auto handler = there != nullptr ? there->on_cannot_give_back : nullptr;
  (handler != nullptr ? handler : write_line)(line);
  // Not exit(3): its handlers would run as nobody knows whom.
  for (;;) ::syscall(SYS_exit_group, software_error);
}

void cannot_give_back(const TokenData* to, const Failure& failure) noexcept {
  char line[512];
  describe_stranded(line, sizeof line, to, failure);
  end_process(line);
}

}  // namespace behalf::detail
