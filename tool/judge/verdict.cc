#include "judge/verdict.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "judge/codes.h"
#include "judge/expectation.h"
#include "judge/leftover.h"
#include "judge/needs_root.h"
#include "judge/outcome.h"
#include "judge/provenance.h"
#include "judge/right.h"
#include "judge/role.h"
#include "judge/shared_state.h"

namespace behalf::tool {
namespace {

class Judge {
 public:
  // `right_when_fresh`: nothing was found in the leg in which a fresh service makes the call first.
  Judge(const std::map<std::string, Right>& rights, const LegRecord& leg, Symbolizer& symbolizer,
        const std::vector<Shown>& shown, bool right_when_fresh)
      : rights_(rights), leg_(leg), symbolizer_(symbolizer), shown_(shown), right_when_fresh_(right_when_fresh) {}

  std::vector<Finding> findings() {
    if (leg_.crash) crash();
    for (const Effect& effect : leg_.effects) judge_effect(effect);
    for (const IdentityCall& call : leg_.identity_calls) broadcast(call);
    std::map<std::string, std::size_t> calls_of;
    for (std::size_t i = 0; i < leg_.calls.size(); ++i) {
      const Call& call = leg_.calls[i];
      if (!call.begun) continue;
      judge_outcome(call, i, calls_of[call.user]++);
      judge_state(call, i);
    }
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Finding& a, const Finding& b) { return a.sequence < b.sequence; });
    return std::move(found_);
  }

 private:
  const Right* right(const std::string& user) const {
    const auto at = rights_.find(user);
    return at == rights_.end() ? nullptr : &at->second;
  }
  const Credentials& worn(CredentialsTable::Id id) const { return leg_.credentials.at(id); }
  const Thread& thread(int number) const { return leg_.threads.at(static_cast<std::size_t>(number)); }
  // Concurrent work of a thread that serves both.
  static constexpr const char* either = "alice or bob";

  pid_t service_process() const {
    return leg_.calls.empty() || leg_.calls[0].caller < 0 ? 0 : thread(leg_.calls[0].caller).process;
  }

  Finding start(std::string kind, std::string hop, std::string clock, const std::string& user) const {
    Finding finding;
    finding.code = code_for(hop, kind).code;
    finding.kind = std::move(kind);
    finding.hop = std::move(hop);
    finding.clock = std::move(clock);
    finding.leg = leg_.name;
    finding.expected_user = user;
    return finding;
  }

  std::string user_of_call(int window) const {
    return window < 0 ? "the service" : leg_.calls[static_cast<std::size_t>(window)].user;
  }

  std::vector<NamedFrame> named(const Stack& stack) const { return symbolizer_.name(stack, shown_); }

  ThreadRole role_of(int number, int window, const std::vector<NamedFrame>& stack) const {
    return thread_role(leg_, number, window, stack, [&](const Stack& raw) { return named(raw); });
  }

  static std::string kind_of(const std::string& who, const std::string& expected) {
    if (who == shield_name) return "blunted";
    if (who == service_name || expected == service_name) return who == service_name ? "lost" : "leaked";
    return who == "alice" || who == "bob" ? "leaked" : "lost";
  }

  void judge_effect(const Effect& effect) {
    const Credentials& as = worn(effect.as);
    if (effect.window < 0) {  // concurrent work that no call owns: at least it must be one of the users'
      const bool anybodys = std::any_of(leg_.calls.begin(), leg_.calls.end(), [&](const Call& call) {
        return ran_as(account(call.user), as, effect.decides);
      });
      if (anybodys || !during_calls(effect) || same_for_everybody(effect)) return;
      astray(effect, either);
      return;
    }
    const Call& call = leg_.calls[static_cast<std::size_t>(effect.window)];
    const Account& user = account(call.user);
    const Right* right_answer = right(call.user);
    const std::pair key{effect.call, effect.object};
    if (!ran_as(user, as, effect.decides)) {
      const bool users_own = right_answer != nullptr && right_answer->did(key, as);
      if (!users_own && !same_for_everybody(effect)) astray(effect, call.user);
      return;
    }
    if (right_answer == nullptr || !right_answer->did(key, as)) left_behind(effect, user);
    if (right_answer == nullptr || !right_answer->usable() || call.user == service_name) return;
    if (refused(effect) && !right_answer->refused.contains(key)) {
      Finding finding = about(effect, "denied", call.user);
      finding.got_user = call.user;
      finding.expected_outcome = right_answer->results.contains(key) ? right_answer->results.at(key) : "not refused";
      found_.push_back(std::move(finding));
    } else if (effect.finished && effect.result >= 0 && right_answer->refused.contains(key) &&
               !right_answer->allowed.contains(key)) {
      Finding finding = about(effect, "lost", call.user);
      finding.got_user = service_name;
      finding.expected_outcome = right_answer->results.at(key);
      found_.push_back(std::move(finding));
    }
  }

