#include "behalf/temporary_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "behalf/error.h"
#include "identity/errors.h"
#include "state/has_nul.h"
#include "transfer/whoever.h"

namespace behalf {

namespace {

constexpr mode_t hers_alone = 0600;

[[noreturn]] void fail(const std::filesystem::path& folder, int error) {
  throw Error(
      detail::reason_of(error),
      "behalf: temporary file: create it in " + folder.string() + ": " + detail::error_words(error) +
          (error == EOPNOTSUPP ? ". This file system has none without a name (O_TMPFILE); give another folder" : ""),
      error);
}

}  // namespace

Descriptor temporary_file(const Carried& who, const std::filesystem::path& folder) {
  if (detail::has_nul(folder)) fail(folder, ENOENT);
  Descriptor file;
  detail::run_as_whoever(who, [&] {
    file = Descriptor(::open(folder.c_str(), O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, hers_alone));
    // A umask can take her own access from her.
    if (!file || ::fchmod(file.get(), hers_alone) != 0) fail(folder, errno);
  });
  return file;
}

}  // namespace behalf
