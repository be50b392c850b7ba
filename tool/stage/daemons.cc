#include "stage/daemons.h"

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "stage/end_with.h"
#include "stage/stage.h"

namespace behalf::tool {

// How it is known that the daemon serves: a socket takes connections, or a file says so.
struct Ready {
  std::string_view path;
  std::string_view text;  // empty: a socket
};

struct Daemon {
  std::string_view name;
  std::string_view package;           // that brings it
  std::vector<const char*> programs;  // where it is looked for: patterns of glob(7), the first that finds any
  Account account;                    // its home is the daemon's own folder, made for it below /run
  std::vector<std::pair<std::string_view, std::string_view>> files;  // in its home: name, content; 0600
  std::string_view make_data;  // a shell's commands that make `data` once; $B is the folder of the program
  std::string_view data;       // a folder in its home, for all stages the same to begin with
  std::vector<std::string_view> options;
  Ready ready;
};

namespace {

// All may talk to all, and own any name: who is told to be whom is what is asked here.
constexpr std::string_view bus_configuration = R"(<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
)";

// As small as it gets, since every stage has a copy: one database, and segments of the log of a megabyte. Who connects
// over the socket is the role of her own name (pg_hba.conf: peer).
constexpr std::string_view make_cluster = R"(set -e
"$B/initdb" -D cluster -U postgres -A peer --wal-segsize=1 --no-sync --no-instructions -E UTF8 --locale=C
"$B/postgres" --single -F -D cluster postgres <<'SQL'
UPDATE pg_database SET datistemplate = false;
DROP DATABASE template0;
DROP DATABASE template1;
CREATE ROLE root LOGIN;
CREATE ROLE alice LOGIN;
CREATE ROLE bob LOGIN;
SQL
)";

const std::vector<Daemon>& table() {
  static const std::vector<Daemon> daemons = {
      {.name = "dbus",
       .package = "dbus-daemon",
       .programs = {"/usr/bin/dbus-daemon", "/usr/local/bin/dbus-daemon"},
       .account = {"messagebus", 3051, 3051, "/run/dbus", {3051}},
       .files = {{"stage.conf", bus_configuration}},
       .make_data = {},
       .data = {},
       .options = {"--config-file=/run/dbus/stage.conf", "--nofork", "--nopidfile", "--nosyslog"},
       .ready = {"/run/dbus/system_bus_socket", {}}},
      {.name = "munge",
       .package = "munge",
       .programs = {"/usr/sbin/munged", "/usr/local/sbin/munged"},
       .account = {"munge", 3052, 3052, "/run/munge", {3052}},
       // No secret: nobody outside of the stage ever sees what is sealed with it.
       .files = {{"key", "the key of a stage, which guards nothing and ends with it: 0123456789"}},
       .make_data = {},
       .data = {},
       .options = {"--foreground", "--key-file=/run/munge/key", "--socket=/run/munge/munge.socket.2",
                   "--pid-file=/run/munge/pid", "--log-file=/run/munge/munged.log", "--seed-file=/run/munge/seed",
                   "--num-threads=2", "--origin=127.0.0.1"},
       .ready = {"/run/munge/munge.socket.2", {}}},
      {.name = "postgresql",
       .package = "postgresql",
       .programs = {"/usr/lib/postgresql/*/bin/postgres", "/usr/pgsql-*/bin/postgres", "/usr/local/pgsql/bin/postgres",
                    "/usr/bin/postgres"},
       .account = {"postgres", 3053, 3053, "/run/postgresql", {3053}},
       .files = {},
       .make_data = make_cluster,
       .data = "cluster",
       .options = {"-D",
                   "/run/postgresql/cluster",
                   "-k",
                   "/run/postgresql",
                   "-h",
                   "",
                   "-F",
                   "-B",
                   "1MB",
                   "-N",
                   "20",
                   "-c",
                   "autovacuum=off",
                   "-c",
                   "jit=off",
                   "-c",
                   "wal_level=minimal",
                   "-c",
                   "max_wal_senders=0",
                   "-c",
                   "max_logical_replication_workers=0",
                   "-c",
                   "max_worker_processes=0",
                   "-c",
                   "max_parallel_workers=0",
                   "-c",
                   "dynamic_shared_memory_type=mmap"},
       .ready = {"/run/postgresql/cluster/postmaster.pid", "ready"}},
  };
  return daemons;
}

