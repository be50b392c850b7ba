// Debugging information may be any bytes, and so may the answer of the process that reads it and was taken over by
// them: the tool survives both, and every place that it asks about has a frame.
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "trace/symbolizer.h"

namespace {

using namespace behalf::tool;

constexpr std::uint64_t operation = 0x1000;  // where the seed has a function, with another inlined into it

void read_answer(std::string_view bytes) {
  const auto frames = read_names(bytes);
  if (!frames) return;
  if (frames->empty()) std::abort();
  const auto again = read_names(write_names(*frames));
  if (!again || again->size() != frames->size()) std::abort();
}

void read_library(const std::uint8_t* data, std::size_t size) {
  // A file that everybody may read: the reader is nobody.
  std::string library = "/tmp/behalf-names-XXXXXX";
  const int fd = mkstemp(library.data());
  if (fd < 0 || fchmod(fd, 0644) != 0 || write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  close(fd);
  {
    Symbolizer symbolizer(NamingLimits{std::chrono::seconds(1), std::chrono::seconds(4)});
    const Stack stack = {
        {library, 0x0}, {library, 0x40}, {library, operation}, {library, operation + 3}, {library, ~0ULL}};
    if (symbolizer.name(stack, {}).size() < stack.size() || symbolizer.troubles().size() > 1) std::abort();
  }
  unlink(library.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4 && data[0] == 0x7f && data[1] == 'E')
    read_library(data, size);
  else
    read_answer({reinterpret_cast<const char*>(data), size});
  return 0;
}
