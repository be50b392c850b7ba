// system() and popen(): what system(3) and popen(3) are used for, as whoever the thread wears.
//
//   behalf::Impersonation as{alice};
//   if (!behalf::system({"make", "-C", "project"}).success()) complain();
//   behalf::Popen sort({"sort", "-u", "names"});
//   for (char line[256]; std::fgets(line, sizeof line, sort.stream()) != nullptr;) note(line);
//   const behalf::ExitStatus end = sort.close();
//
// Those of the C library start a shell that keeps the thread's real uid, and a shell whose effective uid is another
// goes back to the real one: the command runs as the service. These start a program, by spawn(), which is the user and
// nobody else. They take its arguments, so that nothing in them is a command. A shell is asked for by its name:
// {"/bin/sh", "-c", command}.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "behalf/spawn.h"

namespace behalf {

// Effects: the program, to its end, with the service's standard descriptors as its own, unless the options say
// otherwise (pipes are for spawn(), as whoever reads them must not wait for the end).
//
// Errors: Error of reason not_the_owner where the thread wears nobody: a program is not run as the service by mistake,
// and one that is meant to be is posix_spawn(3)'s; as of spawn() and Child::wait(); std::invalid_argument for a pipe or
// terminal in the options. Thread-safe. Cost: as of spawn().
ExitStatus system(const std::vector<std::string>& argv);
ExitStatus system(const std::vector<std::string>& argv, const SpawnOptions& options);

// A program, and a stream of what it says or is told.
class Popen {
 public:
  enum class Way { read, write };

  // Effects: the program, whose output (read) or input (write) is the other end of stream(), and whose other standard
  // descriptors are the service's. Errors and cost: as of system().
  explicit Popen(const std::vector<std::string>& argv, Way way = Way::read);
  Popen(Popen&&) noexcept = default;
  Popen& operator=(Popen&&) = delete;

  // Its objects end as Child does: a program that has not been close()d is ended.
  ~Popen() = default;

  [[nodiscard]] std::FILE* stream() const noexcept { return stream_.get(); }
  [[nodiscard]] Child& child() noexcept { return child_; }

  // Effects: closes the stream and waits for the program. Errors: as of Child::wait().
  ExitStatus close();

 private:
  struct Closing {
    void operator()(std::FILE* stream) const noexcept { std::fclose(stream); }
  };

  Child child_;
  std::unique_ptr<std::FILE, Closing> stream_;
};

}  // namespace behalf
