#include "judge/provenance.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "judge/inquiry.h"

namespace behalf::tool {
namespace {

// The call of this run in which the finding's user was given what was opened for somebody else: his last.
const Call* call_of(const LegRecord& record, const std::string& user) {
  const auto last =
      std::find_if(record.calls.rbegin(), record.calls.rend(), [&](const Call& call) { return call.user == user; });
  return last == record.calls.rend() ? nullptr : &*last;
}

std::string opened_for(const LegRecord& record, const Opening& opening) {
  return opening.window < 0 ? "the service, before any call"
                            : record.calls[static_cast<std::size_t>(opening.window)].user;
}

// Numbers are used again: what counts is the last opening before the call.
const Opening* opening_of(const LegRecord& record, int descriptor, std::uint64_t before) {
  const auto last = std::find_if(record.openings.rbegin(), record.openings.rend(), [&](const Opening& opening) {
    return opening.descriptor == descriptor && opening.sequence < before;
  });
  return last == record.openings.rend() ? nullptr : &*last;
}

}  // namespace

std::vector<std::string> kept_descriptors(const LegRecord& record, const Call& call) {
  const auto& at_first = record.calls.front().before.descriptors;
  std::vector<std::string> kept;
  for (const std::string& descriptor : call.before.descriptors)
    if (std::find(at_first.begin(), at_first.end(), descriptor) == at_first.end()) kept.push_back(descriptor);
  return kept;
}

std::optional<LegPlan> provenance_plan(const Verdict& verdict) {
  if (verdict.findings.empty()) return std::nullopt;
  const Finding& first = verdict.findings.front();
  const bool kept = !first.effect && (first.hop == "descriptor" || first.hop == "connection");
  if (!kept && first.hop != "async-io") return std::nullopt;
  const auto& plans = leg_plans();
  const auto plan = std::find_if(plans.begin(), plans.end(), [&](const LegPlan& p) { return p.name == first.leg; });
  if (plan == plans.end() || plan->rounds > 0) return std::nullopt;
  LegPlan again = *plan;
  again.posture = verdict.posture;
  again.openings = true;
  return again;
}

void trace_back(Finding& finding, const LegRecord& record, Symbolizer& symbolizer, const std::vector<Shown>& shown) {
  const Call* const call = call_of(record, finding.expected_user);
  if (call == nullptr) return;
  const auto name_it = [&](const Opening& opening, const std::string& what) {
    finding.kept = what;
    finding.opened_for = opened_for(record, opening);
    finding.opened_at = symbolizer.name(opening.stack, shown);
  };
  if (finding.hop == "async-io") {
    const auto ring = std::find_if(record.openings.begin(), record.openings.end(),
                                   [](const Opening& opening) { return opening.object == "io_uring"; });
    if (ring != record.openings.end()) name_it(*ring, "an io_uring");
    return;
  }
  for (const std::string& descriptor : kept_descriptors(record, *call)) {
    const Opening* const opening = opening_of(record, std::atoi(descriptor.c_str()), call->first);
    const bool connection = descriptor.find("socket:") != std::string::npos;
    if (opening == nullptr || connection != (finding.hop == "connection")) continue;
    name_it(*opening,
            fmt::format("{} {}, {}", connection ? "connection" : "descriptor", opening->descriptor, opening->object));
    return;
  }
}

}  // namespace behalf::tool