constexpr std::chrono::seconds patience{20};  // with a daemon that starts, or the making of its data

// Its own folder holds what it says, too.
std::string log_of(const Daemon& daemon) {
  return fmt::format("{}/said", daemon.account.home);
}

// The machine's program: of several versions the latest. Empty: there is none.
std::string program_of(const Daemon& daemon) {
  for (const char* pattern : daemon.programs) {
    glob_t found{};
    std::vector<std::string> paths;
    if (glob(pattern, 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    std::erase_if(paths, [](const std::string& path) { return access(path.c_str(), X_OK) != 0; });
    if (!paths.empty())
      return *std::max_element(paths.begin(), paths.end(), [](const std::string& a, const std::string& b) {
        return strverscmp(a.c_str(), b.c_str()) < 0;
      });
  }
  return {};
}

[[noreturn]] void fail(const Daemon& daemon, const std::string& what) {
  throw std::runtime_error(fmt::format("the daemon {}: {}", daemon.name, what));
}

// The last line that it wrote.
std::string last_words(const Daemon& daemon) {
  std::ifstream file(log_of(daemon));
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  return last.empty() ? "it said nothing" : last;
}

void make_home(const Daemon& daemon) {
  const auto must = [&](bool done, const std::string& what) {
    if (!done) fail(daemon, fmt::format("{}: {}", what, std::strerror(errno)));
  };
  const std::string home(daemon.account.home);
  must(mkdir(home.c_str(), 0755) == 0 && chown(home.c_str(), daemon.account.uid, daemon.account.gid) == 0, home);
  for (const auto& [name, content] : daemon.files) {
    const std::string path = fmt::format("{}/{}", home, name);
    const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
             fchown(fd, daemon.account.uid, daemon.account.gid) == 0,
         path);
    close(fd);
  }
}

// Starts a program as the daemon's account, in its folder, with what it says put into its log; what it reads and writes
// are descriptors, or nothing and the log.
pid_t spawn(const Daemon& daemon, std::vector<std::string> words, int input = -1, int output = -1) {
  const pid_t child = fork();
  if (child < 0) fail(daemon, fmt::format("fork: {}", std::strerror(errno)));
  if (child > 0) return child;
  std::vector<std::string> environment = environment_of(daemon.account);
  environment.push_back(fmt::format("B={}", std::filesystem::path(program_of(daemon)).parent_path().string()));
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : environment) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int log = open(log_of(daemon).c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
  if (dup2(input < 0 ? null : input, 0) < 0 || dup2(output < 0 ? log : output, 1) < 0 || dup2(log, 2) < 0) _exit(126);
  try {
    become(daemon.account);
    execve(argv[0], argv.data(), envp.data());
    fmt::print(stderr, "{}: {}\n", argv[0], std::strerror(errno));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  _exit(126);
}

// Runs a shell's commands to their end.
void run(const Daemon& daemon, std::string_view commands, int input = -1, int output = -1) {
  const pid_t child = spawn(daemon, {"/bin/sh", "-c", std::string(commands)}, input, output);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) fail(daemon, last_words(daemon));
}

// A file in memory, opened anew: its position is nobody else's.
int reopen(int fd, int how) {
  return open(fmt::format("/proc/self/fd/{}", fd).c_str(), how | O_CLOEXEC);
}

bool takes_connections(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

bool is_ready(const Ready& ready) {
  if (ready.text.empty()) return takes_connections(ready.path);
  std::ifstream file{std::string(ready.path)};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.find(ready.text) != std::string::npos;
}

void start(const Daemon& daemon) {
  std::vector<std::string> words = {program_of(daemon)};
  words.insert(words.end(), daemon.options.begin(), daemon.options.end());
  const pid_t child = spawn(daemon, std::move(words));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!is_ready(daemon.ready)) {
    if (waitpid(child, nullptr, WNOHANG) == child) fail(daemon, fmt::format("did not start: {}", last_words(daemon)));
    if (std::chrono::steady_clock::now() >= deadline)
      fail(daemon, fmt::format("was not ready within {} s: {}", patience.count(), last_words(daemon)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// The whole life of the process that makes a daemon's data: a stage of its own, whose first process does it.
[[noreturn]] void make_data(const Daemon& daemon, const Ground& ground, int archive, int trouble, pid_t parent) {
  try {
    end_with(parent);
    ground.enter();
    end_with(parent);
    if (unshare(CLONE_NEWPID) != 0) fail(daemon, fmt::format("a pid namespace: {}", std::strerror(errno)));
    const pid_t first = fork();
    if (first < 0) fail(daemon, fmt::format("fork: {}", std::strerror(errno)));
    if (first > 0) {
      int status = 0;
      while (waitpid(first, &status, 0) < 0 && errno == EINTR) {
      }
      _exit(status == 0 ? 0 : 1);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    enter_stage({}, {&daemon.account, 1});
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    make_home(daemon);
    run(daemon, daemon.make_data);
    run(daemon, fmt::format("tar -cf - {}", daemon.data), -1, reopen(archive, O_WRONLY));
    _exit(0);
  } catch (const std::exception& error) {
    [[maybe_unused]] const ssize_t written = write(trouble, error.what(), std::strlen(error.what()));
  }
  _exit(1);
}

}  // namespace

std::vector<std::string> daemon_names() {
  std::vector<std::string> names;
  for (const Daemon& daemon : table()) names.emplace_back(daemon.name);
  return names;
}

const Daemon& daemon_named(std::string_view name) {
  const auto found = std::find_if(table().begin(), table().end(), [&](const Daemon& d) { return d.name == name; });
  if (found == table().end()) throw std::logic_error("no daemon for the stage: " + std::string(name));
  return *found;
}

const Account& account_of(const Daemon& daemon) {
  return daemon.account;
}

std::string why_no_daemon(const Daemon& daemon) {
  if (!program_of(daemon).empty()) return {};
  return fmt::format("the daemon {} is not installed: as root, apt-get install --no-install-recommends {}", daemon.name,
                     daemon.package);
}

void DaemonData::begin(const std::vector<std::string>& names, const Ground& ground) {
  for (const std::string& name : names) {
    const Daemon& daemon = daemon_named(name);
    if (daemon.data.empty()) continue;
    std::array<int, 2> ends{};
    const int archive = memfd_create("data", MFD_CLOEXEC);
    if (archive < 0 || pipe2(ends.data(), O_CLOEXEC) != 0)
      throw std::system_error(errno, std::generic_category(), "a place for a daemon's data");
    const pid_t self = getpid();
    const pid_t process = fork();
    if (process < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process == 0) make_data(daemon, ground, archive, ends[1], self);
    close(ends[1]);
    made_.push_back({&daemon, archive, process, ends[0], {}});
  }
}

void DaemonData::finish() {
  for (Made& made : made_) {
    if (made.process < 0) continue;
    std::array<char, 1024> piece{};
    for (ssize_t got = 0; (got = read(made.trouble, piece.data(), piece.size())) > 0;)
      made.why_not.append(piece.data(), static_cast<std::size_t>(got));
    int status = 0;
    while (waitpid(made.process, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0 && made.why_not.empty()) made.why_not = "the making of its data came to no end";
    made.process = -1;
    close(made.trouble);
  }
}

DaemonData::~DaemonData() {
  finish();
  for (const Made& made : made_) close(made.archive);
}

void start_daemons(const std::vector<std::string>& names, const DaemonData& data) {
  for (const std::string& name : names) {
    const Daemon& daemon = daemon_named(name);
    if (const std::string why = why_no_daemon(daemon); !why.empty()) throw std::runtime_error(why);
    make_home(daemon);
    for (const DaemonData::Made& made : data.made_) {
      if (made.daemon != &daemon) continue;
      if (!made.why_not.empty()) throw std::runtime_error(made.why_not);
      run(daemon, "tar -xf -", reopen(made.archive, O_RDONLY));
    }
    start(daemon);
  }
}

}  // namespace behalf::tool
