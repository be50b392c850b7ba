// A tracee's memory and places in /proc, read from outside. Nothing here fails loudly: a tracee may die at any time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

namespace behalf::tool {

// As many of the `size` bytes as can be read.
std::string read_memory(pid_t tid, std::uint64_t address, std::size_t size);

// The string at `address`, up to `longest` bytes.
std::string read_string(pid_t tid, std::uint64_t address, std::size_t longest = 4096);

template <typename T>
bool read_object(pid_t tid, std::uint64_t address, T& into) {
  const std::string bytes = read_memory(tid, address, sizeof into);
  if (bytes.size() != sizeof into) return false;
  __builtin_memcpy(&into, bytes.data(), sizeof into);
  return true;
}

bool write_memory(pid_t tid, std::uint64_t address, const void* bytes, std::size_t size);

// A small file of /proc whole; empty when it cannot be read.
std::string read_file(const std::string& path);

// What a link of /proc points to; empty when it cannot be read.
std::string read_link(const std::string& path);

// One field of a /proc/PID/status, or nothing.
std::string status_field(const std::string& status, const std::string& key);

// The open descriptors of a process and what they lead to.
std::map<int, std::string> descriptors_of(pid_t process);

}  // namespace behalf::tool
