#include "stage/stage.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

// Folders of the machine that the stage replaces by its own; all else is the machine's, read-only.
struct Folder {
  const char* path;
  mode_t mode;
};
constexpr Folder own_folders[] = {{"/home", 0755}, {"/root", 0700}, {"/srv", 0755}, {"/tmp", 01777},
                                  {"/run", 0755},  {"/proc", 0555}, {"/dev", 0755}};
constexpr Folder inner_folders[] = {{"/var/tmp", 01777}};  // below a folder of the machine, where it has one

struct File {
  std::string path;
  std::string content;
  uid_t owner;
  gid_t group;
  mode_t mode;
};

// What an operation that has lost its identity could do to the machine itself, namespaces or not.
constexpr int forbidden_powers[] = {CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT, CAP_SYS_TIME};

[[noreturn]] void fail(const std::string& step) {
  throw std::system_error(errno, std::generic_category(), "making the stage: " + step);
}
void check(long result, const std::string& step) {
  if (result < 0) fail(step);
}

void make_folder(const std::string& path, mode_t mode, uid_t owner = 0, gid_t group = 0) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("mkdir " + path);
  check(chown(path.c_str(), owner, group), "chown " + path);
  check(chmod(path.c_str(), mode), "chmod " + path);
}

void make_file(const File& file) {
  const int fd = open(file.path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  check(fd, "creating " + file.path);
  const bool written = write(fd, file.content.data(), file.content.size()) == static_cast<ssize_t>(file.content.size());
  const bool owned = fchown(fd, file.owner, file.group) == 0 && fchmod(fd, file.mode) == 0;
  close(fd);
  if (!written || !owned) fail("writing " + file.path);
}

void mount_tmpfs(const std::string& at, mode_t mode) {
  check(mount("behalf", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, fmt::format("mode={:o},size=256m", mode).c_str()),
        "tmpfs on " + at);
}

void bind(const std::string& from, const std::string& to, bool with_mounts_below = true) {
  check(mount(from.c_str(), to.c_str(), nullptr, MS_BIND | (with_mounts_below ? static_cast<unsigned>(MS_REC) : 0U),
              nullptr),
        fmt::format("showing {} at {}", from, to));
}

// Of a path, or with an empty one of the mount that the descriptor is.
void make_read_only(int directory, const std::string& path, const std::string& what) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  check(syscall(SYS_mount_setattr, directory, path.c_str(), AT_RECURSIVE | (path.empty() ? AT_EMPTY_PATH : 0),
                &attributes, sizeof attributes),
        "making " + what + " read-only");
}
void make_read_only(const std::string& at) {
  make_read_only(AT_FDCWD, at, at);
}

std::string passwd(std::span<const Account> of_daemons) {
  std::string text;
  for (const auto& some : {accounts(), of_daemons})
    for (const Account& a : some)
      text += fmt::format("{}:x:{}:{}:{}:{}:/bin/sh\n", a.name, a.uid, a.gid, a.name, a.home);
  return text;
}

std::string group(std::span<const Account> of_daemons) {
  std::string text;
  for (const Account& a : of_daemons) text += fmt::format("{}:x:{}:\n", a.name, a.gid);
  for (const Group& g : groups()) {
    std::string members;
    for (const Account& a : accounts())
      if (a.gid != g.gid && std::find(a.groups.begin(), a.groups.end(), g.gid) != a.groups.end())
        members += (members.empty() ? "" : ",") + std::string(a.name);
    text += fmt::format("{}:x:{}:{}\n", g.name, g.gid, members);
  }
  return text;
}

