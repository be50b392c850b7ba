#include "judge/blame.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

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
    if (effect.window < 0 || effect.call != call || effect.object != object || effect.polled) continue;
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

// A lock is not a queue: who gives it back has handed over nothing.
bool of_a_lock(const std::vector<NamedFrame>& frames) {
  constexpr const char* functions[] = {"mutex_unlock", "rwlock_unlock", "lll_lock", "lll_unlock"};
  return std::any_of(frames.begin(), frames.end(), [&](const NamedFrame& frame) {
    return std::any_of(std::begin(functions), std::end(functions),
                       [&](const char* function) { return frame.function.find(function) != std::string::npos; });
  });
}

using Name = std::function<std::vector<NamedFrame>(const Stack&)>;

// The last that reached a thread between two moments: its own making counts, and locks do not.
std::optional<Handoff> last_into(const LegRecord& record, int number, std::uint64_t after, std::uint64_t before,
                                 const Name& name) {
  std::optional<Handoff> last;
  const Thread& thread = record.threads.at(static_cast<std::size_t>(number));
  if (thread.born > after && thread.born < before && thread.parent >= 0)
    last = {thread.born, number, "clone", "structural", {{thread.parent, thread.born_as, thread.made_at, thread.born}}};
  for (const Handoff& handoff : record.handoffs) {
    if (handoff.to != number || handoff.sequence <= after || handoff.sequence >= before) continue;
    if (last && last->sequence > handoff.sequence) continue;
    Handoff without_locks = handoff;
    std::erase_if(without_locks.givers, [&](const Giver& by) { return of_a_lock(name(by.stack)); });
    if (!without_locks.givers.empty()) last = std::move(without_locks);
  }
  return last;
}

// From the thread that went astray back to one that was right, or as far as edges lead; where one of them is any of
// several threads', no further.
std::optional<Handoff> last_right(const LegRecord& record, const Astray& astray, const Name& name) {
  std::optional<Handoff> found;
  bool sure = true;
  int thread = astray.thread;
  std::uint64_t before = astray.sequence;
  for (int steps = 0; steps < 16 && thread != astray.call->caller; ++steps) {
    auto last = last_into(record, thread, astray.call->first, before, name);
    if (!last) break;
    sure = sure && last->certainty != "ambiguous";
    found = std::move(last);
    const Giver& by = found->givers.front();
    if (found->givers.size() > 1 || ran_as(account(astray.call->user), record.credentials.at(by.as), Decides::fs))
      break;
    thread = by.thread;
    before = by.sequence;
  }
  if (found && !sure) found->certainty = "ambiguous";
  return found;
}

// Of work that looked like a queue's as long as its thread alone was known: it was armed by one thread and is due in
// another, or it is a message to one that serves a socket.
std::string hop_of(const Handoff& handoff, const Finding& finding) {
  if (finding.hop != "queue") return {};
  if (handoff.kind == "socket") return finding.kind != "lingering" ? "message" : "";
  return handoff.kind == "timer" ? "timer" : "";
}

// Where the operation's own code handed over: the innermost frame that has a line and is no system header; where none
// has, the whole way there.
std::string place_of(const std::vector<NamedFrame>& frames) {
  std::string way;
  for (const NamedFrame& frame : frames) {
    if (frame.module.ends_with("/behalf-service")) continue;  // the library's
    if (!frame.file.empty() && frame.file.front() == '/' && frame.file.find("/usr/include/") == std::string::npos)
      return frame.file + ":" + std::to_string(frame.line);
    way += frame.function.empty() ? fmt::format("{}+{:x} ", frame.module, frame.offset) : frame.function + " ";
  }
  return way;
}

bool is_right(const LegRecord& record, const Astray& astray, CredentialsTable::Id as) {
  return ran_as(account(astray.call->user), record.credentials.at(as), Decides::fs);
}