  // It ran as the user, by a thread that means to be her for good: is it?
  void left_behind(const Effect& effect, const Account& user) {
    const std::string left = leftover(user, worn(effect.as));
    if (left.empty()) return;
    Finding finding = about(effect, "lingering", std::string(user.name));
    finding.effect.reset();
    stays(finding, user, left, worn(effect.as));
    found_.push_back(std::move(finding));
  }

  static void stays(Finding& finding, const Account& user, const std::string& left, const Credentials& as) {
    finding.got_user = fmt::format("{} with {}", user.name, left);
    finding.expected_outcome = fmt::format("nothing of the service's is left to {}", user.name);
    finding.got_outcome = describe(as);
  }

  bool during_calls(const Effect& effect) const {
    return std::any_of(leg_.calls.begin(), leg_.calls.end(), [&](const Call& call) {
      return call.begun && effect.sequence > call.first && effect.sequence <= call.last && call.caller != effect.thread;
    });
  }

  Finding about(const Effect& effect, const std::string& kind, const std::string& user) const {
    const Credentials& as = worn(effect.as);
    const auto stack = named(effect.stack);
    ThreadRole role = role_of(effect.thread, effect.window, stack);
    if (effect.by_ring) {
      role.hop = "async-io";
      role.words = "an io_uring";
      role.clock = effect.deferred ? "later" : effect.polled ? "creator" : "submit";
    } else if (role.hop == "child" && effect.decides == Decides::program) {
      role.clock = as.uid.real != account(user == either ? "alice" : user).uid ? "real-id" : "call";
    } else if (role.hop == "call") {
      refine_call(role, effect, as, kind, user);
    } else if (role.hop == "queue" && kind == "denied" && in_anothers_home(effect, user)) {
      // The thread is who it should be, and was told to go where somebody else's files are: now, or when that was kept.
      const bool kept = effect.window > 0 && right_when_fresh_ && first_call_was_right();
      role.hop = kept ? "cache" : "environment";
      role.clock = kept ? "first-caller" : "process";
    }
    Finding finding = start(kind, role.hop, role.clock, user);
    finding.sequence = effect.sequence;
    finding.call = effect.window;
    finding.thread_role = role.words;
    finding.created_by = role.created_by;
    finding.made_at = role.made_at;
    finding.got_outcome = result_in_words(effect);
    finding.effect = Finding::On{effect.call, effect.object, effect.result < 0 ? -effect.result : 0, describe(as)};
    finding.stack = stack;
    if (role.hop == "thread" || role.hop == "child") finding.handoff = "clone", finding.certainty = "structural";
    return finding;
  }

  static bool in_anothers_home(const Effect& effect, const std::string& user) {
    const auto within = [&](std::string_view name) {
      return name != user && (effect.object + "/").starts_with(std::string(account(name).home) + "/");
    };
    return within(service_name) || within("alice") || within("bob");
  }

