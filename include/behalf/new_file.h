// NewFile: a file that appears under its name when it is complete, the user's from its first byte.
//
//   behalf::Impersonation as{alice};
//   behalf::NewFile report("/home/alice/report.pdf");      // /home/alice/.report.pdf.k3f9…, hers, in no other folder
//   write_pages(report.fd());
//   report.commit();                                       // is report.pdf, in place of what was
//
// What is created as the service and given away afterwards (chown(2)) is the service's for a while: nobody's quota, no
// default ACL of the folder's as for her, and a folder of hers in which the service follows what she puts there. What
// is written to /tmp first has /tmp's access rights, and is copied. Here owner, group, ACL and quota are decided by
// the kernel when the file is created, as for any program of hers.
//
// Rests on: open(2) O_EXCL, rename(2): who opens the name gets the old file or the new one, whole.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "behalf/carried.h"
#include "behalf/descriptor.h"

namespace behalf {

class NewFile {
 public:
  // Effects: creates a file of a name of its own in the folder of `path`, with that mode as far as the umask or the
  // folder's default ACL lets it, as the user. The folder is the one that is there now, whatever becomes of its name.
  //
  // Errors: Error of reason not_there (no such folder), not_permitted, out_of_resources (quota or disk full among
  // them), platform; std::invalid_argument where `path` names no file; those of Carried, and as of Impersonation.
  // Cost: 3 system calls, and an Impersonation where an identity is given.
  explicit NewFile(const std::filesystem::path& path, mode_t mode = 0666, const Carried& who = Carried());
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  // What was not committed is removed, as the user.
  ~NewFile();

  // For reading and writing, by whomever: access was decided at the opening.
  [[nodiscard]] int fd() const noexcept { return file_.get(); }

  // Effects: the content is on the disk (fsync(2)) and then under its name, in place of a file that was there, as the
  // user; the name itself is on the disk when this returns. Once. Errors: as of the constructor; the name is then what
  // it was. Cost: 3 system calls, two of which wait for the disk, and an Impersonation where somebody else is worn.
  void commit();

 private:
  Carried who_;
  Descriptor folder_;
  Descriptor file_;
  std::string name_;
  std::string name_meanwhile_;  // empty: committed
};

}  // namespace behalf
