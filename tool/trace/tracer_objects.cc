// What an effect is on: paths made absolute, socket addresses spelled out, own process left out.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "trace/memory.h"
#include "trace/tracer_live.h"

namespace behalf::tool {
namespace {

// "/proc/1234/x" and "/proc/self/x" are the same place in two runs.
std::string without_numbers(std::string path) {
  constexpr std::string_view start = "/proc/";
  if (!path.starts_with(start)) return path;
  const auto end = path.find_first_not_of("0123456789", start.size());
  if (end == start.size()) return path;
  return "/proc/PID" + (end == std::string::npos ? std::string() : path.substr(end));
}

std::string socket_address(pid_t tid, std::uint64_t address, std::uint64_t size) {
  const std::string bytes = read_memory(tid, address, std::min<std::uint64_t>(size, sizeof(sockaddr_storage)));
  sockaddr_storage storage{};
  std::memcpy(&storage, bytes.data(), bytes.size());
  char text[INET6_ADDRSTRLEN] = {};
  switch (bytes.size() < sizeof(sa_family_t) ? AF_UNSPEC : storage.ss_family) {
    case AF_UNIX: {
      const auto* local = reinterpret_cast<const sockaddr_un*>(&storage);
      const std::size_t length = bytes.size() - offsetof(sockaddr_un, sun_path);
      if (bytes.size() <= offsetof(sockaddr_un, sun_path)) return "unix:unnamed";
      if (local->sun_path[0] == '\0') return "unix:@" + std::string(local->sun_path + 1, length - 1);
      return absolute(tid, AT_FDCWD, std::string(local->sun_path, strnlen(local->sun_path, length)));
    }
    case AF_INET: {
      const auto* in = reinterpret_cast<const sockaddr_in*>(&storage);
      return fmt::format("inet:{}:{}", inet_ntop(AF_INET, &in->sin_addr, text, sizeof text), ntohs(in->sin_port));
    }
    case AF_INET6: {
      const auto* in = reinterpret_cast<const sockaddr_in6*>(&storage);
      return fmt::format("inet6:[{}]:{}", inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text), ntohs(in->sin6_port));
    }
    default:
      return fmt::format("socket family {}", storage.ss_family);
  }
}

// The process's number as it sees itself, in its own pid namespace.
long own_number(pid_t tid) {
  const std::string status = read_file(fmt::format("/proc/{}/status", tid));
  const auto at = status.find("\nNStgid:");
  if (at == std::string::npos) return -1;
  const auto line = status.substr(at, status.find('\n', at + 1) - at);
  return std::strtol(line.c_str() + line.find_last_of("\t "), nullptr, 10);
}

}  // namespace

std::string absolute(pid_t tid, int directory, std::string path) {
  if (path.empty()) return path;
  if (path.front() != '/') {
    std::string base = read_link(directory == AT_FDCWD ? fmt::format("/proc/{}/cwd", tid)
                                                       : fmt::format("/proc/{}/fd/{}", tid, directory));
    if (base.empty()) base = directory == AT_FDCWD ? "." : fmt::format("fd {}", directory);
    if (path == ".") return without_numbers(base);
    path = (base == "/" ? "" : base) + "/" + path;
  }
  return without_numbers(std::move(path));
}

std::string Tracer::object_of(Live& live, const SystemCall& call, const Arguments& arguments) const {
  if (call.at < 0) return {};
  const std::uint64_t value = arguments[static_cast<std::size_t>(call.at)];
  switch (call.object) {
    case Object::none:
      return {};
    case Object::path:
      return absolute(live.tid, AT_FDCWD, read_string(live.tid, value));
    case Object::path_at: {
      // An empty path means the descriptor itself (AT_EMPTY_PATH): fstat and its like, which ask for no permission.
      const std::string path = read_string(live.tid, value);
      const int directory = static_cast<int>(arguments[static_cast<std::size_t>(call.directory)]);
      if (path.empty() && call.number == SYS_execveat)
        return read_link(fmt::format("/proc/{}/fd/{}", live.tid, directory));
      if (path.empty() && call.number == SYS_fchownat)
        return read_link(fmt::format("/proc/{}/fd/{}", live.tid, directory));
      return absolute(live.tid, directory, path);
    }
    case Object::socket_address:
      return socket_address(live.tid, value, arguments[2]);
    case Object::process: {
      const long number = static_cast<int>(value);
      if (number > 0 && (number == own_number(live.tid) || call.number == SYS_tgkill || call.number == SYS_tkill)) {
        // tgkill(2) and tkill(2) are how libc signals its own threads; a foreign target is another process's number.
        if (number == own_number(live.tid) || call.number == SYS_tkill) return {};
      }
      return number == 0 ? "own process group" : number == -1 ? "every process" : "another process";
    }
    case Object::descriptor:
      return without_numbers(read_link(fmt::format("/proc/{}/fd/{}", live.tid, static_cast<int>(value))));
    case Object::number:
      return fmt::format("{}", static_cast<int>(value));
  }
  return {};
}

void Tracer::add_ring_effects(Live& live, std::uint64_t ring, const std::vector<RingRequest>& requests) {
  for (const RingRequest& request : requests) {
    std::string object = request.path != 0 ? absolute(live.tid, request.directory, read_string(live.tid, request.path))
                                           : socket_address(live.tid, request.address, request.address_size);
    Effect& effect = add_effect(live, request.operation, std::move(object), request.decides,
                                request.as ? *request.as : current(live));
    effect.by_ring = true;
    effect.deferred = request.linked;
    effect.polled = request.polled;
    asked_.push_back({ring, request.user_data, effects_.size() - 1, live.tid});
    if (effect.deferred || observer_.wants_stack(effect, credentials_[effect.as]))
      effect.stack = unwinder_.unwind(live.process, live.tid);
  }
}

bool opens(const SystemCall& call) {
  constexpr int numbers[] = {
#ifdef SYS_open
      SYS_open,   SYS_creat,
#endif
      SYS_openat, SYS_openat2, SYS_open_by_handle_at, SYS_mq_open};
  return std::find(std::begin(numbers), std::end(numbers), call.number) != std::end(numbers);
}

bool only_reads(const SystemCall& call, const std::array<std::uint64_t, 6>& arguments) {
  const auto opens_to_read = [](std::uint64_t flags) { return (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY; };
  switch (call.number) {
    case SYS_openat:
      return opens_to_read(arguments[2]);
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlinkat:
    case SYS_statx:
    case SYS_statfs:
      return true;
#ifdef SYS_open
    case SYS_open:
      return opens_to_read(arguments[1]);
    case SYS_access:
    case SYS_stat:
    case SYS_lstat:
    case SYS_readlink:
    case SYS_newfstatat:
      return true;
#endif
    default:
      return false;
  }
}

bool in_process(pid_t tid, pid_t process) {
  return access(fmt::format("/proc/{}/task/{}", process, tid).c_str(), F_OK) == 0;
}

std::vector<pid_t> tasks_of(pid_t process) {
  std::vector<pid_t> tasks;
  DIR* const directory = opendir(fmt::format("/proc/{}/task", process).c_str());
  if (directory == nullptr) return tasks;
  while (const dirent* entry = readdir(directory))
    if (const int tid = std::atoi(entry->d_name); tid > 0) tasks.push_back(tid);
  closedir(directory);
  return tasks;
}

}  // namespace behalf::tool
