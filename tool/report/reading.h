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

// What was folded into a finding: how many, and what of it has a code of its own. Empty when nothing was.
std::string folded_in_words(const Finding& finding);

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

// The frames that tell a reader something, by their numbers: the innermost, and those that are no plumbing (the C and
// C++ libraries and their headers), where the library that was asked about is none of it itself.
std::vector<std::size_t> telling_frames(const std::vector<NamedFrame>& frames, const std::string& library);

// A function's name as a reader wants it: without the version of the symbol, std::string by that name, and what is too
// long without its parameters.
std::string brief(const std::string& function);

// Paths and output are bytes; what is written as text is UTF-8, with U+FFFD for each byte that is none.
std::string valid_utf8(std::string_view bytes);

// As text that can be shown: controls but \n and \t, and characters that reorder what is read, become U+FFFD too.
std::string legible(std::string_view bytes);

// Where a frame is: its file and line, or else its module, and where that has no name for it either, the address in it.
std::string place_of(const NamedFrame& frame);

// The last part of a path.
std::string base_name(const std::string& path);

// What was run, on what: for the foot of a report.
std::string head_of(const Report& report);

// What the stage stood on and what follows from it, where that was not the machine's root; else empty.
std::string ground_of(const Report& report);

}  // namespace behalf::tool
