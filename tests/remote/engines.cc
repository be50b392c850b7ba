#include "engines.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "child.h"

namespace behalf::testing {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

// For the child of a fork: nothing of the test's own but its standard error.
[[noreturn]] void become(const std::vector<std::string>& command, uid_t uid, gid_t gid, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::close_range(3, ~0U, 0);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, 0);
  ::dup2(nothing, 1);
  if (std::getenv("BEHALF_TEST_ENGINES_SPEAK") == nullptr) ::dup2(nothing, 2);
  if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0) ::_exit(1);
  // The change of ids has cleared it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

pid_t start(const std::vector<std::string>& command, uid_t uid, gid_t gid) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(command, uid, gid, parent);
  must(pid > 0, "fork");
  return pid;
}

}  // namespace

Engine::Engine(const std::vector<std::string>& command, uid_t uid, gid_t gid, const std::function<bool()>& serves)
    : pid_(start(command, uid, gid)) {
  for (int left = 1000; left > 0; --left) {
    if (serves()) return;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error(command[0] + " ended with status " + std::to_string(status));
    }
    std::this_thread::sleep_for(10ms);
  }
  end();
  throw std::runtime_error(command[0] + " does not serve");
}

void Engine::end() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool accepts(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool accepted = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return accepted;
}

bool says(const std::string& file, const std::string& text) {
  std::ifstream stream(file);
  const std::string all{std::istreambuf_iterator<char>(stream), {}};
  return all.find(text) != std::string::npos;
}

std::optional<std::string> find_program(const std::vector<const char*>& patterns) {
  for (const char* pattern : patterns) {
    glob_t found{};
    std::optional<std::string> first;
    if (::glob(pattern, 0, nullptr, &found) == 0) first = found.gl_pathv[0];
    ::globfree(&found);
    if (first) return first;
  }
  return std::nullopt;
}

namespace {

const std::vector<const char*> postgres_programs = {"/usr/lib/postgresql/*/bin/postgres", "/usr/bin/postgres"};

// Who the server runs as: nobody whom a test impersonates.
constexpr uid_t postgres_id = 3053;

// Made once for the whole program, before the first test's own mounts; removed at its end.
class Cluster {
 public:
  Cluster() {
    char name[] = "/tmp/behalf-cluster.XXXXXX";
    must(::mkdtemp(name) != nullptr, "mkdtemp");
    folder_ = name;
    must(::chown(name, postgres_id, postgres_id) == 0 && ::chmod(name, 0755) == 0, "chown");
    const std::string bin = fs::path(*find_program(postgres_programs)).parent_path();
    const std::string make = "set -e; exec >/dev/null; " + bin + "/initdb -D " + folder_ +
                             "/cluster -U postgres -A peer --wal-segsize=1 --no-sync --no-instructions -E UTF8 "
                             "--locale=C; printf 'CREATE ROLE service LOGIN SUPERUSER;\\nCREATE ROLE alice "
                             "LOGIN;\\nCREATE ROLE bob LOGIN;\\n' | " +
                             bin + "/postgres --single -F -D " + folder_ + "/cluster postgres";
    // initdb wants an account of its uid; the namespace that gives it one ends with the shell.
    const std::string accounts = folder_ + "/passwd";
    const std::string all = "cp /etc/passwd " + accounts + " && echo 'engine:x:3053:3053::/:/bin/sh' >> " + accounts +
                            " && mount --bind " + accounts + " /etc/passwd && exec setpriv --reuid=3053 --regid=3053 " +
                            "--clear-groups sh -c \"$0\"";
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::execlp("unshare", "unshare", "--mount", "sh", "-c", all.c_str(), make.c_str(), nullptr);
      ::_exit(127);
    }
    int status = 0;
    must(::waitpid(pid, &status, 0) == pid && status == 0, "making the database cluster failed");
  }
  ~Cluster() {
    if (maker_ != ::getpid()) return;
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  pid_t maker_ = ::getpid();
};

const Cluster& cluster() {
  static const Cluster made;
  return made;
}

}  // namespace

bool PostgresServer::is_there() {
  return find_program(postgres_programs).has_value() && !cluster().folder().empty();
}

PostgresServer::PostgresServer(const std::string& folder, const std::string& keytab)
    : folder_(folder), keytab_(keytab) {
  must(::mkdir(folder.c_str(), 0755) == 0 && ::chown(folder.c_str(), postgres_id, postgres_id) == 0, "mkdir");
  fs::copy(cluster().folder() + "/cluster", folder + "/cluster", fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(folder + "/cluster"))
    must(::lchown(entry.path().c_str(), postgres_id, postgres_id) == 0, "lchown");
  must(::chown((folder + "/cluster").c_str(), postgres_id, postgres_id) == 0 &&
           ::chmod((folder + "/cluster").c_str(), 0700) == 0,
       "chown");
  if (!keytab.empty()) {
    std::ofstream(folder + "/cluster/pg_hba.conf")
        << "local all all peer\nhost all all 127.0.0.1/32 gss include_realm=0 krb_realm=BEHALF.TEST\n";
    must(::chown(keytab.c_str(), postgres_id, postgres_id) == 0, "chown");
  }
  restart();
}

void PostgresServer::restart() {
  engine_.reset();
  const std::vector<std::string> command = {*find_program(postgres_programs),
                                            "-D",
                                            folder_ + "/cluster",
                                            "-k",
                                            folder_,
                                            "-h",
                                            keytab_.empty() ? "" : "127.0.0.1",
                                            "-c",
                                            "krb_server_keyfile=" + keytab_,
                                            "-F",
                                            "-N",
                                            "60",
                                            "-c",
                                            "autovacuum=off",
                                            "-c",
                                            "jit=off"};
  // A server that was killed leaves sessions behind for a moment, and another does not start beside them.
  for (int left = 100;; --left) {
    try {
      ::unlink((folder_ + "/cluster/postmaster.pid").c_str());
      engine_.emplace(command, postgres_id, postgres_id,
                      [this] { return says(folder_ + "/cluster/postmaster.pid", "ready"); });
      return;
    } catch (const std::runtime_error&) {
      if (left == 0) throw;
      std::this_thread::sleep_for(20ms);
    }
  }
}

namespace {

const std::vector<const char*> munge_programs = {"/usr/sbin/munged"};
constexpr uid_t munge_id = 3003;  // it wants an account of its own

}  // namespace

bool Munged::is_there() {
  return find_program(munge_programs).has_value();
}

Munged::Munged(const std::string& folder) : socket_(folder + "/socket") {
  must(::mkdir(folder.c_str(), 0755) == 0, "mkdir");
  const std::string key = folder + "/key";
  std::ofstream(key) << "the key of a test, which guards nothing and ends with it: 0123456789";
  must(::chmod(key.c_str(), 0600) == 0 && ::chown(key.c_str(), munge_id, munge_id) == 0 &&
           ::chown(folder.c_str(), munge_id, munge_id) == 0,
       "chown");
  engine_.emplace(
      std::vector<std::string>{*find_program(munge_programs), "--foreground", "--key-file=" + key,
                               "--socket=" + socket_, "--pid-file=" + folder + "/pid", "--log-file=" + folder + "/log",
                               "--seed-file=" + folder + "/seed", "--num-threads=2", "--origin=127.0.0.1"},
      munge_id, munge_id, [this] { return accepts(socket_); });
}

}  // namespace behalf::testing
