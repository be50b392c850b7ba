#include "trace/debug_names.h"

#include <cxxabi.h>
#include <dwarf.h>
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

// What the compiler was given relative to where it ran: `make` in a folder of its own, as most packages are built.
std::string whole_path(const char* compiled_in, const std::string& file) {
  const std::filesystem::path path(file);
  const bool whole = path.is_absolute() || compiled_in == nullptr;
  return (whole ? path : compiled_in / path).lexically_normal().string();
}

std::string name_of(Dwarf_Die* function) {
  Dwarf_Attribute attribute;
  for (const unsigned key : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name})
    if (dwarf_attr_integrate(function, key, &attribute) != nullptr)
      if (const char* const name = dwarf_formstring(&attribute); name != nullptr) return demangled(name);
  const char* const name = dwarf_diename(function);
  return name != nullptr ? name : "";
}

// Where an inlined function was called, in the one around it.
void set_place_of_call(NamedFrame& frame, Dwarf_Die* unit, Dwarf_Die* inlined) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0, line = 0;
  Dwarf_Files* files = nullptr;
  std::size_t count = 0;
  if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
    frame.line = static_cast<int>(line);
  if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) != 0) return;
  if (dwarf_getsrcfiles(unit, &files, &count) != 0 || number >= count) return;
  const char* const file = dwarf_filesrc(files, number, nullptr, nullptr);
  const char* const compiled_in =
      dwarf_attr(unit, DW_AT_comp_dir, &attribute) != nullptr ? dwarf_formstring(&attribute) : nullptr;
  if (file != nullptr) frame.file = whole_path(compiled_in, file);
}

// The unit that has the address. Clang writes no table of them (.debug_aranges), and then each unit is asked.
Dwarf_Die* unit_at(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr* bias) {
  if (Dwarf_Die* const unit = dwfl_module_addrdie(module, address, bias); unit != nullptr) return unit;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module, unit, bias)) != nullptr;)
    if (dwarf_haspc(unit, address - *bias) > 0) return unit;
  return nullptr;
}

void set_line(NamedFrame& frame, Dwarf_Die* unit, Dwarf_Addr address) {
  Dwarf_Line* const line = dwarf_getsrc_die(unit, address);
  const char* const file = line != nullptr ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
  if (file == nullptr || dwarf_lineno(line, &frame.line) != 0) return;
  Dwarf_Attribute attribute;
  Dwarf_Attribute* const compiled_in = dwarf_attr(unit, DW_AT_comp_dir, &attribute);
  frame.file = whole_path(compiled_in != nullptr ? dwarf_formstring(compiled_in) : nullptr, file);
}

// One machine frame may be several of the source: what was inlined there, innermost first. The line table tells the
// innermost place; each inlined function tells where it was called.
void expand(std::vector<NamedFrame>& frames, Dwfl_Module* module, Dwarf_Addr address) {
  Dwarf_Addr bias = 0;
  Dwarf_Die* const unit = unit_at(module, address, &bias);
  if (unit == nullptr) return;
  set_line(frames.front(), unit, address - bias);
  Dwarf_Die* found = nullptr;
  const int count = dwarf_getscopes(unit, address - bias, &found);
  // The scopes of the abstract function stand behind those of the inlined one; the concrete ones are asked again.
  Dwarf_Die* scopes = nullptr;
  const int depth = count > 0 ? dwarf_getscopes_die(&found[0], &scopes) : 0;
  const std::string outermost = frames.front().function;
  for (int i = 0; i < depth; ++i) {
    if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine) continue;
    frames.back().function = name_of(&scopes[i]);
    NamedFrame around{outermost, frames.front().module, "", 0, frames.front().offset};
    set_place_of_call(around, unit, &scopes[i]);
    frames.push_back(std::move(around));
  }
  std::free(scopes);
  std::free(found);
}

}  // namespace

struct DebugNames::Modules {
  struct Entry {
    Dwfl* dwfl = nullptr;
    Dwfl_Module* module = nullptr;
    Dwarf_Addr bias = 0;
  };
  std::map<std::string, Entry> known;

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

DebugNames::DebugNames() : modules_(std::make_unique<Modules>()) {}
DebugNames::~DebugNames() = default;

std::vector<NamedFrame> DebugNames::at(const std::string& module, std::uint64_t offset) {
  std::vector<NamedFrame> frames = {{"", module, "", 0, offset}};
  const Modules::Entry& entry = modules_->open(module);
  if (entry.module == nullptr) return frames;
  const Dwarf_Addr address = offset + entry.bias;
  NamedFrame& inner = frames.front();
  if (const char* function = dwfl_module_addrname(entry.module, address); function != nullptr)
    inner.function = demangled(function);
  expand(frames, entry.module, address);
  return frames;
}

}  // namespace behalf::tool