// The machine's top folders, each where it was; links stay links.
void show_machine(const std::string& root) {
  DIR* const top = opendir("/");
  if (top == nullptr) fail("reading /");
  while (const dirent* entry = readdir(top)) {
    const std::string name = entry->d_name, from = "/" + name, to = root + from;
    const bool own =
        std::any_of(std::begin(own_folders), std::end(own_folders), [&](const Folder& f) { return f.path == from; });
    if (name == "." || name == ".." || own) continue;
    struct stat status {};
    if (lstat(from.c_str(), &status) != 0) continue;
    if (S_ISLNK(status.st_mode)) {
      check(symlink(std::filesystem::read_symlink(from).c_str(), to.c_str()), "link " + to);
    } else if (S_ISDIR(status.st_mode)) {
      make_folder(to, 0755);
      bind(from, to);
      make_read_only(to);
    }
  }
  closedir(top);
}

void make_devices(const std::string& dev) {
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    const std::string from = fmt::format("/dev/{}", name), to = fmt::format("{}/{}", dev, name);
    if (access(from.c_str(), F_OK) != 0) continue;
    make_file({to, "", 0, 0, 0666});
    bind(from, to, false);
  }
  for (const auto& [name, target] : {std::pair{"fd", "/proc/self/fd"},
                                     {"stdin", "/proc/self/fd/0"},
                                     {"stdout", "/proc/self/fd/1"},
                                     {"stderr", "/proc/self/fd/2"},
                                     {"ptmx", "pts/ptmx"}})
    check(symlink(target, fmt::format("{}/{}", dev, name).c_str()), fmt::format("link /dev/{}", name));
  for (const char* name : {"pts", "shm", "mqueue"}) make_folder(fmt::format("{}/{}", dev, name), 0755);
  check(mount("devpts", (dev + "/pts").c_str(), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"),
        "devpts");
  mount_tmpfs(dev + "/shm", 01777);
  // A kernel without POSIX message queues still makes a stage; the rows that need them say so themselves.
  if (mount("mqueue", (dev + "/mqueue").c_str(), "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0)
    chmod((dev + "/mqueue").c_str(), 01777);
}

void make_homes(const std::string& root) {
  for (const Account& a : accounts()) {
    if (a.home == "/") continue;
    const std::string home = root + std::string(a.home);
    make_folder(home, 0700, a.uid, a.gid);
    make_folder(home + "/.config", 0700, a.uid, a.gid);
    make_file({home + "/note.txt", std::string(a.name) + "\n", a.uid, a.gid, 0600});
    make_file({home + "/.config/app.conf", "owner=" + std::string(a.name) + "\n", a.uid, a.gid, 0600});
  }
}

void make_shared_places(const std::string& root) {
  make_folder(root + "/srv/inbox", 01777);
  make_folder(root + "/srv/devs", 0770, 0, 3100);
  make_folder(root + "/srv/staff", 0770, 0, 3200);
  make_file({root + "/srv/devs/plan.txt", "the devs' plan\n", 0, 3100, 0640});
  make_file({root + "/srv/root-only.txt", "root's own\n", 0, 0, 0600});
}

// The machine's own account files, replaced by the stage's.
void make_accounts(const std::string& root, std::span<const Account> of_daemons) {
  const std::string place = root + "/run/behalf";
  const File files[] = {
      {place + "/passwd", passwd(of_daemons), 0, 0, 0644},
      {place + "/group", group(of_daemons), 0, 0, 0644},
      {place + "/shadow", "root:*:19000::::::\nalice:*:19000::::::\nbob:*:19000::::::\nshield:*:19000::::::\n", 0, 0,
       0600},
      {place + "/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n", 0, 0, 0644},
      {place + "/hosts", "127.0.0.1 localhost stage\n::1 localhost\n", 0, 0, 0644},
  };
  for (const File& file : files) {
    make_file(file);
    const std::string etc = root + "/etc/" + std::filesystem::path(file.path).filename().string();
    if (access(etc.c_str(), F_OK) == 0) bind(file.path, etc, false);
  }
}

// A file of the machine, held so that it can be shown wherever the stage is built, and whoever builds it.
struct Held {
  std::string name;
  std::filesystem::path target;  // of a link; else
  int mount = -1;                // of the file alone, and read-only
};

// The shared objects of a folder, each under its own name in another: who may not enter the first may use them all the
// same, if their own modes allow it.
std::vector<Held> hold_shared_objects(const Shown& shown) {
  constexpr std::size_t most = 900;  // each is a descriptor, and 1024 are what a process commonly may have
  const std::string& from = shown.from;
  std::vector<Held> held;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(from, error), end; entry != end; ++entry) {
    const std::string name = entry->path().filename().string(), path = entry->path().string();
    if (name != shown.library && (name.find(".so") == std::string::npos || held.size() >= most)) continue;
    if (entry->is_symlink()) {
      held.push_back({name, std::filesystem::read_symlink(entry->path())});
    } else if (entry->is_regular_file()) {
      const int fd = static_cast<int>(
          syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | static_cast<unsigned>(O_CLOEXEC)));
      check(fd, "showing " + path);
      make_read_only(fd, "", path);
      held.push_back({name, {}, fd});
    }
  }
  if (error) {
    errno = error.value();
    fail("showing " + from);
  }
  return held;
}

