// A call as somebody wrote it may be any bytes: it is read, or refused at a column within it, and what was read is
// written so that it reads as the same again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "call/prototype.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace behalf::tool;
  const std::string_view written(reinterpret_cast<const char*>(data), size);
  Prototype read;
  try {
    read = parse_prototype(written);
  } catch (const PrototypeError& error) {
    if (error.column() < 1 || error.column() > size + 1) std::abort();
    return 0;
  }
  const Prototype again = parse_prototype((read.arguments.empty() ? "" : "int ") + to_string(read));
  if (again.name != read.name || again.fixed != read.fixed) std::abort();
  if (again.arguments.size() != read.arguments.size()) std::abort();
  for (std::size_t i = 0; i < read.arguments.size(); ++i) {
    const Argument &a = read.arguments[i], &b = again.arguments[i];
    if (a.kind != b.kind || a.number != b.number || a.text != b.text) std::abort();
  }
  return 0;
}
