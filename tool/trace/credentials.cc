#include "trace/credentials.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace behalf::tool {
namespace {

// From include/uapi/linux/pidfd.h; Debian 12's headers are older than the kernels that answer it.
constexpr unsigned pidfd_thread = O_EXCL;
constexpr std::uint64_t pidfd_info_creds = 1ULL << 1;
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroupid;
  std::uint32_t pid, tgid, ppid;
  std::uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  std::int32_t exit_code;
};
constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, PidfdInfo);

int open_thread(pid_t tid) {
  return static_cast<int>(syscall(SYS_pidfd_open, tid, pidfd_thread));
}

std::optional<ThreadIds> ask(int fd) {
  PidfdInfo info{};
  info.mask = pidfd_info_creds;
  if (ioctl(fd, pidfd_get_info, &info) != 0 || !(info.mask & pidfd_info_creds)) return std::nullopt;
  return ThreadIds{{info.ruid, info.euid, info.suid, info.fsuid}, {info.rgid, info.egid, info.sgid, info.fsgid}};
}

// The numbers of a line of /proc/TID/status.
template <typename T>
std::vector<T> numbers(std::string_view text, int base) {
  std::vector<T> found;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (std::isspace(static_cast<unsigned char>(*at))) {
      ++at;
      continue;
    }
    T value{};
    const auto result = std::from_chars(at, end, value, base);
    if (result.ec != std::errc{}) break;
    found.push_back(value);
    at = result.ptr;
  }
  return found;
}

std::optional<std::string_view> field(std::string_view status, std::string_view key) {
  const std::string start = fmt::format("\n{}:", key);
  const auto at = status.find(start);
  if (at == std::string_view::npos) return std::nullopt;
  const auto begin = at + start.size();
  return status.substr(begin, status.find('\n', begin) - begin);
}

Ids four(std::string_view text) {
  const auto ids = numbers<unsigned>(text, 10);
  return ids.size() == 4 ? Ids{ids[0], ids[1], ids[2], ids[3]} : Ids{};
}

}  // namespace

std::string describe(const Credentials& credentials) {
  const auto ids = [](const Ids& four) {
    return four.real == four.effective && four.real == four.saved && four.real == four.fs
               ? fmt::format("{}", four.real)
               : fmt::format("{}/{}/{}/{}", four.real, four.effective, four.saved, four.fs);
  };
  return fmt::format("uid {} gid {} groups {}", ids(credentials.uid), ids(credentials.gid),
                     credentials.groups.empty() ? "none" : fmt::format("{}", fmt::join(credentials.groups, " ")));
}

CredentialsTable::Id CredentialsTable::intern(const Credentials& credentials) {
  const auto found = std::find(entries_.begin(), entries_.end(), credentials);
  if (found != entries_.end()) return static_cast<Id>(found - entries_.begin());
  entries_.push_back(credentials);
  return static_cast<Id>(entries_.size() - 1);
}

std::optional<Credentials> read_status_credentials(pid_t tid) {
  std::array<char, 64> path{};
  *fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/status", tid).out = '\0';
  const int fd = open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  // A member of many groups has a long line; 65536 groups of eleven characters are the kernel's limit.
  std::string text(4096, '\0');
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = read(fd, text.data() + size, text.size() - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
    if (size == text.size()) text.resize(text.size() * 2);
  }
  close(fd);
  const std::string_view status(text.data(), size);
  const auto uid = field(status, "Uid"), gid = field(status, "Gid"), groups = field(status, "Groups"),
             permitted = field(status, "CapPrm"), effective = field(status, "CapEff");
  if (!uid || !gid || !groups || !permitted || !effective) return std::nullopt;
  Credentials credentials;
  credentials.uid = four(*uid);
  credentials.gid = four(*gid);
  credentials.groups = numbers<gid_t>(*groups, 10);
  std::sort(credentials.groups.begin(), credentials.groups.end());
  const auto p = numbers<std::uint64_t>(*permitted, 16), e = numbers<std::uint64_t>(*effective, 16);
  credentials.permitted = p.empty() ? 0 : p.front();
  credentials.effective = e.empty() ? 0 : e.front();
  return credentials;
}

bool kernel_has_pidfd_info() {
  static const bool answer = [] {
    const int fd = open_thread(static_cast<pid_t>(syscall(SYS_gettid)));
    if (fd < 0) return false;
    const bool has = ask(fd).has_value();
    close(fd);
    return has;
  }();
  return answer;
}

ThreadHandle::ThreadHandle(pid_t tid) : fd_(kernel_has_pidfd_info() ? open_thread(tid) : -1) {}
ThreadHandle::~ThreadHandle() {
  if (fd_ >= 0) close(fd_);
}
ThreadHandle::ThreadHandle(ThreadHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
ThreadHandle& ThreadHandle::operator=(ThreadHandle&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
std::optional<ThreadIds> ThreadHandle::ids() const {
  return fd_ < 0 ? std::nullopt : ask(fd_);
}

}  // namespace behalf::tool
