// What every format reads out of a report: the same words and the same choices, whatever they are written as.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

namespace behalf::tool {

// "works when impersonating", and so on.
std::string says(const Verdict& verdict);

const Verdict* verdict_in(const std::vector<Verdict>& verdicts, const std::string& posture);

// The postures of a report, in the order in which they were asked.
std::vector<std::string> postures_of(const Report& report);

// Whether it fails, and all that was found is suppressed.
bool is_suppressed(const Verdict& verdict);

// "because it reads the service's settings on purpose (suppressions.txt:3, until 2027-01-31)".
std::string in_words(const Suppressed& suppressed);

// A finding in a line, with the reason where it is suppressed.
std::string line_of(const Finding& finding);

// The finding that a row is about: in the library's own posture where it fails there, else in the first that fails; one
// that is suppressed only where there is no other.
const Finding* first_finding(const Reported& reported);
std::string first_reason(const Reported& reported);

// "unclear here: needs root: ...", "unclear: ...".
std::string unclear_in_words(const std::string& reason);

// One word for the cure: it works where every posture it was run in says so.
std::optional<Answer> answer_of(const Cure& cure);

// What to write instead: the row's own words, or else those of the code.
std::string cure_of(const Finding& finding, const Reported& reported);

struct Counts {
  int works = 0, fails = 0, unclear = 0;
  int suppressed = 0;  // of those that fail
};
std::map<std::string, Counts> counts_of(const Report& report);

// The place that is the operation's own: the first frame of its library that has a line. Null where none has.
const NamedFrame* own_frame(const std::vector<NamedFrame>& frames, const std::string& library);
bool is_own(const NamedFrame& frame, const std::string& library);

// The function by which a stack is recognised: the operation's own innermost, else the innermost with a name.
std::string telling_function(const std::vector<NamedFrame>& frames, const std::string& library);

// Paths and output are bytes; what is written as text is UTF-8, with U+FFFD for each byte that is none.
std::string valid_utf8(std::string_view bytes);

// Where a frame is: its file and line, or else its module, and where that has no name for it either, the address in it.
std::string place_of(const NamedFrame& frame);

// The last part of a path.
std::string base_name(const std::string& path);

// What was run, on what: for the foot of a report.
std::string head_of(const Report& report);

// What the stage stood on and what follows from it, where that was not the machine's root; else empty.
std::string ground_of(const Report& report);

}  // namespace behalf::tool
