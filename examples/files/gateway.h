// The handler of a file gateway: it runs as the user who asks, so that each file is as hers as if she had opened it by
// a program of her own. It has no rule about who may do what; the kernel has them.
#pragma once

#include <behalf/descriptor.h>
#include <behalf/http.h>
#include <behalf/per_identity.h>

#include <string>

class Gateway {
 public:
  // All files are beneath `root`, or beneath each user's home where it is empty. As the service.
  explicit Gateway(const std::string& root);

  // As the user. Throws behalf::http::Refusal.
  behalf::http::Response operator()(const behalf::http::Request& request);

  // Whether a request is better not handled where sockets are read: what waits for the disk.
  static bool is_slow(const behalf::http::Request& request);

 private:
  behalf::http::Response get(const behalf::http::Request& request);
  behalf::http::Response put(const behalf::http::Request& request);
  behalf::http::Response remove(const behalf::http::Request& request);

  // Opens beneath the root, as the user; -1 and errno where it cannot.
  behalf::Descriptor open(const std::string& name, int flags);

  behalf::Descriptor shared_;                       // the root, where it is everybody's
  behalf::per_identity<behalf::Descriptor> homes_;  // each user's, opened as that user
};
