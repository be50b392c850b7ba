#include "judge/provenance.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "judge/expectation.h"
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

// Numbers are used again: what counts is the last opening before the call. One that was passed on or copied has another
// number, and is known by what it leads to.
const Opening* opening_of(const LegRecord& record, const std::string& descriptor, std::uint64_t before) {
  const auto last = [&](const auto& is_it) {
    const auto found = std::find_if(record.openings.rbegin(), record.openings.rend(), [&](const Opening& opening) {
      return opening.sequence < before && is_it(opening);
    });
    return found == record.openings.rend() ? nullptr : &*found;
  };
  const int number = std::atoi(descriptor.c_str());
  const std::string target = descriptor.substr(descriptor.find(' ') + 1);
  const auto leads_there = [&](const Opening& opening) { return opening.object == target; };
  if (const Opening* exact = last([&](const Opening& o) { return o.descriptor == number && leads_there(o); }))
    return exact;
  if (const Opening* copied = last(leads_there)) return copied;
  return last([&](const Opening& opening) { return opening.descriptor == number; });
}

}  // namespace

std::vector<std::string> kept_descriptors(const LegRecord& record, const Call& call) {
  const State &first = record.calls.front().before, &now = call.before;
  std::vector<std::string> kept;
  for (const auto& [at_first, here] :
       {std::pair{&first.descriptors, &now.descriptors}, std::pair{&first.elsewhere, &now.elsewhere}})
    for (const std::string& descriptor : *here)
      if (std::find(at_first->begin(), at_first->end(), descriptor) == at_first->end()) kept.push_back(descriptor);
  return kept;
}

std::vector<UsedForAnother> used_for_another(const LegRecord& record, const Call& call) {
  std::vector<UsedForAnother> used;
  for (const auto& [descriptor, stood] : call.before.standing) {
    const int number = descriptor;  // clang 14 captures no structured binding
    const auto after = call.after.standing.find(number);
    if (after == call.after.standing.end() || after->second == stood) continue;
    // The last that opened something there: by its result it is that descriptor, unless it was closed since.
    const auto opened = std::find_if(record.effects.rbegin(), record.effects.rend(), [&](const Effect& effect) {
      return effect.sequence <= call.first && effect.finished && effect.result == number && effect.window >= 0 &&
             effect.call.starts_with("open");
    });
    if (opened == record.effects.rend()) continue;
    const auto held = fmt::format("{} {}", number, opened->object);
    const auto holds = [&](const State& state) {
      return std::find(state.descriptors.begin(), state.descriptors.end(), held) != state.descriptors.end();
    };
    const std::string& opener = record.calls[static_cast<std::size_t>(opened->window)].user;
    if (opener == call.user || opener == service_name || !holds(call.before) || !holds(call.after)) continue;
    const bool persons = ran_as(account(opener), record.credentials.at(opened->as), opened->decides);
    if (persons && is_stages_own(opened->object) && !opened->object.starts_with("/dev") &&
        !opened->object.starts_with("/proc"))
      used.push_back({fmt::format("descriptor {}, {}", number, opened->object), opener});
  }
  return used;
}

std::optional<LegPlan> provenance_plan(const Verdict& verdict) {
  if (verdict.findings.empty()) return std::nullopt;
  const Finding& first = verdict.findings.front();
  const bool kept = first.hop == "descriptor" || (!first.effect && first.hop == "connection");
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
    const Opening* const opening = opening_of(record, descriptor, call->first);
    const bool connection = descriptor.find("socket:") != std::string::npos;
    if (opening == nullptr || connection != (finding.hop == "connection")) continue;
    name_it(*opening,
            fmt::format("{} {}, {}", connection ? "connection" : "descriptor", opening->descriptor, opening->object));
    return;
  }
}

}  // namespace behalf::tool
