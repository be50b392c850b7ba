// Blame over legs made by hand: which hand-off is named, how sure it is said to be, and where nothing is picked.
#include "judge/blame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace behalf::tool::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

enum Worn : CredentialsTable::Id { service, as_alice, as_bob };
enum Who { main_thread, caller, worker, other_worker, made_in_call };

// A place of its own for each offset: a module without symbols is named by its name alone.
Stack at(const std::string& module) {
  return {{module, 1}};
}

Giver by(int thread, CredentialsTable::Id as, const std::string& place, std::uint64_t sequence) {
  return {thread, as, at(place), sequence};
}

// A service that reads alice's note in a worker, as itself. The call lasts from 100 to 200, and the note is read at
// 150.
LegRecord record(const std::string& user = "alice") {
  constexpr std::uint64_t power = 0x1ffffffffffULL;
  const auto full = [](unsigned id) { return Ids{id, id, 0, id}; };
  LegRecord made;
  made.credentials = {{{0, 0, 0, 0}, {0, 0, 0, 0}, {0}, power, power},
                      {full(3001), full(3001), {3001, 3100}, 0, power},
                      {full(3002), full(3002), {3002, 3200}, 0, power}};
  for (int i = main_thread; i <= made_in_call; ++i) {
    Thread thread;
    thread.number = i;
    thread.parent = i == main_thread ? -1 : i == made_in_call ? worker : main_thread;
    thread.birth = Birth::thread;
    thread.born = i == made_in_call ? 140 : static_cast<std::uint64_t>(i);
    thread.made_at = at(i == made_in_call ? "/worker/makes" : "/start");
    made.threads.push_back(thread);
  }
  Call call;
  call.user = user;
  call.caller = caller;
  call.begun = call.ended = true;
  call.first = 100;
  call.last = 200;
  made.calls = {call};
  Effect effect;
  effect.sequence = 150;
  effect.thread = worker;
  effect.window = 0;
  effect.call = "openat";
  effect.object = "/home/" + user + "/note.txt";
  effect.decides = Decides::fs;
  effect.as = service;
  made.effects = {effect};
  return made;
}

Finding finding() {
  Finding made;
  made.kind = "lost";
  made.hop = "queue";
  made.expected_user = "alice";
  made.effect = Finding::On{"openat", "/home/alice/note.txt", 0, ""};
  return made;
}

std::vector<std::string> modules(const std::vector<NamedFrame>& frames) {
  std::vector<std::string> names;
  for (const NamedFrame& frame : frames) names.push_back(frame.module);
  return names;
}

// What blame says where the hand-offs are these, and the same ones when alice and bob are swapped, or others.
Finding blamed(const std::vector<Handoff>& handoffs, std::optional<std::vector<Handoff>> swapped = {}) {
  LegRecord here = record(), there = record("bob");
  here.handoffs = handoffs;
  there.handoffs = swapped.value_or(handoffs);
  for (Handoff& handoff : there.handoffs)
    for (Giver& giver : handoff.givers)
      if (giver.as == as_alice) giver.as = as_bob;
  Finding result = finding();
  Symbolizer symbolizer;
  blame(result, here, there, symbolizer, {});
  return result;
}

TEST(Blame, says_none_where_nothing_reached_the_thread) {
  const Finding result = blamed({});
  EXPECT_EQ(result.handoff, "none");
  EXPECT_EQ(result.certainty, "none");
  EXPECT_THAT(result.handed_at, IsEmpty());
}

TEST(Blame, names_the_hand_off_by_the_caller_and_keeps_its_certainty) {
  for (const char* certainty : {"exclusive", "structural"}) {
    const Finding result = blamed({{130, worker, "wake", certainty, {by(caller, as_alice, "/submit", 129)}}});
    EXPECT_EQ(result.handoff, "wake");
    EXPECT_EQ(result.certainty, certainty);
    EXPECT_THAT(modules(result.handed_at), ElementsAre("/submit"));
    EXPECT_EQ(result.handed_by, "the thread that called the operation");
  }
}

