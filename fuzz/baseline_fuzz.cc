// A baseline may be any file: it is read and compared, or refused in one line; and whatever it holds, a report that
// tells of it is one.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "report/report.h"
#include "report/whole_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace behalf::tool;
  const int fd = memfd_create("baseline", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    const Baseline baseline = read_baseline("/proc/self/fd/" + std::to_string(fd));
    Report report;
    report.self_check = true;
    report.operations.push_back({{{"n", "f", "l", {}, {"full"}}, {}}, "", {}});
    report.operations[0].answers.verdicts.push_back({"full", Answer::works, {}, {}, {}, {}});
    report.baseline = compare(baseline, report, {}, {});
    for (const auto& [name, changes] : lists_of(*report.baseline))
      if (changes->size() > baseline.answers.size() + 1) std::abort();
    if (!nlohmann::json::accept(json_of(report)) || !nlohmann::json::accept(sarif_of(report, 0, "/"))) std::abort();
    (void)html_of_survey(report);
    (void)markdown_of_survey(report);
    (void)text_of_survey(report, {});
  } catch (const FileError& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  close(fd);
  return 0;
}
