// The stage is what the design says, to the byte and the mode; the machine is as before, whatever way it ends.
#include "stage/stage.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "stage/ground.h"
#include "stage/subordinate_ids.h"

namespace behalf::tool::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();  // reads nothing where a process has ended meanwhile
  return text.str();
}

struct Ended {
  int status = 0;
  std::string said;
};

// What the stages of a test stand on: the machine's root, or a user namespace.
const Ground& ground(GroundKind kind) {
  static const Ground roots = Ground::find(GroundKind::root), userns = Ground::find(GroundKind::userns);
  return kind == GroundKind::root ? roots : userns;
}
GroundKind standing_on = GroundKind::root;

// Runs the body as the first process of a new pid namespace, as a leg does; what it returns is what it says.
Ended in_first_process(const std::function<std::string()>& body) {
  const Ground& below = ground(standing_on);
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t outer = fork();
  if (outer == 0) {
    below.enter();
    if (unshare(CLONE_NEWPID) != 0) _exit(90);
    const pid_t first = fork();
    if (first == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::string text;
      try {
        text = body();
      } catch (const std::exception& error) {
        text = std::string("exception: ") + error.what();
      }
      for (std::size_t at = 0; at < text.size();) {
        const ssize_t written = write(ends[1], text.data() + at, text.size() - at);
        if (written <= 0) _exit(91);
        at += static_cast<std::size_t>(written);
      }
      _exit(0);
    }
    int status = 0;
    waitpid(first, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 92);
  }
  close(ends[1]);
  Ended ended;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = read(ends[0], piece.data(), piece.size())) > 0;)
    ended.said.append(piece.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  waitpid(outer, &ended.status, 0);
  return ended;
}

// What the body finds on a stage.
std::string on_stage(const std::function<std::string()>& body, const std::vector<Shown>& shown = {}) {
  const Ended ended = in_first_process([&] {
    enter_stage(shown);
    return body();
  });
  EXPECT_EQ(ended.status, 0);
  return ended.said;
}

class OnGround : public ::testing::TestWithParam<GroundKind> {
 protected:
  OnGround() { standing_on = GetParam(); }
  ~OnGround() override { standing_on = GroundKind::root; }
};
class Stage : public OnGround {};
class Library : public OnGround {};
class Machine_after_a_stage : public OnGround {};
std::string name_of(const ::testing::TestParamInfo<GroundKind>& one) {
  return std::string(to_string(one.param));
}
const auto both = ::testing::Values(GroundKind::root, GroundKind::userns);
INSTANTIATE_TEST_SUITE_P(, Stage, both, name_of);
INSTANTIATE_TEST_SUITE_P(, Library, both, name_of);
INSTANTIATE_TEST_SUITE_P(, Machine_after_a_stage, both, name_of);

std::string account_in_words(const char* name) {
  const passwd* const entry = getpwnam(name);
  if (entry == nullptr) return fmt::format("{}: none", name);
  std::array<gid_t, 64> groups{};
  int count = static_cast<int>(groups.size());
  getgrouplist(name, entry->pw_gid, groups.data(), &count);
  std::set<gid_t> sorted(groups.begin(), groups.begin() + count);
  return fmt::format("{} {}:{} home {} groups {}", name, entry->pw_uid, entry->pw_gid, entry->pw_dir,
                     fmt::join(sorted, " "));
}