  // In the caller's own thread it is the kind of the call that tells what went astray.
  void refine_call(ThreadRole& role, const Effect& effect, const Credentials& as, const std::string& kind,
                   const std::string& user) const {
    const auto become = [&](std::string hop, const char* clock) {
      role.hop = std::move(hop);
      role.clock = clock;
    };
    if (kind == "denied") {
      // The first switch of identity makes the process non-dumpable, and its /proc files root's (proc(5)).
      if (effect.object.starts_with("/proc/PID") || effect.object.starts_with("/proc/self"))
        become("process-state", "process");
      else if (looked_up_below_kept(effect))
        become("descriptor", "open");
      else if (effect.window > 0 && right_when_fresh_ && first_call_was_right())
        become(kept_in(leg_.calls[static_cast<std::size_t>(effect.window)]), "open");
    } else if (broadcast_in(effect.window)) {
      become("broadcast", "process");
    } else if (effect.decides == Decides::real || (effect.decides == Decides::sender && as.uid.real == 0)) {
      become("real-id", "real-id");
    } else if (effect.decides == Decides::program) {
      become("child", as.uid.real != account(user).uid ? "real-id" : "call");
    } else if (effect.call == "connect" || (effect.call == "bind" && effect.object.starts_with("unix"))) {
      become("connection", "open");
    }
  }

  // Below a directory that an earlier call opened.
  bool looked_up_below_kept(const Effect& effect) const {
    if (effect.through < 0) return false;
    const auto kept = kept_descriptors(leg_, leg_.calls[static_cast<std::size_t>(effect.window)]);
    return std::any_of(kept.begin(), kept.end(), [&](const std::string& descriptor) {
      return descriptor.starts_with(std::to_string(effect.through) + " ");
    });
  }

  bool broadcast_in(int window) const {
    return std::any_of(leg_.identity_calls.begin(), leg_.identity_calls.end(),
                       [&](const IdentityCall& call) { return call.window == window; });
  }

  bool broadcast_to(int thread, int window) const {
    return std::any_of(leg_.identity_calls.begin(), leg_.identity_calls.end(),
                       [&](const IdentityCall& call) { return call.window == window && call.thread == thread; });
  }

  void astray(const Effect& effect, const std::string& user) {
    const bool known = user != either;
    const std::string who = who_is(account(known ? user : leg_.calls.front().user), worn(effect.as), effect.decides);
    Finding finding = about(effect, kind_of(who, user), user);
    finding.got_user = who;
    if (const Right* r = right(user); r != nullptr) {
      const auto result = r->results.find({effect.call, effect.object});
      finding.expected_outcome = result != r->results.end() ? result->second : "not done by the oracle";
    }
    found_.push_back(std::move(finding));
  }

  void broadcast(const IdentityCall& call) {
    if (call.window < 0) return;
    const Call& in = leg_.calls[static_cast<std::size_t>(call.window)];
    Finding finding = start("broadcast", "broadcast", "process", in.user);
    finding.sequence = call.sequence;
    finding.call = call.window;
    finding.got_user = "every thread";
    finding.expected_outcome = "no thread but the caller's changes";
    finding.got_outcome = fmt::format("glibc's {} runs in every thread", call.call);
    finding.thread_role = "every thread of the process";
    found_.push_back(std::move(finding));
  }

  void crash() {
    const int at = leg_.crash->call;
    Finding finding = start("crashed", "call", "call", at >= 0 ? user_of_call(at) : "");
    finding.sequence = ~0ULL - 1;
    finding.call = at;
    finding.got_user = finding.expected_user;
    finding.got_outcome = leg_.crash->what;
    if (at >= 0)
      if (const Right* r = right(finding.expected_user); r != nullptr && !r->answers.empty())
        finding.expected_outcome = describe(r->answer(0).outcome());
    finding.stack = named(leg_.crash->stack);
    found_.push_back(std::move(finding));
  }

