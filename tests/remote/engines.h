// Real engines to test with: a program of the machine's own, started for one test, in folders of its own, and ended
// with it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace behalf::testing {

// Runs as that user from the moment it is made until the end of the scope, or of the thread that made it.
class Engine {
 public:
  // Waits until `serves`. Throws where the program ends before, or does not serve within ten seconds.
  Engine(const std::vector<std::string>& command, uid_t uid, gid_t gid, const std::function<bool()>& serves);
  ~Engine() { end(); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void end();

 private:
  pid_t pid_ = -1;
};

// Whether somebody accepts connections at that Unix socket.
bool accepts(const std::string& path);

// Whether there is such a file, and that text in it.
bool says(const std::string& file, const std::string& text);

// The first file that one of the patterns (glob(7)) finds.
std::optional<std::string> find_program(const std::vector<const char*>& patterns);

// PostgreSQL with the roles alice, bob and service, for whom the kernel vouches (`peer`), at a socket in `folder`.
// To be made where the accounts are those that the server is to know: inside a Household.
class PostgresServer {
 public:
  // Whether the machine has PostgreSQL. The cluster is made once, before the first test.
  static bool is_there();
  // With a keytab: on port 5432 of the loopback, too, where it asks everybody for tickets of the realm BEHALF.TEST.
  explicit PostgresServer(const std::string& folder, const std::string& keytab = {});

  [[nodiscard]] std::string connection() const { return "host=" + folder_ + " dbname=postgres"; }
  void restart();

 private:
  std::string folder_;
  std::string keytab_;
  std::optional<Engine> engine_;
};

// MUNGE for the machine of a Household, with a key of its own; its socket is in the folder.
class Munged {
 public:
  static bool is_there();
  explicit Munged(const std::string& folder);
  [[nodiscard]] const std::string& socket() const noexcept { return socket_; }

 private:
  std::string socket_;
  std::optional<Engine> engine_;
};

}  // namespace behalf::testing
