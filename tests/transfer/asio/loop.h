// An io_context that threads of the service's run, and what they met.
#pragma once

#include <boost/asio/io_context.hpp>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "behalf/error.h"
#include "child.h"
#include "witness.h"

namespace behalf::testing {

struct Met {
  std::vector<Error::Reason> refused;  // what behalf threw
  std::vector<std::string> thrown;     // what else was thrown
};

// Runs all there is to do on that many threads, goes on after exceptions, and says what they were. The threads must be
// the service in the end.
inline Met run_all(boost::asio::io_context& io, int threads = 2) {
  Met met;
  std::mutex mutex;
  std::string wrong;
  io.restart();
  std::vector<std::thread> all;
  while (threads-- > 0) {
    all.emplace_back([&] {
      for (bool done = false; !done;) {
        try {
          io.run();
          done = true;
        } catch (const Error& error) {
          const std::lock_guard lock(mutex);
          met.refused.push_back(error.reason());
        } catch (const std::exception& error) {
          const std::lock_guard lock(mutex);
          met.thrown.emplace_back(error.what());
        }
        if (uid_now() != 0) {
          const std::lock_guard lock(mutex);
          wrong = "a thread of the loop is " + std::to_string(uid_now());
        }
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  must(wrong.empty(), wrong);
  return met;
}

inline void run_well(boost::asio::io_context& io, int threads = 2) {
  const Met met = run_all(io, threads);
  must(met.refused.empty(), "something was refused");
  must(met.thrown.empty(), met.thrown.empty() ? "" : met.thrown.front());
}

// Throws where the calling thread is anybody but the token says.
inline void must_be_now(const Token& token) {
  const std::string wrong = difference(token);
  must(wrong.empty(), wrong);
}

}  // namespace behalf::testing