void show(const std::vector<Held>& files, const std::string& folder) {
  for (const Held& file : files) {
    const std::string at = folder + "/" + file.name;
    if (file.mount < 0) {
      check(symlink(file.target.c_str(), at.c_str()), "link " + at);
      continue;
    }
    make_file({at, "", 0, 0, 0644});
    check(syscall(SYS_move_mount, file.mount, "", AT_FDCWD, at.c_str(), MOVE_MOUNT_F_EMPTY_PATH), "showing " + at);
    close(file.mount);
  }
}

void raise_loopback() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(fd, "socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const int result = ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
  check(result, "raising the loopback interface");
}

// What gives a process the namespaces that it may not make.
std::string remedy() {
  std::array<char, 2> restricts{};
  const int fd = open("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", O_RDONLY | O_CLOEXEC);
  const bool restricted = fd >= 0 && read(fd, restricts.data(), 1) == 1 && restricts[0] == '1';
  if (fd >= 0) close(fd);
  return restricted
             ? "as root, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; or run behalf itself with sudo"
             : "in a container, run it with --privileged";
}

// Whether a process can be somebody of the stage, tried in one that is then done with.
std::string why_no_accounts() {
  const Account& person = accounts().back();
  const pid_t child = fork();
  if (child < 0) return fmt::format("cannot make a process: {}", std::strerror(errno));
  if (child == 0) {
    const bool could = setgroups(person.groups.size(), person.groups.data()) == 0 &&
                       setresgid(person.gid, person.gid, person.gid) == 0 &&
                       setresuid(person.uid, person.uid, person.uid) == 0;
    _exit(could ? 0 : errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (status == 0) return {};
  return fmt::format(
      "cannot become {} with groups ({}): this user namespace has not the ids of an account, or denies setgroups "
      "(unshare "
      "-r makes such): run behalf outside of it",
      person.uid, std::strerror(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR));
}

// What of /proc speaks to the machine and not to the stage.
void guard_proc(const std::string& proc) {
  for (const char* name : {"sys", "sysrq-trigger", "irq", "bus", "fs"}) {
    const std::string path = fmt::format("{}/{}", proc, name);
    if (access(path.c_str(), F_OK) != 0) continue;
    bind(path, path);
    make_read_only(path);
  }
}

}  // namespace

Placed place_on_stage(const std::string& file) {
  const std::string path = std::filesystem::canonical(file).string();
  const auto hides = [&](const Folder& folder) { return path.starts_with(std::string(folder.path) + "/"); };
  const std::filesystem::path whole(path);
  bool hidden = std::any_of(std::begin(own_folders), std::end(own_folders), hides) ||
                std::any_of(std::begin(inner_folders), std::end(inner_folders), hides);
  for (auto folder = whole.parent_path(); folder != folder.root_path(); folder = folder.parent_path()) {
    struct stat status {};
    hidden = hidden || stat(folder.c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0;
  }
  if (!hidden) return {path, {}};
  const std::string at = "/run/behalf/library";
  const std::string name = whole.filename().string();
  return {at + "/" + name, {{whole.parent_path().string(), at, name}}};
}

std::string why_no_stage() {
  // Tried, and not inferred: containers take away any of them.
  for (const auto& [flag, name] : {std::pair{CLONE_NEWNS, "mount"},
                                   {CLONE_NEWPID, "pid"},
                                   {CLONE_NEWIPC, "ipc"},
                                   {CLONE_NEWNET, "network"},
                                   {CLONE_NEWUTS, "uts"}}) {
    const long child = syscall(SYS_clone, SIGCHLD | flag, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) _exit(0);
    if (const int error = errno; child < 0)
      return fmt::format("cannot make a {} namespace ({}): {}", name, std::strerror(error), remedy());
    waitpid(static_cast<pid_t>(child), nullptr, 0);
  }
  return why_no_accounts();
}

void enter_stage(const std::vector<Shown>& shown, std::span<const Account> of_daemons) {
  check(unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS), "namespaces");
  umask(022);
  check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making the mounts private");

  // Directories to be shown may lie below /tmp, which is covered next, or where only the caller may look.
  std::vector<std::vector<Held>> held;
  for (const Shown& directory : shown) held.push_back(hold_shared_objects(directory));
  // In a user namespace we are root from here on; as root, no less than before.
  check(setresgid(0, 0, 0), "becoming root's group");
  check(setresuid(0, 0, 0), "becoming root");

  // The new root is built on /tmp, unseen by anybody else, and then becomes the root.
  const std::string root = "/tmp";
  mount_tmpfs(root, 0755);
  show_machine(root);
  for (const Folder& folder : own_folders) {
    make_folder(root + folder.path, folder.mode);
    if (folder.path != std::string_view("/proc")) mount_tmpfs(root + folder.path, folder.mode);
  }
  for (const Folder& folder : inner_folders) {
    const std::string path = root + folder.path;
    struct stat status {};
    if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) mount_tmpfs(path, folder.mode);
  }
  make_folder(root + "/run/behalf", 0755);
  make_accounts(root, of_daemons);
  make_homes(root);
  make_shared_places(root);
  make_devices(root + "/dev");
  for (std::size_t i = 0; i < shown.size(); ++i) {
    make_folder(root + shown[i].at, 0755);
    show(held[i], root + shown[i].at);
  }
  // In a user namespace the kernel shows no more of /proc than the machine does (mount_namespaces(7)).
  check(mount("proc", (root + "/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr),
        "proc (where the machine's own is covered in part, as in a container, only the machine's root may)");
  guard_proc(root + "/proc");

  check(chdir(root.c_str()), "chdir");
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "leaving the machine's root");
  check(chdir("/"), "chdir /");
  check(mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), "making / read-only");

  raise_loopback();
  check(sethostname("stage", 5), "sethostname");
  // A session keyring of the stage's own; a kernel without keyrings has none to share.
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  for (const int power : forbidden_powers)
    if (prctl(PR_CAPBSET_READ, power) == 1) check(prctl(PR_CAPBSET_DROP, power), "dropping a capability");
  const rlimit no_core = {0, 0};  // the machine's core_pattern may well be a program outside of the stage
  check(setrlimit(RLIMIT_CORE, &no_core), "setrlimit");
}

void become(const Account& account) {
  if (account.name == service_name) {
    check(setgroups(account.groups.size(), account.groups.data()), "setgroups");
    check(chdir("/"), "chdir");
    return;
  }
  check(setgroups(account.groups.size(), account.groups.data()), "setgroups");
  check(setresgid(account.gid, account.gid, account.gid), "setresgid");
  check(setresuid(account.uid, account.uid, account.uid), "setresuid");
  check(chdir(std::string(account.home).c_str()), "chdir");
}

std::vector<std::string> environment_of(const Account& account) {
  return {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          "LANG=C.UTF-8",
          "SHELL=/bin/sh",
          fmt::format("HOME={}", account.home),
          fmt::format("USER={}", account.name),
          fmt::format("LOGNAME={}", account.name)};
}

}  // namespace behalf::tool
