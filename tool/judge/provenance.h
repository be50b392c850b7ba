// Provenance: where the thing was opened that outlived one call and was used in another's.
#pragma once

#include <optional>
#include <vector>

#include "judge/verdict.h"

namespace behalf::tool {

// The leg of the verdict's first finding, to be run again with openings recorded; nothing when nothing was kept.
std::optional<LegPlan> provenance_plan(const Verdict& verdict);

// Writes into the finding what was kept, for whom it was opened and where; nothing when it is not found in the record.
void trace_back(Finding& finding, const LegRecord& record, Symbolizer& symbolizer, const std::vector<Shown>& shown);

// Files that a call read or wrote through a descriptor that was opened, as another user, in an earlier call.
struct UsedForAnother {
  std::string what;  // "descriptor 7, /home/bob/note.txt"
  std::string opened_for;
};
std::vector<UsedForAnother> used_for_another(const LegRecord& record, const Call& call);

// The descriptors that the call found open and the first call of the leg did not, in the service and in processes that
// it made: "NUMBER TARGET".
std::vector<std::string> kept_descriptors(const LegRecord& record, const Call& call);

}  // namespace behalf::tool