// The thread was right, in this call and since work last reached it, and then put something else on by itself.
bool gave_it_up(const LegRecord& record, const Astray& astray, const Name& name) {
  const auto came = last_into(record, astray.thread, astray.call->first, astray.sequence, name);
  const std::uint64_t since = came ? came->sequence : astray.call->first;
  return std::any_of(record.effects.begin(), record.effects.end(), [&](const Effect& effect) {
    return effect.thread == astray.thread && effect.sequence > since && effect.sequence < astray.sequence &&
           is_right(record, astray, effect.as);
  });
}

// Or it did so to open a connection, of which what is seen first may be a look at a file.
bool connects_astray(const LegRecord& record, const Astray& astray) {
  return std::any_of(record.effects.begin(), record.effects.end(), [&](const Effect& effect) {
    return effect.thread == astray.thread && effect.sequence >= astray.sequence &&
           effect.sequence <= astray.call->last && effect.call == "connect" && !is_right(record, astray, effect.as);
  });
}

// What reached the thread, or who handed on to it, came over a connection from a process that is not seen.
bool came_from_outside(const LegRecord& record, const Astray& astray, const std::optional<Handoff>& handoff) {
  const int thread = handoff ? handoff->givers.front().thread : astray.thread;
  const std::uint64_t before = handoff ? handoff->givers.front().sequence : astray.sequence;
  return thread != astray.call->caller &&
         std::any_of(record.handoffs.begin(), record.handoffs.end(), [&](const Handoff& other) {
           return other.kind == "outside" && other.to == thread && other.sequence > astray.call->first &&
                  other.sequence < before;
         });
}

}  // namespace

std::optional<LegPlan> blame_plan(const Verdict& verdict) {
  if (verdict.findings.empty()) return std::nullopt;
  const Finding& first = verdict.findings.front();
  constexpr const char* hops[] = {"queue", "callback", "timer", "coroutine", "message", "async-io"};
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

std::string blame(Finding& finding, const LegRecord& record, const LegRecord& swapped_record, Symbolizer& symbolizer,
                  const std::vector<Shown>& shown) {
  const Name name = [&](const Stack& stack) { return symbolizer.name(stack, shown); };
  const auto in = [&](const LegRecord& run, bool users_swapped) {
    const auto astray = find_astray(finding, run, users_swapped);
    return astray ? last_right(run, *astray, name) : std::nullopt;
  };
  const auto astray = find_astray(finding, record, false);
  if (astray && finding.effect && gave_it_up(record, *astray, name)) {
    finding.thread_role += fmt::format(", which was {} until then", astray->call->user);
    return connects_astray(record, *astray) ? "connection" : "call";
  }
  const auto handoff = in(record, false), there = in(swapped_record, true);
  const bool right_there = handoff && is_right(record, *astray, handoff->givers.front().as);
  if (astray && finding.hop == "queue" && !right_there && came_from_outside(record, *astray, handoff)) {
    finding.handoff = "socket";
    finding.certainty = "structural";
    finding.thread_role += ", for what came from another process";
    return "message";
  }
  if (!handoff) return {};
  finding.handoff = handoff->kind;
  finding.certainty = handoff->certainty;
  // All that may have been it, each place once: in this run, and with the users in each other's place.
  std::vector<std::vector<NamedFrame>> places;
  for (const auto* run : {&handoff, &there}) {
    if (!*run) continue;
    for (const Giver& by : (*run)->givers) {
      std::vector<NamedFrame> frames = name(by.stack);
      if (std::none_of(places.begin(), places.end(), [&](const auto& p) { return place_of(p) == place_of(frames); }))
        places.push_back(std::move(frames));
    }
  }
  if (!there || places.size() > 1) finding.certainty = "ambiguous";
  if (places.size() > 1) {
    finding.handed_maybe = std::move(places);
    return hop_of(*handoff, finding);
  }
  finding.handed_at = std::move(places.front());
  const Call* const call = find_astray(finding, record, false)->call;
  finding.handed_by =
      handoff->givers.front().thread == call->caller ? "the thread that called the operation" : "another thread";
  return hop_of(*handoff, finding);
}

}  // namespace behalf::tool