TEST(Blame, takes_the_last_before_the_effect_and_none_of_another_call) {
  const Finding result = blamed({{90, worker, "wake", "exclusive", {by(caller, as_alice, "/before", 89)}},
                                 {130, worker, "pipe", "structural", {by(caller, as_alice, "/early", 129)}},
                                 {140, worker, "pipe", "structural", {by(caller, as_alice, "/late", 139)}},
                                 {160, worker, "pipe", "structural", {by(caller, as_alice, "/after", 159)}}});
  EXPECT_THAT(modules(result.handed_at), ElementsAre("/late"));
}

TEST(Blame, goes_back_through_a_thread_that_was_wrong_to_one_that_was_right) {
  const Finding result = blamed({{120, other_worker, "wake", "exclusive", {by(caller, as_alice, "/submit", 119)}},
                                 {130, worker, "pipe", "structural", {by(other_worker, service, "/relay", 129)}}});
  EXPECT_THAT(modules(result.handed_at), ElementsAre("/submit"));
  EXPECT_EQ(result.handoff, "wake");
}

TEST(Blame, stops_at_a_worker_that_was_right_when_it_handed_on) {
  const Finding result = blamed({{120, other_worker, "wake", "exclusive", {by(caller, as_alice, "/submit", 119)}},
                                 {130, worker, "pipe", "structural", {by(other_worker, as_alice, "/relay", 129)}}});
  EXPECT_THAT(modules(result.handed_at), ElementsAre("/relay"));
  EXPECT_EQ(result.handed_by, "another thread");
}

TEST(Blame, does_not_follow_what_reached_the_giver_after_it_gave) {
  const Finding result =
      blamed({{120, other_worker, "wake", "exclusive", {by(caller, as_alice, "/submit", 119)}},
              {128, other_worker, "wake", "exclusive", {by(main_thread, as_alice, "/too late", 127)}},
              {130, worker, "pipe", "structural", {by(other_worker, service, "/relay", 125)}}});
  EXPECT_THAT(modules(result.handed_at), ElementsAre("/submit"));
}

TEST(Blame, goes_through_the_making_of_a_thread) {
  LegRecord here = record(), there = record("bob");
  for (LegRecord* run : {&here, &there}) {
    run->effects[0].thread = made_in_call;
    run->handoffs = {
        {130, worker, "wake", "exclusive", {by(caller, run == &here ? as_alice : as_bob, "/submit", 129)}}};
  }
  Finding result = finding();
  Symbolizer symbolizer;
  blame(result, here, there, symbolizer, {});
  EXPECT_THAT(modules(result.handed_at), ElementsAre("/submit"));
}

TEST(Blame, lists_all_who_may_have_given_and_picks_none) {
  const Finding result = blamed({{130,
                                  worker,
                                  "wake",
                                  "ambiguous",
                                  {by(caller, as_alice, "/one", 128), by(main_thread, service, "/other", 129)}}});
  EXPECT_EQ(result.certainty, "ambiguous");
  EXPECT_THAT(result.handed_at, IsEmpty());
  EXPECT_THAT(result.handed_by, IsEmpty());
  ASSERT_THAT(result.handed_maybe, SizeIs(2));
  EXPECT_THAT(modules(result.handed_maybe[0]), ElementsAre("/one"));
  EXPECT_THAT(modules(result.handed_maybe[1]), ElementsAre("/other"));
}

TEST(Blame, is_ambiguous_where_the_hand_off_does_not_recur_with_the_users_swapped) {
  const Finding other = blamed({{130, worker, "wake", "exclusive", {by(caller, as_alice, "/here", 129)}}},
                               {{{130, worker, "wake", "exclusive", {by(caller, as_alice, "/there", 129)}}}});
  EXPECT_EQ(other.certainty, "ambiguous");
  EXPECT_THAT(other.handed_at, IsEmpty());
  EXPECT_THAT(other.handed_maybe, SizeIs(2));
  const Finding none =
      blamed({{130, worker, "wake", "exclusive", {by(caller, as_alice, "/here", 129)}}}, std::vector<Handoff>{});
  EXPECT_EQ(none.certainty, "ambiguous");
  EXPECT_THAT(modules(none.handed_at), ElementsAre("/here"));
}

