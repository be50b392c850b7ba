// Blame: by which hand-off work left the thread that was last right. Detection never depends on it.
#pragma once

#include <optional>
#include <vector>

#include "judge/verdict.h"

namespace behalf::tool {

// The leg of the verdict's first finding, to be run again with hand-offs recorded; nothing when blame has nothing to
// add (the caller's own thread, or a thread or child that the call itself made).
std::optional<LegPlan> blame_plan(const Verdict& verdict);

// The same leg with alice and bob in each other's place.
LegPlan swapped(LegPlan plan);

// Writes the hand-off into the finding, with how sure it is: an edge that does not recur when the users are swapped is
// ambiguous, and where none was seen it says so. Returns the hop that it is, where that is another than the thread
// alone would tell.
std::string blame(Finding& finding, const LegRecord& record, const LegRecord& swapped_record, Symbolizer& symbolizer,
                  const std::vector<Shown>& shown);

}  // namespace behalf::tool
