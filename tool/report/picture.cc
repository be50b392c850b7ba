#include "report/picture.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "judge/expectation.h"

namespace behalf::tool {
namespace {

constexpr Moment at_event(std::uint64_t sequence) {
  return 2 * sequence;
}
constexpr Moment after_event(std::uint64_t sequence) {
  return 2 * sequence + 1;
}

class Painter {
 public:
  Painter(const LegRecord& leg, const std::vector<Finding>& findings) : leg_(leg), findings_(findings) {
    picture_.leg = &leg;
  }

  Picture paint() {
    if (leg_.calls.empty() || leg_.threads.empty() || !known(leg_.calls.front().caller)) return std::move(picture_);
    bound();
    add_lanes();
    look();
    for (Lane& lane : picture_.lanes) lane.stretches = stretches_of(lane.thread);
    for (const Effect& effect : leg_.effects) add_deed(effect);
    for (Lane& lane : picture_.lanes)
      std::stable_sort(lane.deeds.begin(), lane.deeds.end(), [](const Deed& a, const Deed& b) { return a.at < b.at; });
    add_windows();
    add_arrows();
    place_findings();
    return std::move(picture_);
  }

 private:
  bool known(int thread) const { return thread >= 0 && static_cast<std::size_t>(thread) < leg_.threads.size(); }
  const Thread& thread(int number) const { return leg_.threads[static_cast<std::size_t>(number)]; }
  std::string who(CredentialsTable::Id id) const {
    return id < leg_.credentials.size() ? name_of(leg_.credentials[id]) : "?";
  }

  void bound() {
    std::uint64_t last = 0;
    for (const Thread& each : leg_.threads) last = std::max(last, each.born);
    for (const Effect& effect : leg_.effects) last = std::max(last, effect.sequence);
    for (const Call& call : leg_.calls) last = std::max(last, call.last);
    for (const Handoff& handoff : leg_.handoffs) last = std::max(last, handoff.sequence);
    picture_.end = after_event(last) + 1;
    picture_.begin = picture_.end;
  }

  // The service's process and what came of it. What came before it is the stage's own.
  void add_lanes() {
    const pid_t service = thread(leg_.calls.front().caller).process;
    for (const Thread& each : leg_.threads) {
      const bool inside = each.process == service || lane_of_.contains(each.parent);
      if (!inside) continue;
      lane_of_[each.number] = picture_.lanes.size();
      Lane lane;
      lane.thread = each.number;
      lane.born = at_event(each.born);
      lane.caller =
          std::any_of(leg_.calls.begin(), leg_.calls.end(), [&](const Call& c) { return c.caller == each.number; });
      const bool first = lane_of_.size() == 1;
      lane.name = first                     ? "service, main thread"
                  : lane.caller             ? "caller"
                  : each.process == service ? fmt::format("thread {}", each.number)
                  : each.program.empty()    ? fmt::format("child {}", each.number)
                                            : fmt::format("child {}: {}", each.number, each.program);
      lane.origin = first                      ? "there from the start"
                    : each.born_in < 0         ? "made before any call"
                    : known_call(each.born_in) ? fmt::format("made in the call for {}",
                                                             leg_.calls[static_cast<std::size_t>(each.born_in)].user)
                                               : "made in a call";
      picture_.begin = std::min(picture_.begin, lane.born);
      picture_.lanes.push_back(std::move(lane));
    }
    const auto callers =
        std::count_if(picture_.lanes.begin(), picture_.lanes.end(), [](const Lane& l) { return l.caller; });
    for (int number = 1; Lane & lane : picture_.lanes)
      if (lane.caller && callers > 1) lane.name += fmt::format(" {}", number++);
  }

  bool known_call(int window) const { return window >= 0 && static_cast<std::size_t>(window) < leg_.calls.size(); }

  // Every look that was taken at a thread. An empty one: from here on nobody looked.
  void look() {
    const auto saw = [&](int number, Moment at, std::optional<CredentialsTable::Id> as) { looks_[number][at] = as; };
    for (const Lane& lane : picture_.lanes) saw(lane.thread, lane.born, thread(lane.thread).born_as);
    // Who the first thread was before it became the service is the stage's own matter.
    saw(picture_.lanes.front().thread, picture_.lanes.front().born, leg_.service);
    for (const Call& call : leg_.calls) {
      if (!call.begun) continue;
      for (const State::Worn& worn : call.before.threads)
        if (worn.thread != call.caller) saw(worn.thread, at_event(call.first), worn.as);
      for (const State::Worn& worn : call.after.threads) saw(worn.thread, after_event(call.last), worn.as);
      saw(call.caller, after_event(call.first), call.worn_at_begin);
      if (!call.ended) continue;
      if (call.worn_at_return != call.worn_at_begin) saw(call.caller, at_event(call.last), call.worn_at_return);
      if (call.after.threads.empty()) looks_[call.caller].try_emplace(after_event(call.last), std::nullopt);
    }
    for (const Effect& effect : leg_.effects)
      if (!effect.by_ring) saw(effect.thread, at_event(effect.sequence), effect.as);
  }

  // Capabilities come and go with the ids that matter here; alone they are not a change of identity.
  bool same_to_see(CredentialsTable::Id a, CredentialsTable::Id b) const {
    if (a == b) return true;
    if (std::max(a, b) >= leg_.credentials.size()) return false;
    return describe(leg_.credentials[a]) == describe(leg_.credentials[b]) && who(a) == who(b);
  }