// "TYPE MODE UID:GID PATH [CONTENT]" of everything below a folder.
std::string tree(const std::string& top) {
  std::set<std::string> lines;
  const auto add = [&](const fs::path& path) {
    struct stat status {};
    lstat(path.c_str(), &status);
    std::string line = fmt::format("{} {:04o} {}:{} {}",
                                   S_ISDIR(status.st_mode)   ? "d"
                                   : S_ISREG(status.st_mode) ? "f"
                                                             : "?",
                                   status.st_mode & 07777, status.st_uid, status.st_gid, path.string());
    if (S_ISREG(status.st_mode)) line += " " + text_of(path.string());
    while (line.ends_with('\n')) line.pop_back();
    lines.insert(line);
  };
  add(top);
  for (const auto& entry : fs::recursive_directory_iterator(top)) add(entry.path());
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

TEST_P(Stage, has_the_accounts_of_the_design_and_no_other) {
  EXPECT_EQ(on_stage([] {
              std::string text;
              for (const char* name : {"root", "alice", "bob", "shield", "daemon"})
                text += account_in_words(name) + "\n";
              int count = 0;
              while (getpwent() != nullptr) ++count;
              text += fmt::format("{} accounts\n", count);
              for (const char* name : {"root", "alice", "bob", "devs", "staff", "shield"}) {
                const group* const g = getgrnam(name);
                text += g == nullptr ? "none\n" : fmt::format("{} {}\n", name, g->gr_gid);
              }
              return text;
            }),
            "root 0:0 home /root groups 0\n"
            "alice 3001:3001 home /home/alice groups 3001 3100\n"
            "bob 3002:3002 home /home/bob groups 3002 3200\n"
            "shield 3009:3009 home / groups 3009\n"
            "daemon: none\n"
            "4 accounts\n"
            "root 0\nalice 3001\nbob 3002\ndevs 3100\nstaff 3200\nshield 3009\n");
}

TEST_P(Stage, has_the_homes_of_the_design) {
  const auto home = [](const char* path, const char* name, int id) {
    return fmt::format(
        "d 0700 {1}:{1} {0}\nd 0700 {1}:{1} {0}/.config\nf 0600 {1}:{1} {0}/.config/app.conf owner={2}\nf 0600 {1}:{1} "
        "{0}/note.txt {2}\n",
        path, id, name);
  };
  EXPECT_EQ(on_stage([] { return tree("/root") + tree("/home/alice") + tree("/home/bob"); }),
            home("/root", "root", 0) + home("/home/alice", "alice", 3001) + home("/home/bob", "bob", 3002));
  EXPECT_EQ(on_stage([] { return text_of("/home/alice/note.txt") + text_of("/root/note.txt"); }), "alice\nroot\n");
  EXPECT_EQ(on_stage([] {
              std::set<std::string> names;
              for (const auto& entry : fs::directory_iterator("/home")) names.insert(entry.path().filename().string());
              return fmt::format("{}", fmt::join(names, " "));
            }),
            "alice bob");
}

TEST_P(Stage, has_the_shared_places_of_the_design) {
  EXPECT_EQ(on_stage([] { return tree("/srv"); }),
            "d 0755 0:0 /srv\nd 0770 0:3100 /srv/devs\nd 0770 0:3200 /srv/staff\nd 1777 0:0 /srv/inbox\n"
            "f 0600 0:0 /srv/root-only.txt root's own\nf 0640 0:3100 /srv/devs/plan.txt the devs' plan\n");
}

TEST_P(Stage, has_fresh_places_for_passing_files) {
  EXPECT_EQ(on_stage([] {
              std::string text;
              for (const char* place : {"/tmp", "/var/tmp", "/dev/shm", "/run"}) {
                struct stat status {};
                stat(place, &status);
                std::set<std::string> names;
                for (const auto& entry : fs::directory_iterator(place)) names.insert(entry.path().filename().string());
                text += fmt::format("{} {:04o} {}\n", place, status.st_mode & 07777, fmt::join(names, " "));
              }
              return text;
            }),
            "/tmp 1777 \n/var/tmp 1777 \n/dev/shm 1777 \n/run 0755 behalf\n");
}

TEST_P(Stage, gives_processes_an_environment_without_XDG_variables) {
  for (const Account& person : accounts()) {
    std::map<std::string, std::string> variables;
    for (const std::string& variable : environment_of(person)) {
      const auto equals = variable.find('=');
      EXPECT_TRUE(variables.emplace(variable.substr(0, equals), variable.substr(equals + 1)).second) << variable;
      EXPECT_FALSE(variable.starts_with("XDG_")) << variable;
    }
    EXPECT_EQ(variables["HOME"], person.home);
    EXPECT_EQ(variables["USER"], person.name);
    EXPECT_EQ(variables["LOGNAME"], person.name);
  }
}

TEST_P(Stage, lets_nobody_change_the_machine) {
  EXPECT_EQ(on_stage([] {
              std::string text;
              for (const char* folder : {"/", "/etc", "/usr", "/usr/local/bin", "/var/lib", "/var/log", "/sys",
                                         "/proc/sys", "/boot", "/opt", "/lib/x86_64-linux-gnu"}) {
                if (!fs::exists(folder)) continue;
                const std::string file = std::string(folder) + "/behalf-was-here";
                const int fd = open(file.c_str(), O_CREAT | O_WRONLY, 0600);
                if (fd >= 0) text += fmt::format("created {}\n", file);
              }
              for (const char* file : {"/etc/hostname", "/proc/sys/kernel/hostname", "/etc/ld.so.cache",
                                       "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run"}) {
                if (!fs::exists(file)) continue;
                if (const int fd = open(file, O_WRONLY); fd >= 0) text += fmt::format("opened {}\n", file);
              }
              for (const char* file : {"/etc/passwd", "/etc/group"})  // the stage's own, but they stay as they are
                if (const int fd = open("/etc/behalf", O_CREAT | O_WRONLY, 0600); fd >= 0) text += file;
              for (const char* folder : {"/srv/inbox", "/tmp", "/run", "/home/alice", "/dev/shm"}) {
                const std::string file = std::string(folder) + "/new";
                const int fd = open(file.c_str(), O_CREAT | O_WRONLY, 0600);
                if (fd < 0) text += fmt::format("cannot create {}: {}\n", file, std::strerror(errno));
                close(fd);
              }
              return text;
            }),
            "");
}

TEST_P(Stage, shows_no_process_and_no_mount_of_the_machine) {
  EXPECT_EQ(on_stage([] {
              std::string text;
              for (const auto& entry : fs::directory_iterator("/proc"))
                if (std::isdigit(entry.path().filename().string()[0])) text += entry.path().filename().string() + " ";
              return text;
            }),
            "1 ");
  // None of them can be undone to see what lies below: nothing of the old root is left.
  EXPECT_THAT(on_stage([] { return text_of("/proc/self/mounts"); }), Not(HasSubstr("/tmp/")));
}

TEST_P(Stage, has_a_loopback_interface_that_works_and_no_other) {
  EXPECT_EQ(on_stage([] {
              std::set<std::string> names;
              ifaddrs* all = nullptr;
              if (getifaddrs(&all) != 0) return std::string("getifaddrs");
              for (const ifaddrs* at = all; at != nullptr; at = at->ifa_next)
                names.insert(fmt::format("{}{}", at->ifa_name, at->ifa_flags & IFF_UP ? " up" : " down"));
              const int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
              sockaddr_in address{};
              address.sin_family = AF_INET;
              address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              socklen_t size = sizeof address;
              const bool connected = bind(server, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                                     listen(server, 1) == 0 &&
                                     getsockname(server, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                                     connect(client, reinterpret_cast<sockaddr*>(&address), size) == 0;
              return fmt::format("{}{}", fmt::join(names, ", "), connected ? ", connected" : "");
            }),
            "lo up, connected");
}

std::map<std::string, std::string> namespaces() {
  std::map<std::string, std::string> all;
  for (const char* name : {"mnt", "pid", "ipc", "net", "uts", "user"})
    all[name] = fs::read_symlink(std::string("/proc/self/ns/") + name).string();
  return all;
}

TEST_P(Stage, has_namespaces_of_its_own_and_as_root_the_machine_s_user_namespace) {
  const auto outside = namespaces();
  std::istringstream inside(on_stage([] {
    std::string text;
    for (const auto& [name, id] : namespaces()) text += name + " " + id + "\n";
    return text;
  }));
  int count = 0;
  for (std::string name, id; inside >> name >> id; ++count)
    EXPECT_EQ(id == outside.at(name), name == "user" && GetParam() == GroundKind::root) << name;
  EXPECT_EQ(count, 6);
  EXPECT_EQ(on_stage([] {
              utsname name{};
              uname(&name);
              return std::string(name.nodename);
            }),
            "stage");
}

TEST_P(Stage, has_devices_that_everybody_may_use) {
  EXPECT_EQ(on_stage([] {
              become(account("alice"));
              std::string text;
              for (const char* name : {"null", "zero", "full", "random", "urandom", "ptmx", "fd", "stdin"})
                if (const int fd = open(fmt::format("/dev/{}", name).c_str(), O_RDONLY | O_NOCTTY); fd < 0)
                  text += fmt::format("{}: {}\n", name, std::strerror(errno));
              const int full = open("/dev/full", O_WRONLY);
              if (write(full, "x", 1) != -1 || errno != ENOSPC) text += "full is not full\n";
              return text;
            }),
            "");
}

TEST_P(Stage, takes_from_root_what_would_harm_the_machine_and_no_more) {
  const std::string status = on_stage([] { return text_of("/proc/self/status"); });
  const auto at = status.find("CapBnd:");
  const auto bounding = std::stoull(status.substr(at + 8), nullptr, 16);
  for (const int power : {16 /* SYS_MODULE */, 17 /* SYS_RAWIO */, 22 /* SYS_BOOT */, 25 /* SYS_TIME */})
    EXPECT_EQ(bounding >> power & 1, 0U) << power;
  for (const int power : {0, 1, 2, 6, 7, 21}) EXPECT_EQ(bounding >> power & 1, 1U) << power;
  EXPECT_EQ(on_stage([] {
              rlimit core{};
              getrlimit(RLIMIT_CORE, &core);
              return std::to_string(core.rlim_max);
            }),
            "0");
}

TEST_P(Stage, makes_a_process_an_account_for_good) {
  for (const Account& person : accounts()) {
    const std::string said = on_stage([&] {
      become(person);
      unsigned r = 0, e = 0, s = 0;
      getresuid(&r, &e, &s);
      std::string text = fmt::format("{} {} {}", r, e, s);
      getresgid(&r, &e, &s);
      std::vector<gid_t> groups(64);
      groups.resize(static_cast<std::size_t>(getgroups(64, groups.data())));
      std::sort(groups.begin(), groups.end());
      text += fmt::format(" {} {} {} groups {} in {}", r, e, s, fmt::join(groups, " "), fs::current_path().string());
      if (person.uid != 0 && setresuid(0, 0, 0) == 0) text += " can come back";
      return text;
    });
    EXPECT_EQ(said, fmt::format("{0} {0} {0} {1} {1} {1} groups {2} in {3}", person.uid, person.gid,
                                fmt::join(person.groups, " "), person.uid == 0 ? "/" : person.home));
  }
}

TEST_P(Stage, has_a_root_that_is_the_machine_s_or_nobody_there) {
  EXPECT_EQ(on_stage([] { return std::string(access("/etc/gshadow", R_OK) == 0 ? "may" : std::strerror(errno)); }),
            GetParam() == GroundKind::root ? "may" : "Permission denied");
}

// ---------------------------------------------------------------------------------------------------------------
// Subordinate ids

TEST(Subordinate_ids, are_found_by_name_and_by_number_in_their_order) {
  const std::string text = "alice:100000:65536\nbob:165536:65536\n1000:400000:10\nalice:300000:5\n";
  EXPECT_EQ(ranges_in(text, "alice", 1000), (std::vector<IdRange>{{100000, 65536}, {400000, 10}, {300000, 5}}));
  EXPECT_THAT(ranges_in(text, "carol", 1002), IsEmpty());
}

TEST(Subordinate_ids, are_not_read_out_of_lines_that_are_none) {
  for (const char* line :
       {"", "alice", "alice:", "alice:1", "alice:1:", "alice::1", ":1:1", "alice:x:1", "alice:1:x", "alice:1:0",
        "alice:-1:1", "alice:1:1:1", "alice:4294967295:2", "alice:99999999999:1", "# alice:1:1", "alicia:1:1"})
    EXPECT_THAT(ranges_in(std::string(line) + "\n", "alice", 1000), IsEmpty()) << line;
}

TEST(Subordinate_ids, are_laid_over_as_many_ranges_as_it_takes) {
  EXPECT_EQ(laid_over({{100, 10}, {300, 20}, {500, 9}}, 25), (std::vector<Extent>{{0, 100, 10}, {10, 300, 15}}));
  EXPECT_EQ(ids_in(laid_over({{100, 10}, {300, 20}}, 25)), 25U);
  EXPECT_EQ(ids_in(laid_over({{100, 10}}, 25)), 10U);
  EXPECT_EQ(ids_in(laid_over({}, 25)), 0U);
}

TEST(Subordinate_ids, that_are_proposed_are_nobody_s) {
  EXPECT_EQ(first_free_in(""), 100000U);
  EXPECT_EQ(first_free_in("alice:100000:65536\nbob:400000:5\ncarol:1:1\n"), 400005U);
}

// ---------------------------------------------------------------------------------------------------------------
// Libraries

// A folder of the machine with a file in it, gone with the test.
struct Folder {
  explicit Folder(const std::string& below) {
    std::string name = below + "/behalf-test-XXXXXX";
    path = mkdtemp(name.data());
    fs::permissions(path, fs::perms(0755));
    std::ofstream(path + "/libmine.so.1") << "mine";
    fs::create_symlink("libmine.so.1", path + "/libmine.so");
    std::ofstream(path + "/secret.txt") << "secret";
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

TEST_P(Library, is_found_on_the_stage_wherever_the_machine_has_it) {
  for (const char* below : {"/tmp", "/var/tmp", "/root", "/home", "/srv", "/run", "/opt", "/var/lib"}) {
    const Folder folder(below);
    const Placed placed = place_on_stage(folder.path + "/libmine.so");
    EXPECT_EQ(on_stage(
                  [&] {
                    std::string text = text_of(placed.path);
                    if (open(placed.path.c_str(), O_WRONLY) >= 0) text += ", writable";
                    become(account("alice"));
                    if (open(placed.path.c_str(), O_RDONLY) < 0) text += ", not for alice";
                    return text;
                  },
                  placed.shown),
              "mine")
        << below;
  }
}

TEST_P(Library, is_shown_with_its_neighbours_and_without_the_folder_s_other_files) {
  const Folder folder("/tmp");
  const Placed placed = place_on_stage(folder.path + "/libmine.so");
  ASSERT_EQ(placed.shown.size(), 1U);
  EXPECT_EQ(on_stage(
                [&] {
                  std::set<std::string> names;
                  for (const auto& entry : fs::directory_iterator(placed.shown[0].at))
                    names.insert(entry.path().filename().string());
                  return fmt::format("{}", fmt::join(names, " "));
                },
                placed.shown),
            "libmine.so libmine.so.1");
}

// ---------------------------------------------------------------------------------------------------------------
// What is left

// All that a run could leave behind on the machine.
struct Machine {
  std::string mounts, ipc, keys;
  std::set<std::string> files;
  std::set<std::string> processes;  // the tool's and the stage's

  static Machine now() {
    Machine machine;
    machine.mounts = text_of("/proc/self/mounts");
    for (const char* kind : {"msg", "sem", "shm"}) machine.ipc += text_of(std::string("/proc/sysvipc/") + kind);
    std::istringstream keys(text_of("/proc/keys"));
    for (std::string line; std::getline(keys, line);)
      if (line.find(" 3001 ") != std::string::npos || line.find(" 3002 ") != std::string::npos)
        machine.keys += line + "\n";
    for (const char* place : {"/tmp", "/run", "/var/tmp", "/dev/shm", "/dev/mqueue", "/srv", "/home"})
      if (std::error_code error; fs::exists(place, error))
        for (const auto& entry : fs::directory_iterator(place)) machine.files.insert(entry.path().string());
    return machine;
  }
};

void expect_same(const Machine& before, const Machine& after) {
  EXPECT_EQ(before.mounts, after.mounts);
  EXPECT_EQ(before.ipc, after.ipc);
  EXPECT_EQ(before.keys, after.keys);
  std::set<std::string> added;
  std::set_difference(after.files.begin(), after.files.end(), before.files.begin(), before.files.end(),
                      std::inserter(added, added.end()));
  // Others work on this machine too: only what bears our names is ours.
  std::erase_if(added, [](const std::string& file) {
    return file.find("behalf") == std::string::npos && file.find("alice") == std::string::npos &&
           file.find("bob") == std::string::npos && file.find("left-behind") == std::string::npos &&
           file.find("new") == std::string::npos;
  });
  EXPECT_THAT(added, IsEmpty());
}

TEST_P(Machine_after_a_stage, is_what_it_was_when_all_went_well) {
  const Machine before = Machine::now();
  on_stage([] {
    msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    for (const char* file : {"/tmp/left-behind", "/run/left-behind", "/var/tmp/left-behind", "/dev/shm/left-behind",
                             "/srv/inbox/left-behind"})
      close(open(file, O_CREAT | O_WRONLY, 0600));
    return std::string();
  });
  expect_same(before, Machine::now());
}

TEST_P(Machine_after_a_stage, is_what_it_was_when_the_stage_fails_in_the_middle) {
  const Machine before = Machine::now();
  const Ended ended = in_first_process([] {
    enter_stage({{"/tmp/behalf-there-is-no-such-folder", "/run/behalf/library"}});
    return std::string("went on");
  });
  EXPECT_THAT(ended.said, HasSubstr("exception: making the stage: showing /tmp/behalf-there-is-no-such-folder"));
  EXPECT_THAT(ended.said, HasSubstr("No such file or directory"));
  expect_same(before, Machine::now());
}

// The processes that run the tool, its service, or one of the stage's accounts.
std::set<std::string> processes_of_the_tool(const std::string& marker) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename().string();
    if (!std::isdigit(pid[0])) continue;
    std::string words = text_of(entry.path().string() + "/cmdline");
    std::replace(words.begin(), words.end(), '\0', ' ');
    if (words.find(marker) != std::string::npos) found.insert(pid + " " + words);
  }
  return found;
}

constexpr const char* marker = "sleeps_for_a_minute";

pid_t start_tool() {
  const pid_t tool = fork();
  if (tool != 0) return tool;
  const int null = open("/dev/null", O_RDWR);
  dup2(null, 1);
  dup2(null, 2);
  execl(BEHALF, BEHALF, "check", OPERATIONS, marker, "--limit", "60", "--stage",
        std::string(to_string(standing_on)).c_str(), nullptr);
  _exit(127);
}

void kill_and_expect_nothing_of_it(pid_t tool) {
  kill(tool, SIGKILL);
  waitpid(tool, nullptr, 0);
  const auto until = std::chrono::steady_clock::now() + 2s;
  while (!processes_of_the_tool(marker).empty() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(5ms);
  EXPECT_THAT(processes_of_the_tool(marker), IsEmpty());
}

TEST_P(Machine_after_a_stage, is_what_it_was_when_the_tool_is_killed_in_mid_run) {
  const Machine before = Machine::now();
  const pid_t tool = start_tool();
  const auto services = [&] {
    const auto all = processes_of_the_tool(marker);
    return std::count_if(all.begin(), all.end(),
                         [](const std::string& words) { return words.find("behalf-service") != std::string::npos; });
  };
  const auto patience = std::chrono::steady_clock::now() + 15s;
  while (services() < 4 && std::chrono::steady_clock::now() < patience) std::this_thread::sleep_for(20ms);
  EXPECT_GE(services(), 4) << "the tool never came to run the operation";
  kill_and_expect_nothing_of_it(tool);
  expect_same(before, Machine::now());
}

TEST_P(Machine_after_a_stage, is_what_it_was_when_the_tool_is_killed_while_it_begins) {
  const Machine before = Machine::now();
  for (auto after = 50ms; after <= 250ms; after += 15ms) {
    const pid_t tool = start_tool();
    std::this_thread::sleep_for(after);
    kill_and_expect_nothing_of_it(tool);
  }
  expect_same(before, Machine::now());
}

}  // namespace
}  // namespace behalf::tool::testing