  void judge_outcome(const Call& call, std::size_t index, std::size_t nth) {
    const Right* mine = right(call.user);
    if (mine == nullptr || mine->answers.empty() || !mine->unclear.empty() || !call.ended) return;
    // The service's oracle is run once: where the users' do not agree with themselves, nor might it.
    if (call.user == service_name &&
        std::any_of(rights_.begin(), rights_.end(), [](const auto& right) { return !right.second.unclear.empty(); }))
      return;
    if (!call.output_known) {
      // What was printed could not be told apart, or the leg was over before it was read; what was returned can.
      if (mine->answer(nth).returned_the_same(outcome_of(call)) ||
          mine->answers.front().returned_the_same(outcome_of(call)))
        return;
    } else if (mine->matches(outcome_of(call), nth)) {
      return;
    }
    std::string kind = "wrong-answer", got = call.user;
    for (const auto& [name, other] : rights_) {
      if (name == call.user || other.answers.empty() || !other.unclear.empty() || !other.matches(outcome_of(call), 0))
        continue;
      kind = name == service_name ? "lost" : "leaked";
      got = name;
      if (name == service_name) break;  // the likelier of the two
    }
    const std::string spare = std::to_string(account(shield_name).uid);
    const auto names_spare = [&](const std::string& text) {
      return text.find(spare) != std::string::npos || text.find(shield_name) != std::string::npos;
    };
    const Outcome& rightly = mine->answers.front().outcome();
    if (kind == "wrong-answer" && names_spare(call.answer + call.output) &&
        !names_spare(rightly.answer + rightly.output)) {
      kind = "blunted";
      got = shield_name;
    }
    // The first call of a fresh service went wrong without a wrong effect: what it asked was the process's own. A later
    // one did: something was kept from a call before.
    const bool kept = index > 0 && first_call_was_right();
    const bool blunt = kind == "blunted";
    const std::string hop = blunt ? "real-id" : kept ? kept_in(call) : "environment";
    const std::string clock = blunt ? "real-id" : hop == "cache" ? "first-caller" : kept ? "open" : "process";
    Finding finding = start(kind, hop, clock, call.user);
    finding.sequence = call.last;
    finding.call = static_cast<int>(index);
    finding.got_user = got;
    const Outcome &expected = mine->answer(nth).outcome(), is = outcome_of(call);
    finding.expected_outcome = describe(expected, is);
    finding.got_outcome = describe(is, expected);
    finding.thread_role = "the thread that called the operation";
    found_.push_back(std::move(finding));
  }

  // What outlived the call before: a descriptor that it opened, or else memory.
  std::string kept_in(const Call& call) const {
    const std::vector<std::string> kept = kept_descriptors(leg_, call);
    if (kept.empty()) return "cache";
    return kept.front().find("socket:") != std::string::npos ? "connection" : "descriptor";
  }

  bool first_call_was_right() const {
    const Call& first = leg_.calls.front();
    const Right* mine = right(first.user);
    return mine == nullptr || mine->answers.empty() || mine->matches(outcome_of(first), 0);
  }

  void judge_state(const Call& call, std::size_t index) {
    for (const UsedForAnother& used : used_for_another(leg_, call)) {
      Finding finding = start("leaked", "descriptor", "open", call.user);
      finding.sequence = call.last;
      finding.call = static_cast<int>(index);
      finding.got_user = used.opened_for;
      finding.expected_outcome = "nothing is read or written through what was opened as another user";
      finding.got_outcome = used.what + " was opened as " + used.opened_for;
      finding.thread_role = "the thread that called the operation";
      found_.push_back(std::move(finding));
    }
    for (const Alteration& alteration : alterations(leg_, index)) altered(call, index, alteration);
    if (call.ended && call.worn_at_return != call.worn_at_begin && !broadcast_in(static_cast<int>(index))) {
      Finding finding = start("lingering", "call", "call", call.user);
      finding.sequence = call.last;
      finding.call = static_cast<int>(index);
      finding.got_user = who_is(account(call.user), worn(call.worn_at_return), Decides::effective);
      finding.expected_outcome = describe(worn(call.worn_at_begin));
      finding.got_outcome = "the caller came back as " + describe(worn(call.worn_at_return));
      finding.thread_role = "the thread that called the operation";
      found_.push_back(std::move(finding));
    }
    if (call.after.threads.empty()) return;  // the leg ended before it was looked at
    for (const State::Worn& now : call.after.threads) judge_thread(call, index, now);
  }

