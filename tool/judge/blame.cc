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

// Where identity went astray, in a run: which thread, in which call, and when.
struct Astray {
  int thread;
  const Call* call;
  std::uint64_t sequence;
};

// The effect that the finding is about, as it happened in this run.
std::optional<Astray> find_effect(const LegRecord& record, const std::string& call, const std::string& object,
                                  const std::string& user) {
  for (const Effect& effect : record.effects) {
    if (effect.window < 0 || effect.call != call || effect.object != object) continue;
    const Call& in = record.calls[static_cast<std::size_t>(effect.window)];
    if (in.user == user && !ran_as(account(user), record.credentials.at(effect.as), effect.decides))
      return Astray{effect.thread, &in, effect.sequence};
  }
  return std::nullopt;
}

// A thread that was there before a call of the user's, and wears something else after it.
std::optional<Astray> find_changed_thread(const LegRecord& record, const std::string& user) {
  for (const Call& call : record.calls) {
    if (call.user != user) continue;
    for (const State::Worn& now : call.after.threads)
      for (const State::Worn& was : call.before.threads)
        if (was.thread == now.thread && was.as != now.as && now.thread != call.caller)
          return Astray{now.thread, &call, call.last};
  }
  return std::nullopt;
}

std::optional<Astray> find_astray(const Finding& finding, const LegRecord& record, bool users_swapped) {
  const auto name = [&](const std::string& text) { return users_swapped ? swap_names(text) : text; };
  return finding.effect
             ? find_effect(record, finding.effect->call, name(finding.effect->object), name(finding.expected_user))
             : find_changed_thread(record, name(finding.expected_user));
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
const Handoff* last_right(const LegRecord& record, const Astray& astray, std::string& certainty, const Name& name) {
  const Handoff* found = nullptr;
  int thread = astray.thread;
  std::uint64_t before = astray.sequence;
  const std::uint64_t begin = astray.call->first;
  for (int steps = 0; steps < 8; ++steps) {
    const Handoff* const last = last_into(record, thread, begin, before, name);
    if (last == nullptr) break;
    found = last;
    if (certainty != "ambiguous") certainty = last->certainty;
    if (ran_as(account(astray.call->user), record.credentials.at(last->as), Decides::fs)) break;  // here it was right
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
  if ((!first.effect && first.kind != "lingering") ||
      std::find(std::begin(hops), std::end(hops), first.hop) == std::end(hops))
    return std::nullopt;
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
  const auto astray = find_astray(finding, record, false);
  if (!astray) return;
  const Name name = [&](const Stack& stack) { return symbolizer.name(stack, shown); };
  std::string certainty;
  const Handoff* const handoff = last_right(record, *astray, certainty, name);
  if (handoff == nullptr) return;
  finding.handed_at = symbolizer.name(handoff->stack, shown);

  const auto mirrored = find_astray(finding, swapped_record, true);
  std::string certainty_there;
  const Handoff* const recurs = mirrored ? last_right(swapped_record, *mirrored, certainty_there, name) : nullptr;
  const bool same = recurs != nullptr && place_of(symbolizer.name(recurs->stack, shown)) == place_of(finding.handed_at);
  finding.handoff = handoff->kind;
  finding.certainty = same ? certainty : "ambiguous";
  finding.handed_by = handoff->from == astray->call->caller ? "the thread that called the operation" : "another thread";
}

}  // namespace behalf::tool
