#include "cli/catalogue.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/elf_file.h"
#include "cli/library.h"
#include "stage/daemons.h"

namespace behalf::tool {
namespace {

// The order in which families are told; others follow by name.
constexpr const char* families[] = {
    "call",        "threads",  "queues",      "libc",       "io_uring", "coroutines",  "asio",  "children",
    "environment", "caches",   "descriptors", "sockets",    "messages", "connections", "buses", "databases",
    "credentials", "keyrings", "privileges",  "broadcasts", "warmed",   "history"};

std::size_t position(const std::string& family) {
  return static_cast<std::size_t>(std::find(std::begin(families), std::end(families), family) - std::begin(families));
}

std::filesystem::path catalogue_folder() {
  const auto tool = std::filesystem::read_symlink("/proc/self/exe");
  for (const auto& prefix : {tool.parent_path().parent_path(), tool.parent_path().parent_path().parent_path()})
    if (std::filesystem::is_directory(prefix / "lib/behalf/catalogue")) return prefix / "lib/behalf/catalogue";
  throw MachineError(
      "the catalogue is missing: lib/behalf/catalogue beside the tool's bin; build or install behalf again");
}

}  // namespace

Row read_row(const std::string& library) {
  Row row;
  row.library = library;
  const std::filesystem::path path(library);
  row.name = path.stem().string();
  row.family = path.parent_path().filename().string();
  const ElfFile file(library);
  const std::string data = file.is_elf() ? file.section(".behalf.row") : "";
  if (data.empty()) throw UsageError(fmt::format("'{}' is no row of a catalogue: it has no BEHALF_ROW", library));

  std::map<std::string, std::string*> keys = {
      {"title", &row.title}, {"hop", &row.hop},       {"clock", &row.clock},          {"wrong", &row.wrong},
      {"cure", &row.cure},   {"source", &row.source}, {"needs-root", &row.needs_root}};
  std::string works, needs, services;
  keys["works"] = &works;
  keys["needs"] = &needs;
  keys["services"] = &services;
  std::istringstream lines(data.substr(0, data.find('\0')));
  std::string* last = nullptr;
  for (std::string line; std::getline(lines, line);) {
    const auto text = line.find_first_not_of(" \t");
    if (text == std::string::npos) continue;
    const auto colon = line.find(':');
    if (text > 0 && last != nullptr) {
      *last += " " + line.substr(text);
      continue;
    }
    const auto key = keys.find(line.substr(0, colon));
    if (colon == std::string::npos || key == keys.end())
      throw UsageError(
          fmt::format("the row {}/{} has a line that is no `key: value` of a row: {}", row.family, row.name, line));
    last = key->second;
    const auto begin = line.find_first_not_of(" \t", colon + 1);
    *last = begin == std::string::npos ? "" : line.substr(begin);
  }
  if (row.title.empty() || works.empty())
    throw UsageError(fmt::format("the row {}/{} lacks a `title` or `works` line", row.family, row.name));
  std::istringstream postures(works);
  for (std::string posture; postures >> posture;)
    if (posture != "none") row.works.push_back(posture);
  const std::vector<std::string> known = daemon_names();
  std::istringstream daemons(services);
  for (std::string name; daemons >> name;) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw UsageError(fmt::format("the row {}/{} asks for the service {}: there are {}", row.family, row.name, name,
                                   fmt::join(known, ", ")));
    row.daemons.push_back(name);
  }
  row.code = file.section(".behalf.source");
  const auto functions = file.exported_functions();
  const auto has = [&](const char* name) {
    return std::find(functions.begin(), functions.end(), name) != functions.end();
  };
  row.has_before = has("before");
  row.has_cured = has("cured");
  row.has_before_cured = has("before_cured");
  return row;
}

std::vector<Row> read_catalogue(const std::string& folder) {
  std::vector<Row> rows;
  std::error_code error;
  const auto from = folder.empty() ? catalogue_folder() : std::filesystem::canonical(folder, error);
  if (error) throw UsageError(fmt::format("cannot read the catalogue '{}': {}", folder, error.message()));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(from))
    if (entry.is_regular_file() && entry.path().extension() == ".so") rows.push_back(read_row(entry.path().string()));
  if (rows.empty() && folder.empty())
    throw MachineError(fmt::format("the catalogue '{}' is empty: build or install behalf again", from.string()));
  if (rows.empty())
    throw UsageError(fmt::format("no rows in '{}': a row is a shared object FAMILY/NAME.so (catalogue/row.h)", folder));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::tuple(position(a.family), a.family, a.name) < std::tuple(position(b.family), b.family, b.name);
  });
  return rows;
}

}  // namespace behalf::tool