  void altered(const Call& call, std::size_t index, const Alteration& alteration) {
    Finding finding = start("altered", "process-state", "process", call.user);
    finding.sequence = call.last + 1;
    finding.call = static_cast<int>(index);
    finding.got_user = call.user;
    finding.expected_outcome = alteration.was;
    finding.got_outcome = alteration.became;
    finding.thread_role = "the whole process";
    if (const SharedChange* const seen = alteration.seen; seen != nullptr) {
      finding.sequence = seen->sequence;
      finding.stack = named(seen->stack);
      say_who(finding, role_of(seen->thread, seen->window, finding.stack));
    }
    found_.push_back(std::move(finding));
  }

  void judge_thread(const Call& call, std::size_t index, const State::Worn& now) {
    const auto before = std::find_if(call.before.threads.begin(), call.before.threads.end(),
                                     [&](const State::Worn& was) { return was.thread == now.thread; });
    const Thread& who = thread(now.thread);
    const bool child = who.process != service_process();
    if (before != call.before.threads.end()) {
      if (before->as == now.as) return;
      // A thread's identity is changed by itself alone: in glibc's handler for process-wide changes, or by the work
      // that it was given.
      const bool caller = now.thread == call.caller;
      const bool made_to = !caller && broadcast_to(now.thread, static_cast<int>(index));
      const ThreadRole role = role_of(now.thread, static_cast<int>(index), {});
      Finding finding = start(made_to ? "broadcast" : "lingering", made_to ? "broadcast" : role.hop,
                              made_to  ? "process"
                              : caller ? "call"
                                       : "submit",
                              call.user);
      left(finding, call, index, now, before->as);
      if (!made_to && !caller) say_who(finding, role);
      found_.push_back(std::move(finding));
      return;
    }
    if (worn(now.as) == worn(leg_.service)) return;
    const Account& user = account(call.user);
    if (child) {
      // A child that is the user for good is what the oracle leaves too.
      const Ids all = {user.uid, user.uid, user.uid, user.uid};
      if (worn(now.as).uid == all && leftover(user, worn(now.as)).empty()) return;
    }
    const ThreadRole role = role_of(now.thread, static_cast<int>(index), {});
    Finding finding = start("lingering", role.hop, role.clock, call.user);
    left(finding, call, index, now, leg_.service);
    if (const std::string kept = leftover(user, worn(now.as)); child && !kept.empty())
      stays(finding, user, kept, worn(now.as));
    say_who(finding, role);
    finding.handoff = "clone";
    finding.certainty = "structural";
    found_.push_back(std::move(finding));
  }

  static void say_who(Finding& finding, const ThreadRole& role) {
    finding.thread_role = role.words;
    finding.created_by = role.created_by;
    finding.made_at = role.made_at;
  }

  void left(Finding& finding, const Call& call, std::size_t index, const State::Worn& now,
            CredentialsTable::Id expected) const {
    finding.sequence = call.last;
    finding.call = static_cast<int>(index);
    finding.got_user = who_is(account(service_name), worn(now.as), Decides::fs);
    finding.expected_outcome = "afterwards " + describe(worn(expected));
    finding.got_outcome = "afterwards " + describe(worn(now.as));
    finding.thread_role = "a thread of the service";
  }

  const std::map<std::string, Right>& rights_;
  const LegRecord& leg_;
  Symbolizer& symbolizer_;
  const std::vector<Shown>& shown_;
  const bool right_when_fresh_;
  std::vector<Finding> found_;
};

// The same divergence in another leg, or of another call, adds nothing to read.
bool same_divergence(const Finding& a, const Finding& b) {
  if (a.kind != b.kind || a.hop != b.hop) return false;
  if (a.effect.has_value() != b.effect.has_value()) return false;
  return !a.effect || a.effect->call == b.effect->call;
}

// What can be relied on where some of the kernel's answers are others than the machine's root would get: that something
// was done under the wrong ids, or that they were left behind.
bool stands_by_itself(const Finding& finding) {
  const bool left = finding.kind == "lingering" || finding.kind == "broadcast" || finding.kind == "altered";
  return left || (finding.effect && finding.kind != "denied");
}

