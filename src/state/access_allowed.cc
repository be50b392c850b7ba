#include "behalf/access_allowed.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>

#include "behalf/error.h"
#include "behalf/powers.h"
#include "identity/errors.h"
#include "state/has_nul.h"
#include "transfer/whoever.h"

namespace behalf {

bool access_allowed(const std::filesystem::path& path, int mode, const Carried& who) {
  int error = detail::has_nul(path) ? ENOENT : 0;
  detail::run_as_whoever(who, [&] {
    if (error == 0 && ::syscall(SYS_faccessat2, AT_FDCWD, path.c_str(), mode, AT_EACCESS) != 0) error = errno;
  });
  switch (error) {
    case 0:
      return true;
    case EACCES:
    case EPERM:
    case EROFS:
    case ETXTBSY:
      return false;
    default:
      throw Error(error == ENOENT || error == ENOTDIR ? Error::Reason::not_there : Error::Reason::platform,
                  "behalf: ask for access to " + path.string() + ": " + detail::error_words(error), error);
  }
}

bool access_allowed(const std::filesystem::path& path, int mode, const Token& who) {
  // Worn for the one system call, which changes nothing, and never handed out.
  return access_allowed(
      path, mode,
      Carried(who.level() == Level::identification ? who.with_level(Level::impersonation, raise_level) : who));
}

}  // namespace behalf
