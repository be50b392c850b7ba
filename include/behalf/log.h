// Log: lines that the service writes down as itself, whoever the thread wears.
//
//   behalf::Log log("/var/log/gateway.log");
//   behalf::Impersonation as{alice};
//   log.write("opened report.pdf");            // 2026-11-29T22:44:20Z alice(1000): opened report.pdf
//
// Inside an impersonated region an ordinary log is opened, and opened anew after it was rotated, as the user: it is
// refused, or belongs to her. This one is the service's at each opening, and says of each line whose work it was, by
// what the thread wears and not by what it is told.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "behalf/descriptor.h"

namespace behalf {

class Log {
 public:
  // Effects: opens the file, or creates it with mode 0640, as the service; a symbolic link is not followed. Where a
  // relative path is is decided here, for reopen() too. Errors:
  // Error of reason not_there, not_permitted, out_of_resources, platform. Cost: a system call, and an AsService where
  // somebody is worn.
  explicit Log(std::string path);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log() = default;

  // Effects: adds one line: the time (UTC), who is worn ("-": the service), the text, in which control characters stand
  // as \xNN, so that no text of a user's looks like a line of its own. Whole lines, also of several processes
  // (O_APPEND). One that there was no room for is not whole; the next begins below it. Errors: Error of reason
  // out_of_resources, platform; level_too_low as of Carried. Thread-safe. Cost: a system call.
  void write(std::string_view text);

  // Effects: opens the path anew, as the service: what a rotation has moved away gets no more lines. Errors: as of the
  // constructor; the lines go where they went. Thread-safe.
  void reopen();

 private:
  const std::string path_;
  std::mutex mutex_;  // over what follows
  Descriptor file_;
  bool is_torn_ = false;  // there was no room for the end of the last line
};

}  // namespace behalf