std::set<std::string> seen_without_root(const Oracles& oracles, const std::vector<LegRecord>& legs) {
  std::set<std::string> reasons;
  for (const auto& [user, runs] : oracles)
    for (const LegRecord& run : runs) reasons.insert(run.without_root.begin(), run.without_root.end());
  for (const LegRecord& leg : legs) reasons.insert(leg.without_root.begin(), leg.without_root.end());
  return reasons;
}

// What comes after the first divergence of a call, and says no more than it: its answer, or more of the same.
bool follows(const Finding& finding, const Finding& first) {
  return !finding.effect || finding.kind == first.kind;
}

// What was answered is a consequence of what was done; an effect, or what was left behind, may have another cause.
bool is_outcome(const Finding& finding) {
  constexpr std::string_view outcomes[] = {"lost", "leaked", "blunted", "denied", "wrong-answer"};
  return !finding.effect && std::find(std::begin(outcomes), std::end(outcomes), finding.kind) != std::end(outcomes);
}

// As far as can be told: not every leg has its stacks recorded.
bool same_place(const Finding& a, const Finding& b) {
  if (a.code != b.code || a.effect.has_value() != b.effect.has_value()) return false;
  if (a.effect && a.effect->call != b.effect->call) return false;
  if (a.stack.empty() || b.stack.empty()) return true;
  const auto same_functions = [](const std::vector<NamedFrame>& one, const std::vector<NamedFrame>& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](const NamedFrame& f, const NamedFrame& g) { return f.function == g.function; });
  };
  return same_functions(a.stack, b.stack) && same_functions(a.made_at, b.made_at);
}

// Folded, and yet not forgotten where it is more than an outcome: whoever suppresses the one may not mean the other.
void fold(Finding&& finding, Finding& into) {
  ++into.folded;
  if (is_outcome(finding) || same_place(finding, into)) return;
  const auto same = [&](const Finding& other) { return same_place(finding, other); };
  if (std::none_of(into.within.begin(), into.within.end(), same)) into.within.push_back(std::move(finding));
}

}  // namespace

std::string_view to_string(Answer answer) {
  switch (answer) {
    case Answer::works:
      return "works";
    case Answer::fails:
      return "fails";
    case Answer::unclear:
      return "unclear";
  }
  return "unclear";
}

