#include "judge/blame.h"

#include <algorithm>
#include <functional>

#include "judge/expectation.h"
#include "judge/inquiry.h"

namespace behalf::tool {
namespace {

// "/home/alice/x" as bob's.
std::string swap_names(std::string text) {
  std::string swapped;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 5, "alice") == 0)
      swapped += "bob", at += 5;
    else if (text.compare(at, 3, "bob") == 0)
      swapped += "alice", at += 3;
    else
      swapped += text[at++];
  }
  return swapped;
}

// The effect that the finding is about, as it happened in this run.
const Effect* find_effect(const LegRecord& record, const std::string& call, const std::string& object,
                          const std::string& user) {
  for (const Effect& effect : record.effects) {
    if (effect.window < 0 || effect.call != call || effect.object != object) continue;
    const Call& in = record.calls[static_cast<std::size_t>(effect.window)];
    if (in.user == user && !ran_as(account(user), record.credentials.at(effect.as), effect.decides)) return &effect;
  }
  return nullptr;
}

// A mutex is not a queue: who unlocks it has handed over nothing.
bool of_a_mutex(const std::vector<NamedFrame>& frames) {
  return std::any_of(frames.begin(), frames.end(), [](const NamedFrame& frame) {
    return frame.function.find("mutex_unlock") != std::string::npos ||
           frame.function.find("lll_lock") != std::string::npos;
  });
}

using Name = std::function<std::vector<NamedFrame>(const Stack&)>;

// The last thing that reached the thread between two moments, mutexes left out.
const Handoff* last_into(const LegRecord& record, int thread, std::uint64_t after, std::uint64_t before,
                         const Name& name) {
  for (auto handoff = record.handoffs.rbegin(); handoff != record.handoffs.rend(); ++handoff)
    if (handoff->to == thread && handoff->sequence < before && handoff->sequence > after &&
        !of_a_mutex(name(handoff->stack)))
      return &*handoff;
  return nullptr;
}

// From the thread that went astray back to one that was right, or as far as edges lead.
const Handoff* last_right(const LegRecord& record, const Effect& effect, const std::string& user,
                          std::string& certainty, const Name& name) {
  const Handoff* found = nullptr;
  int thread = effect.thread;
  std::uint64_t before = effect.sequence;
  const std::uint64_t begin = record.calls[static_cast<std::size_t>(effect.window)].first;
  for (int steps = 0; steps < 8; ++steps) {
    const Handoff* const last = last_into(record, thread, begin, before, name);
    if (last == nullptr) break;
    found = last;
    if (certainty != "ambiguous") certainty = last->certainty;
    if (ran_as(account(user), record.credentials.at(last->as), Decides::fs)) break;  // here it was right
    thread = last->from;
    before = last->sequence;
  }
  return found;
}

// Where the operation's own code handed over: the innermost frame that has a line and is no system header.
std::string place_of(const std::vector<NamedFrame>& frames) {
  for (const NamedFrame& frame : frames)
    if (!frame.file.empty() && frame.file.front() == '/' && frame.file.find("/usr/include/") == std::string::npos)
      return frame.file + ":" + std::to_string(frame.line);
  return frames.empty() ? "" : frames.back().function;
}

}  // namespace

std::optional<LegPlan> blame_plan(const Verdict& verdict) {
  if (verdict.findings.empty()) return std::nullopt;
  const Finding& first = verdict.findings.front();
  constexpr const char* hops[] = {"queue", "callback", "timer", "coroutine", "message"};
  if (!first.effect || std::find(std::begin(hops), std::end(hops), first.hop) == std::end(hops)) return std::nullopt;
  const auto& plans = leg_plans();
  auto plan = std::find_if(plans.begin(), plans.end(), [&](const LegPlan& p) { return p.name == first.leg; });
  if (plan == plans.end() || plan->rounds > 0) return std::nullopt;  // of concurrent calls no hand-off is sure
  LegPlan again = *plan;
  again.posture = verdict.posture;
  again.handoffs = true;
  return again;
}

LegPlan swapped(LegPlan plan) {
  for (std::string& user : plan.calls) user = swap_names(user);
  return plan;
}

void blame(Finding& finding, const LegRecord& record, const LegRecord& swapped_record, Symbolizer& symbolizer,
           const std::vector<Shown>& shown) {
  const Effect* const effect = find_effect(record, finding.effect->call, finding.effect->object, finding.expected_user);
  if (effect == nullptr) return;
  const Name name = [&](const Stack& stack) { return symbolizer.name(stack, shown); };
  std::string certainty;
  const Handoff* const handoff = last_right(record, *effect, finding.expected_user, certainty, name);
  if (handoff == nullptr) return;
  finding.handed_at = symbolizer.name(handoff->stack, shown);

  const std::string other = swap_names(finding.expected_user);
  const Effect* const mirrored =
      find_effect(swapped_record, finding.effect->call, swap_names(finding.effect->object), other);
  std::string certainty_there;
  const Handoff* const recurs =
      mirrored == nullptr ? nullptr : last_right(swapped_record, *mirrored, other, certainty_there, name);
  const bool same = recurs != nullptr && place_of(symbolizer.name(recurs->stack, shown)) == place_of(finding.handed_at);
  finding.handoff = handoff->kind;
  finding.certainty = same ? certainty : "ambiguous";
  const Call& call = record.calls[static_cast<std::size_t>(effect->window)];
  finding.handed_by = handoff->from == call.caller ? "the thread that called the operation" : "another thread";
}

}  // namespace behalf::tool
