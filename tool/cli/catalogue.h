// The rows of the catalogue, read from their shared objects without loading them.
#pragma once

#include <string>
#include <vector>

namespace behalf::tool {

struct Row {
  std::string name;    // of its file
  std::string family;  // of its folder
  std::string library;
  std::string title, hop, clock, wrong, cure, source, needs_root;
  std::vector<std::string> works;    // postures in which it is expected to work
  std::vector<std::string> daemons;  // that the stage is to have for it
  std::string code;                  // its source
  bool has_before = false, has_cured = false, has_before_cured = false;
};

// All rows below the folder (empty: of the catalogue that came with the tool), by family in the order of the hops that
// the vocabulary names, then by name. Throws MachineError when the tool's own is not where it was installed, UsageError
// for a folder without rows, or a row whose data cannot be read.
std::vector<Row> read_catalogue(const std::string& folder = "");

// One row's data. Throws UsageError that names the line.
Row read_row(const std::string& library);

}  // namespace behalf::tool
