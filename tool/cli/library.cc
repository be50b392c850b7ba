#include "cli/library.h"

#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/elf_file.h"
#include "cli/nearest.h"

namespace behalf::tool {
namespace {

#if defined(__x86_64__)
constexpr unsigned this_machine = EM_X86_64;
constexpr const char* this_machine_name = "x86-64";
#else
constexpr unsigned this_machine = EM_AARCH64;
constexpr const char* this_machine_name = "64-bit ARM";
#endif

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_386:
      return "32-bit x86";
    case EM_AARCH64:
      return "64-bit ARM";
    case EM_ARM:
      return "32-bit ARM";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "64-bit PowerPC";
    case EM_S390:
      return "S/390";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

// What the dynamic linker's cache has for a name.
std::string in_linker_cache(const std::string& name) {
  std::string found;
  FILE* const cache = popen("PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null", "r");
  if (cache == nullptr) return found;
  std::array<char, 1024> line{};
  while (std::fgets(line.data(), line.size(), cache) != nullptr) {
    const std::string text = line.data();
    const auto begin = text.find_first_not_of(" \t"), arrow = text.find(" => ");
    if (begin == std::string::npos || arrow == std::string::npos ||
        text.substr(begin, text.find(' ', begin) - begin) != name)
      continue;
    const std::string path = text.substr(arrow + 4, text.find('\n') - arrow - 4);
    const ElfFile file(path);
    if (found.empty() && file.is_elf() && file.machine() == this_machine) found = path;
  }
  pclose(cache);
  return found;
}

// Line ends and other controls as blanks, so that columns stay what they are.
std::string in_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

}  // namespace

std::string find_library(const std::string& named) {
  std::error_code error;
  if (std::filesystem::is_directory(named, error))
    throw UsageError(fmt::format("'{}' is a directory: name the shared object in it", named));
  if (std::filesystem::exists(named, error)) {
    if (access(named.c_str(), R_OK) != 0)
      throw UsageError(fmt::format("cannot read '{}': {}", named, std::strerror(errno)));
    return std::filesystem::canonical(named).string();
  }
  if (named.find('/') == std::string::npos) {
    if (const std::string cached = in_linker_cache(named); !cached.empty())
      return std::filesystem::canonical(cached).string();
    throw UsageError(fmt::format(
        "no library '{}': neither a file here nor known to the dynamic linker (ldconfig -p lists what is)", named));
  }
  throw UsageError(fmt::format("no library '{}': there is no such file", named));
}

void check_exports(const std::string& library, const std::string& function) {
  const ElfFile file(library);
  if (!file.is_elf())
    throw UsageError(
        fmt::format("'{}' is not a shared object: it is no ELF file (build one with g++ -shared -fPIC)", library));
  if (file.machine() != this_machine || !file.is_64_bit())
    throw UsageError(fmt::format("'{}' is for {}, this machine is {}: build it for this one", library,
                                 machine_name(file.machine()), this_machine_name));
  if (!file.is_shared_object())
    throw UsageError(fmt::format("'{}' is {}, not a shared object: build the code with g++ -shared -fPIC", library,
                                 file.is_program() ? "a program" : "an object file"));
  std::vector<std::string> functions = file.exported_functions();
  if (std::find(functions.begin(), functions.end(), function) != functions.end()) return;
  const bool mangled = std::any_of(functions.begin(), functions.end(), [&](const std::string& name) {
    return name.starts_with("_Z") && name.find(fmt::format("{}{}", function.size(), function)) != std::string::npos;
  });
  if (mangled)
    throw UsageError(fmt::format("'{}' exports '{}' under a C++ name: declare it extern \"C\" int {}(void)", library,
                                 function, function));
  std::erase_if(functions, [](const std::string& name) { return name.starts_with("_"); });
  functions = nearest(function, std::move(functions), 3);
  throw UsageError(fmt::format("'{}' exports no function '{}'{}", library, function,
                               functions.empty()
                                   ? std::string(": it exports none (declare it extern \"C\" with default visibility)")
                                   : fmt::format(": the nearest are {}", fmt::join(functions, ", "))));
}

void check_readable_by_all(const std::string& library) {
  struct stat status {};
  if (stat(library.c_str(), &status) == 0 && (status.st_mode & S_IROTH) == 0)
    throw UsageError(
        fmt::format("'{}' can be read by its owner only, but the oracle loads it as an ordinary user: chmod a+r '{}'",
                    library, library));
}

Prototype read_call(const std::string& written) {
  try {
    return parse_prototype(written);
  } catch (const PrototypeError& error) {
    throw UsageError(fmt::format("'{}', column {}: {}", in_one_line(written), error.column(), error.what()));
  }
}

}  // namespace behalf::tool