Verdict judge(const Oracles& oracles, const std::vector<LegRecord>& legs, const std::string& posture,
              Symbolizer& symbolizer, const std::vector<Shown>& shown) {
  Verdict verdict;
  verdict.posture = posture;
  std::map<std::string, Right> rights;
  for (const auto& [user, runs] : oracles) {
    const Right& right = rights.emplace(user, right_of(user, runs)).first->second;
    if (!right.unclear.empty()) verdict.reasons.push_back(right.unclear);
  }
  // What was printed once, as the service, is masked where the users' double runs found noise.
  if (const auto service = rights.find(std::string(service_name)); service != rights.end())
    for (const auto& [user, right] : rights)
      for (std::size_t call = 0; call < std::min(right.answers.size(), service->second.answers.size()); ++call)
        service->second.answers[call].borrow_noise(right.answers[call]);
  if (legs.empty()) verdict.reasons.push_back("no leg was run");
  bool right_when_fresh = true;
  for (const LegRecord& leg : legs) {
    for (const Call& call : leg.calls) {
      if (!rights.contains(call.user) && call.user != service_name)
        verdict.reasons.push_back(fmt::format("no oracle was run as {}", call.user));
      if (!call.ended && !leg.crash && leg.error.empty())
        verdict.reasons.push_back(fmt::format("in the leg {}: a call was not seen to its end", leg.name));
      else if (call.ended && !call.output_known && leg.name != "concurrent" && !leg.crash && leg.error.empty())
        verdict.reasons.push_back(fmt::format("in the leg {}: what a call printed was not read", leg.name));
    }
    if (!leg.error.empty())
      verdict.reasons.push_back(fmt::format("the leg {} could not be run: {}", leg.name, leg.error));
    for (const std::string& problem : leg.problems)
      verdict.reasons.push_back(fmt::format("in the leg {}: {}", leg.name, problem));
    for (const Call& call : leg.calls)
      if (!call.settled)
        verdict.reasons.push_back(fmt::format("in the leg {}: the process never came to rest after a call", leg.name));
    std::vector<Finding> found = Judge(rights, leg, symbolizer, shown, right_when_fresh).findings();
    if (leg.name == "cold") right_when_fresh = found.empty();
    verdict.legs.push_back({leg.name, found.empty(), leg.stops, leg.milliseconds});
    std::map<int, std::size_t> diverged;  // call -> the finding that stands for it
    for (Finding& finding : found) {
      const int call = finding.call;
      const auto known = std::find_if(verdict.findings.begin(), verdict.findings.end(),
                                      [&](const Finding& f) { return same_divergence(f, finding); });
      const auto before = diverged.find(call);
      if (before != diverged.end() && follows(finding, verdict.findings[before->second])) {
        fold(std::move(finding), verdict.findings[before->second]);
      } else if (leg.name == "concurrent" && !finding.effect && !verdict.findings.empty() &&
                 finding.kind != "crashed") {
        // Concurrent answers follow from what the other legs have shown already.
        fold(std::move(finding), verdict.findings.front());
      } else if (known != verdict.findings.end()) {
        fold(std::move(finding), *known);
        diverged.try_emplace(call, static_cast<std::size_t>(known - verdict.findings.begin()));
      } else {
        diverged.try_emplace(call, verdict.findings.size());
        verdict.findings.push_back(std::move(finding));
      }
    }
  }
  // A thread that lingers, and then acts in another call, is a pool's.
  const auto acted = std::find_if(verdict.findings.begin(), verdict.findings.end(), [](const Finding& f) {
    return f.kind != "lingering" && (f.hop == "queue" || f.hop == "callback" || f.hop == "timer");
  });
  for (Finding& finding : verdict.findings) {
    if (acted == verdict.findings.end() || finding.kind != "lingering" || finding.hop != "thread") continue;
    finding.hop = acted->hop;
    finding.clock = "first-caller";
    finding.code = code_for(finding.hop, finding.kind).code;
  }
  for (const std::string& reason : seen_without_root(oracles, legs)) verdict.reasons.push_back(reason);
  if (for_want_of_root(verdict) && std::none_of(verdict.findings.begin(), verdict.findings.end(), stands_by_itself))
    verdict.findings.clear();
  std::sort(verdict.reasons.begin(), verdict.reasons.end());
  verdict.reasons.erase(std::unique(verdict.reasons.begin(), verdict.reasons.end()), verdict.reasons.end());
  verdict.answer = !verdict.findings.empty()  ? Answer::fails
                   : !verdict.reasons.empty() ? Answer::unclear
                                              : Answer::works;
  return verdict;
}

bool for_want_of_root(const Verdict& verdict) {
  return std::any_of(verdict.reasons.begin(), verdict.reasons.end(),
                     [](const std::string& reason) { return reason.starts_with(needs_root); });
}

std::string in_words(const Finding& finding) {
  if (finding.effect) {
    const bool own = finding.thread_role.find("that called") != std::string::npos;
    const std::string place = own ? "" : fmt::format(", by {}", finding.thread_role);
    const std::string& object = finding.effect->object;
    const std::string what = finding.effect->call + (object.empty() ? "" : " " + object);
    if (finding.kind == "denied") return fmt::format("denied: {} is refused{}", what, place);
    return fmt::format("{}: {} as {}{}", finding.kind, what, finding.got_user, place);
  }
  if (finding.got_outcome.starts_with("descriptor ")) return fmt::format("{}: {}", finding.kind, finding.got_outcome);
  if (finding.kind == "lingering") return fmt::format("lingering: {} stays {}", finding.thread_role, finding.got_user);
  if (finding.kind == "lost" || finding.kind == "leaked" || finding.kind == "blunted")
    return fmt::format("{}: {} gets {}'s answer", finding.kind, finding.expected_user, finding.got_user);
  return fmt::format("{}: {}", finding.kind, finding.got_outcome);
}

}  // namespace behalf::tool
