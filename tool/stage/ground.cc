#include "stage/ground.h"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "stage/subordinate_ids.h"

namespace behalf::tool {
namespace {

// As many as a machine's own accounts commonly have, so that an operation finds what it would find as root.
constexpr unsigned wanted_ids = 65536;

// Where root, who needs nobody's leave, takes the ids from: above all that systemd gives to containers and below what
// some programs take for negative (https://systemd.io/UIDS-GIDS).
constexpr unsigned nobodys_ids = 0x7fff0000;

// Not the way to say that user namespaces are wanted, but the only way left: the whole of it in one place.
constexpr const char* or_as_root = "; or run behalf itself with sudo";

[[noreturn]] void fail(const char* step) {
  throw std::system_error(errno, std::generic_category(), step);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The first user namespace has a number of its own (include/linux/proc_ns.h, PROC_USER_INIT_INO).
bool in_machines_own_namespace() {
  constexpr ino_t first = 0xEFFFFFFDU;
  struct stat status {};
  return stat("/proc/self/ns/user", &status) == 0 && status.st_ino == first;
}

std::string name_of_caller() {
  const passwd* const entry = getpwuid(getuid());
  return entry == nullptr ? std::to_string(getuid()) : entry->pw_name;
}

// The exit status of a child, as a shell would have it.
int end_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct Ran {
  int status = 0;
  std::string said;
};

// Runs `body` in a process of its own, to its end; what it writes to the descriptor that it is given is what it says.
Ran run_apart(const std::function<int(int said)>& body) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) _exit(body(ends[1]));
  close(ends[1]);
  Ran ran;
  std::array<char, 1024> piece{};
  for (ssize_t got = 0; (got = read(ends[0], piece.data(), piece.size())) > 0;)
    ran.said.append(piece.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  ran.status = end_of(child);
  return ran;
}

// A program of the machine. Status 127: there is none of that name.
Ran run(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return run_apart([&](int said) {
    dup2(said, 1);
    dup2(said, 2);
    execvp(argv[0], argv.data());
    return 127;
  });
}

// Users and groups are mapped alike, by different files and programs.
struct Kind {
  const char* file;
  const char* program;
  const char* option;  // of usermod(8)
  const char* map;
  const char* of_getsubids;
};
constexpr Kind kinds[] = {{"/etc/subuid", "newuidmap", "--add-subuids", "uid_map", nullptr},
                          {"/etc/subgid", "newgidmap", "--add-subgids", "gid_map", "-g"}};

// From the files, or from a directory service where nsswitch.conf names one ("0: NAME 100000 65536").
std::vector<IdRange> lent_to(const std::string& name, const Kind& kind) {
  std::vector<IdRange> ranges = ranges_in(text_of(kind.file), name, getuid());
  if (!ranges.empty()) return ranges;
  std::vector<std::string> words = {"getsubids"};
  if (kind.of_getsubids != nullptr) words.emplace_back(kind.of_getsubids);
  words.push_back(name);
  const Ran ran = run(words);
  if (ran.status != 0) return {};
  std::istringstream lines(ran.said);
  std::string number, owner;
  for (IdRange range; lines >> number >> owner >> range.first >> range.count;) ranges.push_back(range);
  return ranges;
}

using Maps = std::array<std::vector<Extent>, std::size(kinds)>;

Maps maps_of(const std::string& name) {
  Maps maps;
  std::string lacking;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    maps[i] = laid_over(lent_to(name, kinds[i]), wanted_ids);
    if (ids_in(maps[i]) == wanted_ids) continue;
    const unsigned first = first_free_in(text_of(kinds[i].file));
    lacking += fmt::format(" {} {}-{}", kinds[i].option, first, first + wanted_ids - 1);
  }
  if (lacking.empty()) return maps;
  throw NoGround(
      fmt::format("without root the stage needs {} subordinate user and group ids, and {} has {} and {}: as "
                  "root, usermod{} {}{}",
                  wanted_ids, name, ids_in(maps[0]), ids_in(maps[1]), lacking, name, or_as_root));
}

void write_map(pid_t process, const Kind& kind, const std::vector<Extent>& map) {
  std::string text;
  for (const Extent& extent : map) text += fmt::format("{} {} {}\n", extent.inside, extent.outside, extent.count);
  const int fd = open(fmt::format("/proc/{}/{}", process, kind.map).c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!written) throw NoGround(fmt::format("cannot map ids into a user namespace ({})", std::strerror(error)));
}

void have_written(pid_t process, const Kind& kind, const std::vector<Extent>& map) {
  std::vector<std::string> words = {kind.program, std::to_string(process)};
  for (const Extent& extent : map)
    for (const unsigned number : {extent.inside, extent.outside, extent.count}) words.push_back(std::to_string(number));
  const Ran ran = run(words);
  if (ran.status == 0) return;
  if (ran.status == 127)
    throw NoGround(fmt::format(
        "without root the stage needs newuidmap and newgidmap: as root, apt-get install uidmap{}", or_as_root));
  const bool powerless = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  throw NoGround(fmt::format("{}{}{}", ran.said.substr(0, ran.said.find('\n')),
                             powerless ? ": NO_NEW_PRIVS takes its powers from it: run behalf where that is not set"
                                       : ": as root, apt-get install --reinstall uidmap",
                             or_as_root));
}

std::string why_not_made(int error) {
  std::string remedy;
  if (error == ENOSPC || error == EUSERS)
    remedy = "as root, sysctl -w user.max_user_namespaces=15000";
  else if (text_of("/proc/sys/kernel/unprivileged_userns_clone").starts_with('0'))
    remedy = "as root, sysctl -w kernel.unprivileged_userns_clone=1";
  else if (error == EINVAL || error == ENOSYS)
    remedy = "this kernel is built without them (CONFIG_USER_NS)";
  else
    remedy = "in a container, run it with --privileged";
  return fmt::format("cannot make a user namespace ({}): {}{}", std::strerror(error), remedy, or_as_root);
}

// A process whose only purpose is to have a user namespace until a descriptor holds it.
class Holder {
 public:
  Holder() {
    std::array<int, 2> up{}, down{};
    if (pipe2(up.data(), O_CLOEXEC) != 0 || pipe2(down.data(), O_CLOEXEC) != 0) fail("pipe");
    process_ = fork();
    if (process_ < 0) fail("fork");
    if (process_ == 0) {
      close(down[1]);
      const int error = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
      char end = 0;
      // Until the other end is closed, by its owner or by her death.
      if (write(up[1], &error, sizeof error) == sizeof error && read(down[0], &end, 1) == 0) _exit(0);
      _exit(1);
    }
    close(up[1]);
    close(down[0]);
    kept_ = down[1];
    int error = EPIPE;
    const bool told = read(up[0], &error, sizeof error) == sizeof error;
    close(up[0]);
    if (!told || error != 0) {
      end();
      throw NoGround(why_not_made(error));
    }
  }
  ~Holder() { end(); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  pid_t process() const { return process_; }

 private:
  void end() {
    if (kept_ < 0) return;
    close(std::exchange(kept_, -1));
    end_of(process_);
  }

  pid_t process_ = -1;
  int kept_ = -1;
};

int make_user_namespace() {
  const bool root = geteuid() == 0;
  const std::vector<Extent> taken = {{0, nobodys_ids, wanted_ids}};
  const Maps maps = root ? Maps{taken, taken} : maps_of(name_of_caller());
  const Holder holder;
  for (std::size_t i = 0; i < maps.size(); ++i) (root ? write_map : have_written)(holder.process(), kinds[i], maps[i]);
  const int fd = open(fmt::format("/proc/{}/ns/user", holder.process()).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("opening the user namespace");
  return fd;
}

}  // namespace

std::string_view to_string(GroundKind kind) {
  return kind == GroundKind::root ? "root" : "userns";
}

Ground Ground::find(std::optional<GroundKind> wanted) {
  const bool root = geteuid() == 0;
  if (in_machines_own_namespace()) {
    if (root && wanted != GroundKind::userns) return {GroundKind::root, -1};
    if (wanted == GroundKind::root) throw NoGround("--stage root needs root: run it with sudo");
  } else {
    if (wanted == GroundKind::root)
      throw NoGround(
          "--stage root needs the machine's own root, and this is a user namespace (a container's): run it outside");
    // Its root is nobody on the machine, but all that another user namespace could give.
    if (root) return {GroundKind::userns, -1};
  }
  return {GroundKind::userns, make_user_namespace()};
}

Ground::~Ground() {
  if (user_namespace_ >= 0) close(user_namespace_);
}

Ground::Ground(Ground&& other) noexcept
    : kind_(other.kind_), user_namespace_(std::exchange(other.user_namespace_, -1)) {}

void Ground::enter() const {
  if (user_namespace_ >= 0 && setns(user_namespace_, CLONE_NEWUSER) != 0) fail("entering the user namespace");
}

std::string Ground::ask(const std::function<std::string()>& question) const {
  const Ran ran = run_apart([&](int said) {
    std::string answer;
    try {
      enter();
      answer = question();
    } catch (const std::exception& error) {
      answer = error.what();
    }
    return write(said, answer.data(), answer.size()) == static_cast<ssize_t>(answer.size()) ? 0 : 1;
  });
  return ran.status == 0 || !ran.said.empty() ? ran.said : "a process that tried it came to no end";
}

}  // namespace behalf::tool