  std::vector<Stretch> stretches_of(int number) const {
    std::vector<Stretch> stretches;
    const auto looks = looks_.find(number);
    if (looks == looks_.end()) return stretches;
    bool open = false;
    for (const auto& [at, as] : looks->second) {
      if (open) stretches.back().end = at;
      if (open && as && same_to_see(stretches.back().as, *as)) continue;
      open = as.has_value();
      if (open) stretches.push_back({at, at, *as, who(*as)});
    }
    if (open) stretches.back().end = picture_.end;
    return stretches;
  }

  void add_deed(const Effect& effect) {
    const auto lane = lane_of_.find(effect.thread);
    if (lane == lane_of_.end() || (!known_call(effect.window) && !beside_calls(effect))) return;
    Deed deed;
    deed.at = at_event(effect.sequence);
    deed.effect = &effect;
    deed.who = who(effect.as);
    if (known_call(effect.window)) deed.wanted = leg_.calls[static_cast<std::size_t>(effect.window)].user;
    deed.astray = effect.as < leg_.credentials.size() && !is_right(effect) && !same_for_everybody(effect);
    picture_.lanes[lane->second].deeds.push_back(std::move(deed));
  }

  // Work that no call owns is judged while there are calls that it may be for; the rest is the service's own.
  bool beside_calls(const Effect& effect) const {
    return std::any_of(leg_.calls.begin(), leg_.calls.end(), [&](const Call& call) {
      return call.begun && effect.sequence > call.first && effect.sequence <= call.last && call.caller != effect.thread;
    });
  }

  bool is_right(const Effect& effect) const {
    const Credentials& as = leg_.credentials[effect.as];
    if (known_call(effect.window))
      return ran_as(account(leg_.calls[static_cast<std::size_t>(effect.window)].user), as, effect.decides);
    // Concurrent work that no call owns must be one of the users'.
    return std::any_of(leg_.calls.begin(), leg_.calls.end(),
                       [&](const Call& call) { return ran_as(account(call.user), as, effect.decides); });
  }

  void add_windows() {
    for (const Call& call : leg_.calls)
      if (const auto lane = lane_of_.find(call.caller); call.begun && lane != lane_of_.end())
        picture_.windows.push_back({after_event(call.first),
                                    call.last > call.first ? after_event(call.last) : picture_.end, lane->second,
                                    call.user});
  }

  void add_arrows() {
    for (std::size_t i = 0; i < picture_.lanes.size(); ++i) {
      const auto maker = lane_of_.find(thread(picture_.lanes[i].thread).parent);
      if (maker != lane_of_.end()) picture_.arrows.push_back({picture_.lanes[i].born, maker->second, i, "makes", true});
    }
    for (const Handoff& handoff : leg_.handoffs) {
      const auto to = lane_of_.find(handoff.to);
      for (const Giver& giver : handoff.givers) {
        const auto from = lane_of_.find(giver.thread);
        if (from == lane_of_.end() || to == lane_of_.end()) continue;
        picture_.arrows.push_back({at_event(handoff.sequence), from->second, to->second,
                                   fmt::format("{}, {}", handoff.kind, handoff.certainty), false});
      }
    }
    std::stable_sort(picture_.arrows.begin(), picture_.arrows.end(),
                     [](const Arrow& a, const Arrow& b) { return a.at < b.at; });
  }

  // Which deed a finding of this leg tells of: the one with its number, or the first of its kind.
  Deed* deed_of(const Finding& finding) {
    Deed* like = nullptr;
    for (Lane& lane : picture_.lanes)
      for (Deed& deed : lane.deeds) {
        if (deed.effect->call != finding.effect->call || deed.effect->object != finding.effect->object) continue;
        if (deed.effect->sequence == finding.sequence) return &deed;
        if (like == nullptr && deed.astray) like = &deed;
      }
    return like;
  }

  void place_findings() {
    for (const Finding& finding : findings_) {
      if (finding.leg != leg_.name) continue;
      if (Deed* const deed = finding.effect ? deed_of(finding) : nullptr; deed != nullptr) {
        deed->finding = &finding;
        continue;
      }
      Trouble trouble{std::min(after_event(finding.sequence), picture_.end), 0, &finding};
      if (known_call(finding.call)) {
        const auto lane = lane_of_.find(leg_.calls[static_cast<std::size_t>(finding.call)].caller);
        if (lane != lane_of_.end()) trouble.lane = lane->second;
      }
      picture_.troubles.push_back(trouble);
    }
  }

  const LegRecord& leg_;
  const std::vector<Finding>& findings_;
  Picture picture_;
  std::map<int, std::size_t> lane_of_;  // thread -> position
  std::map<int, std::map<Moment, std::optional<CredentialsTable::Id>>> looks_;
};

}  // namespace

std::string name_of(const Credentials& credentials) {
  const auto person = std::find_if(accounts().begin(), accounts().end(),
                                   [&](const Account& each) { return each.uid == credentials.uid.fs; });
  if (person == accounts().end()) return fmt::format("uid {}", credentials.uid.fs);
  if (person->uid == 0) return std::string(person->name);
  return who_is(*person, credentials, Decides::fs);
}

Picture picture_of(const LegRecord& leg, const std::vector<Finding>& findings) {
  return Painter(leg, findings).paint();
}

}  // namespace behalf::tool