// The hop that blame makes of it, where the worker does this as well and the hand-offs are these.
struct Hop {
  std::string hop;
  Finding finding;
};
Hop hop(const std::vector<Handoff>& handoffs, const std::vector<Effect>& more = {}, const char* call = "openat") {
  LegRecord here = record(), there = record("bob");
  Hop result{"", finding()};
  result.finding.effect->call = call;
  for (LegRecord* run : {&here, &there}) {
    run->effects[0].call = call;
    run->effects.insert(run->effects.end(), more.begin(), more.end());
    run->handoffs = handoffs;
    for (Handoff& handoff : run->handoffs)
      for (Giver& giver : handoff.givers)
        if (giver.as == as_alice && run == &there) giver.as = as_bob;
  }
  Symbolizer symbolizer;
  result.hop = blame(result.finding, here, there, symbolizer, {});
  return result;
}

Effect done(std::uint64_t sequence, CredentialsTable::Id as, const char* call = "openat") {
  Effect effect;
  effect.sequence = sequence;
  effect.thread = worker;
  effect.window = 0;
  effect.call = call;
  effect.object = "/etc/passwd";
  effect.decides = Decides::fs;
  effect.as = as;
  return effect;
}

TEST(Blame, knows_a_thread_that_was_right_and_put_something_else_on_by_itself) {
  const std::vector<Handoff> came = {{130, worker, "wake", "exclusive", {by(caller, as_alice, "/submit", 129)}}};
  const Hop one = hop(came, {done(140, as_alice)});
  EXPECT_EQ(one.hop, "call");
  EXPECT_THAT(one.finding.handed_at, IsEmpty());
  EXPECT_THAT(one.finding.thread_role, ::testing::HasSubstr("was alice until then"));
  EXPECT_EQ(hop(came, {done(140, as_alice)}, "connect").hop, "connection");
  EXPECT_EQ(hop(came, {done(140, as_alice), done(160, service, "connect")}).hop, "connection");
  // Before work reached it, it was right for other work.
  EXPECT_EQ(hop(came, {done(120, as_alice)}).hop, "");
}

TEST(Blame, knows_what_came_to_a_socket_for_a_message) {
  EXPECT_EQ(hop({{130, worker, "socket", "structural", {by(caller, as_alice, "/send", 129)}}}).hop, "message");
  EXPECT_EQ(hop({{130, worker, "wake", "exclusive", {by(caller, as_alice, "/submit", 129)}}}).hop, "");
}

TEST(Blame, knows_what_came_from_another_process) {
  const Handoff outside{120, other_worker, "outside", "structural", {}};
  const auto relay = [](CredentialsTable::Id as, std::uint64_t when) {
    return Handoff{130, worker, "wake", "exclusive", {by(other_worker, as, "/relay", when)}};
  };
  const Hop one = hop({outside, relay(service, 125)});
  EXPECT_EQ(one.hop, "message");
  EXPECT_EQ(one.finding.handoff, "socket");
  EXPECT_EQ(hop({{140, worker, "outside", "structural", {}}}).hop, "message") << "the worker itself";
  EXPECT_EQ(hop({outside, relay(as_alice, 125)}).hop, "") << "who handed on was right";
  EXPECT_EQ(hop({outside, relay(service, 115)}).hop, "") << "it came later than that was handed on";
}

TEST(Blame, has_nothing_to_add_where_the_caller_itself_went_astray) {
  LegRecord here = record(), there = record("bob");
  for (LegRecord* run : {&here, &there}) {
    run->effects[0].thread = caller;
    run->handoffs = {{130, caller, "wake", "exclusive", {by(worker, service, "/answer", 129)}}};
  }
  Finding result = finding();
  Symbolizer symbolizer;
  blame(result, here, there, symbolizer, {});
  EXPECT_EQ(result.handoff, "none");
}

}  // namespace
}  // namespace behalf::tool::testing
