// A file opened as ELF, and closed again.
#pragma once

#include <libelf.h>

#include <string>
#include <vector>

namespace behalf::tool {

class ElfFile {
 public:
  explicit ElfFile(const std::string& path);
  ~ElfFile();
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  bool is_elf() const;
  unsigned machine() const;
  bool is_64_bit() const;
  // Can be loaded by dlopen(3): a shared object, and no position-independent executable.
  bool is_shared_object() const;
  bool is_program() const;
  std::vector<std::string> exported_functions() const;
  // The bytes of a section of that name; empty when there is none.
  std::string section(const std::string& name) const;

 private:
  int fd_ = -1;
  Elf* elf_ = nullptr;
};

}  // namespace behalf::tool
