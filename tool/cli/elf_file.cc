#include "cli/elf_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include <functional>

namespace behalf::tool {
namespace {

void each_section(Elf* elf, const std::function<void(Elf_Scn*, const GElf_Shdr&)>& visit) {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) != nullptr) visit(section, header);
  }
}

}  // namespace

ElfFile::ElfFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  elf_version(EV_CURRENT);
  if (fd_ >= 0) elf_ = elf_begin(fd_, ELF_C_READ, nullptr);
}
ElfFile::~ElfFile() {
  if (elf_ != nullptr) elf_end(elf_);
  if (fd_ >= 0) close(fd_);
}

bool ElfFile::is_elf() const {
  return elf_ != nullptr && elf_kind(elf_) == ELF_K_ELF;
}

unsigned ElfFile::machine() const {
  GElf_Ehdr header;
  return gelf_getehdr(elf_, &header) != nullptr ? header.e_machine : 0U;
}

bool ElfFile::is_64_bit() const {
  return gelf_getclass(elf_) == ELFCLASS64;
}

bool ElfFile::is_program() const {
  bool pie = false;
  each_section(elf_, [&](Elf_Scn* section, const GElf_Shdr& header) {
    if (header.sh_type != SHT_DYNAMIC || header.sh_entsize == 0) return;
    Elf_Data* const data = elf_getdata(section, nullptr);
    for (int i = 0; data != nullptr && i < static_cast<int>(header.sh_size / header.sh_entsize); ++i) {
      GElf_Dyn entry;
      if (gelf_getdyn(data, i, &entry) != nullptr && entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_PIE))
        pie = true;
    }
  });
  GElf_Ehdr header;
  return pie || (gelf_getehdr(elf_, &header) != nullptr && header.e_type == ET_EXEC);
}

bool ElfFile::is_shared_object() const {
  GElf_Ehdr header;
  return gelf_getehdr(elf_, &header) != nullptr && header.e_type == ET_DYN && !is_program();
}

std::vector<std::string> ElfFile::exported_functions() const {
  std::vector<std::string> names;
  each_section(elf_, [&](Elf_Scn* section, const GElf_Shdr& header) {
    if (header.sh_type != SHT_DYNSYM || header.sh_entsize == 0) return;
    Elf_Data* const data = elf_getdata(section, nullptr);
    for (int i = 0; data != nullptr && i < static_cast<int>(header.sh_size / header.sh_entsize); ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, i, &symbol) == nullptr || symbol.st_shndx == SHN_UNDEF) continue;
      const unsigned type = GELF_ST_TYPE(symbol.st_info), binding = GELF_ST_BIND(symbol.st_info);
      if ((type != STT_FUNC && type != STT_GNU_IFUNC) || binding == STB_LOCAL) continue;
      if (const char* name = elf_strptr(elf_, header.sh_link, symbol.st_name); name != nullptr)
        names.emplace_back(name);
    }
  });
  return names;
}

std::string ElfFile::section(const std::string& name) const {
  std::string bytes;
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return bytes;
  each_section(elf_, [&](Elf_Scn* section, const GElf_Shdr& header) {
    const char* const found = elf_strptr(elf_, names, header.sh_name);
    if (found == nullptr || name != found) return;
    if (const Elf_Data* data = elf_rawdata(section, nullptr); data != nullptr && data->d_buf != nullptr)
      bytes.assign(static_cast<const char*>(data->d_buf), data->d_size);
  });
  return bytes;
}

}  // namespace behalf::tool
