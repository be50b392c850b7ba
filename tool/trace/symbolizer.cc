#include "trace/symbolizer.h"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>
#include <filesystem>
#include <map>

namespace behalf::tool {
namespace {

// Only what lies on this machine: a debuginfod server would be a wait on the network.
const Dwfl_Callbacks callbacks = {dwfl_build_id_find_elf, dwfl_standard_find_debuginfo, dwfl_offline_section_address,
                                  nullptr};

std::string demangled(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 && text != nullptr ? text : name;
  std::free(text);
  return result;
}

std::string on_the_machine(const std::string& module, const std::vector<Shown>& shown) {
  for (const Shown& place : shown)
    if (module.starts_with(place.at + "/")) return place.from + module.substr(place.at.size());
  return module;
}

// What the compiler was given relative to where it ran: `make` in a folder of its own, as most packages are built.
std::string whole_path(const char* compiled_in, const std::string& file) {
  if (file.starts_with('/') || compiled_in == nullptr) return file;
  return (std::filesystem::path(compiled_in) / file).lexically_normal().string();
}

}  // namespace

struct Symbolizer::Modules {
  struct Entry {
    Dwfl* dwfl = nullptr;
    Dwfl_Module* module = nullptr;
    Dwarf_Addr bias = 0;
  };
  std::map<std::string, Entry> known;
  std::map<std::pair<std::string, std::uint64_t>, NamedFrame> named;

  ~Modules() {
    for (const auto& [path, entry] : known)
      if (entry.dwfl != nullptr) dwfl_end(entry.dwfl);
  }

  const Entry& open(const std::string& path) {
    const auto [at, fresh] = known.try_emplace(path);
    Entry& entry = at->second;
    std::error_code error;
    if (!fresh || !std::filesystem::is_regular_file(path, error)) return entry;
    entry.dwfl = dwfl_begin(&callbacks);
    if (entry.dwfl == nullptr) return entry;
    entry.module = dwfl_report_offline(entry.dwfl, path.c_str(), path.c_str(), -1);
    dwfl_report_end(entry.dwfl, nullptr, nullptr);
    if (entry.module != nullptr) dwfl_module_getelf(entry.module, &entry.bias);
    return entry;
  }
};

Symbolizer::Symbolizer() : modules_(std::make_unique<Modules>()) {
  unsetenv("DEBUGINFOD_URLS");
}
Symbolizer::~Symbolizer() = default;

std::vector<NamedFrame> Symbolizer::name(const Stack& stack, const std::vector<Shown>& shown) {
  std::vector<NamedFrame> frames;
  for (const Frame& frame : stack) {
    const std::string module = on_the_machine(frame.module, shown);
    if (module.ends_with("/behalf-service")) break;
    const auto [known, fresh] = modules_->named.try_emplace({module, frame.offset});
    NamedFrame& named = known->second;
    if (!fresh) {
      frames.push_back(named);
      continue;
    }
    named.module = module;
    const Modules::Entry& entry = modules_->open(named.module);
    if (entry.module != nullptr) {
      const Dwarf_Addr address = frame.offset + entry.bias;
      if (const char* function = dwfl_module_addrname(entry.module, address); function != nullptr)
        named.function = demangled(function);
      if (Dwfl_Line* const line = dwfl_module_getsrc(entry.module, address); line != nullptr)
        if (const char* file = dwfl_lineinfo(line, nullptr, &named.line, nullptr, nullptr, nullptr); file != nullptr)
          named.file = whole_path(dwfl_line_comp_dir(line), file);
    }
    frames.push_back(named);
  }
  return frames;
}

}  // namespace behalf::tool
