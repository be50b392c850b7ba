// The judge over legs made by hand: each of the four conditions, each kind of finding, and never "works" in doubt.
#include "judge/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

namespace behalf::tool::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr Ids all(unsigned id) {
  return {id, id, id, id};
}
constexpr Ids full(unsigned id) {
  return {id, id, 0, id};
}

// The credentials of every record here, by number.
enum Worn : CredentialsTable::Id {
  service,
  as_alice,
  as_bob,
  alice_herself,
  bob_himself,
  spare,
  alice_other_groups,
  half_alice,
  alice_saved_gid,
  alice_capable
};
std::vector<Credentials> credentials() {
  constexpr std::uint64_t power = 0x1ffffffffffULL;
  return {{all(0), all(0), {0}, power, power},
          {full(3001), full(3001), {3001, 3100}, 0, power},
          {full(3002), full(3002), {3002, 3200}, 0, power},
          {all(3001), all(3001), {3001, 3100}, 0, 0},
          {all(3002), all(3002), {3002, 3200}, 0, 0},
          {all(3009), all(3009), {3009}, 0, 0},
          {full(3001), full(3001), {0}, 0, power},
          {{0, 3001, 0, 3001}, {0, 3001, 0, 3001}, {3001, 3100}, 0, power},
          {all(3001), full(3001), {3001, 3100}, 0, 0},
          {all(3001), all(3001), {3001, 3100}, 0, power}};
}

// Threads of every record: the stage's first process, the service's main thread, the caller, a worker made before the
// call, one made in it, and a child.
enum Who { first, main_thread, caller, worker, fresh_thread, child };
std::vector<Thread> threads() {
  std::vector<Thread> made(6);
  for (int i = 0; i < 6; ++i) {
    Thread& thread = made[static_cast<std::size_t>(i)];
    thread.number = i;
    thread.tid = 100 + i;
    thread.process = i == first ? 100 : i == child ? 105 : 101;
    thread.parent = i == first ? -1 : i == main_thread ? first : i <= worker ? main_thread : caller;
    thread.birth = i <= main_thread || i == child ? Birth::fork : Birth::thread;
    thread.born_in = i >= fresh_thread ? 0 : -1;
    thread.born = static_cast<std::uint64_t>(i);
  }
  return made;
}

CredentialsTable::Id worn_for(const std::string& user) {
  return user == "alice" ? as_alice : user == "bob" ? as_bob : service;
}
CredentialsTable::Id worn_by_oracle(const std::string& user) {
  return user == "alice" ? alice_herself : user == "bob" ? bob_himself : service;
}

State state() {
  State state;
  state.threads = {{main_thread, service}, {caller, service}, {worker, service}};
  state.directory = "/";
  state.mask = "0022";
  state.limits = "Max open files 1024\nMax processes 100";
  state.ignored = state.caught = "0";
  state.environment = "HOME=/root\nUSER=root\n";
  state.descriptors = {"0 /dev/null"};
  return state;
}

Effect effect(int thread, CredentialsTable::Id as, const std::string& object, long result = 3, int window = 0) {
  Effect made;
  made.thread = thread;
  made.window = window;
  made.call = "openat";
  made.object = object;
  made.decides = Decides::fs;
  made.as = as;
  made.result = result;
  made.finished = made.reads = true;
  return made;
}

const char* const own_note = "/home/alice/note.txt";
std::string answer_of(const std::string& user) {
  return "note of " + user + "\n";
}

// A leg in which everything is right: one call for each user, each reading the note of alice (allowed to her alone).
LegRecord leg(const std::string& name, const std::vector<std::string>& users) {
  LegRecord record;
  record.name = name;
  record.posture = "full";
  record.credentials = credentials();
  record.threads = threads();
  record.service = service;
  std::uint64_t sequence = 100;
  for (const std::string& user : users) {
    Call call;
    call.user = user;
    call.caller = caller;
    call.begun = call.ended = true;
    call.output = answer_of(user);
    call.output_known = true;
    call.worn_at_begin = call.worn_at_return = worn_for(user);
    call.first = sequence;
    Effect done =
        effect(caller, worn_for(user), own_note, user == "bob" ? -EACCES : 3, static_cast<int>(record.calls.size()));
    done.sequence = sequence + 5;
    record.effects.push_back(done);
    call.last = sequence += 10;
    call.before = call.after = state();
    record.calls.push_back(call);
  }
  return record;
}

LegRecord oracle(const std::string& user) {
  LegRecord record = leg("oracle", {user, user, user});
  record.posture.clear();
  record.oracle = user;
  for (Effect& done : record.effects) done.as = worn_by_oracle(user);
  for (Call& call : record.calls) call.worn_at_begin = call.worn_at_return = worn_by_oracle(user);
  return record;
}

Oracles oracles() {
  return {{"alice", {oracle("alice"), oracle("alice")}},
          {"bob", {oracle("bob"), oracle("bob")}},
          {"root", {oracle("root")}}};
}

Verdict verdict_of(const std::vector<LegRecord>& legs, const Oracles& from = oracles()) {
  Symbolizer symbolizer;
  return judge(from, legs, "full", symbolizer, {});
}

// The verdict on a cold leg with one thing changed.
Verdict changed(const std::function<void(LegRecord&)>& change, const std::vector<std::string>& users = {"alice"},
                const std::string& name = "cold") {
  LegRecord record = leg(name, users);
  change(record);
  return verdict_of({record});
}

std::vector<std::string> kinds(const Verdict& verdict) {
  std::vector<std::string> all_kinds;
  for (const Finding& finding : verdict.findings) all_kinds.push_back(finding.kind);
  return all_kinds;
}

// The first finding, or an empty one.
Finding first_of(const Verdict& verdict) {
  return verdict.findings.empty() ? Finding{} : verdict.findings.front();
}

// It fails, and the first finding is of that kind, code and hop.
void expect_first(const Verdict& verdict, const std::string& kind, const std::string& hop, const std::string& code) {
  EXPECT_EQ(verdict.answer, Answer::fails);
  ASSERT_THAT(verdict.findings, Not(IsEmpty()));
  const Finding& finding = verdict.findings.front();
  EXPECT_EQ(finding.kind, kind);
  EXPECT_EQ(finding.hop, hop);
  EXPECT_EQ(finding.code, code);
  EXPECT_FALSE(in_words(finding).empty());
}

TEST(Verdict, works_when_all_four_conditions_hold_in_every_leg) {
  const Verdict verdict =
      verdict_of({leg("cold", {"alice"}), leg("warm", {"root", "alice"}), leg("after-bob", {"bob", "alice"}),
                  leg("alternating", {"alice", "bob", "alice", "bob"}), leg("service-after", {"alice", "root"})});
  EXPECT_EQ(verdict.answer, Answer::works) << ::testing::PrintToString(kinds(verdict));
  EXPECT_THAT(verdict.findings, IsEmpty());
  EXPECT_THAT(verdict.reasons, IsEmpty());
  EXPECT_THAT(verdict.legs, SizeIs(5));
  for (const LegSummary& summary : verdict.legs) EXPECT_TRUE(summary.same) << summary.name;
}

// ---------------------------------------------------------------------------------------------------------------
// (1) the outcome

TEST(Outcome_of_a_call, that_is_nobody_s_is_a_wrong_answer) {
  const Verdict verdict = changed([](LegRecord& record) { record.calls[0].output = "nonsense\n"; });
  expect_first(verdict, "wrong-answer", "environment", "B402");
  EXPECT_THAT(first_of(verdict).expected_outcome, HasSubstr("note of alice"));
  EXPECT_THAT(first_of(verdict).got_outcome, HasSubstr("nonsense"));
}

TEST(Outcome_of_a_call, that_returns_something_else_is_a_wrong_answer) {
  expect_first(changed([](LegRecord& record) { record.calls[0].returned = 13; }), "wrong-answer", "environment",
               "B402");
}

TEST(Outcome_of_a_call, that_is_the_service_s_is_lost) {
  const Verdict verdict = changed([](LegRecord& record) { record.calls[0].output = answer_of("root"); });
  expect_first(verdict, "lost", "environment", "B402");
  EXPECT_EQ(first_of(verdict).got_user, "root");
}

TEST(Outcome_of_a_call, that_is_the_user_s_before_is_leaked_by_a_cache) {
  const Verdict verdict =
      changed([](LegRecord& record) { record.calls[1].output = answer_of("bob"); }, {"bob", "alice"}, "after-bob");
  expect_first(verdict, "leaked", "cache", "B401");
  EXPECT_EQ(first_of(verdict).got_user, "bob");
  EXPECT_EQ(first_of(verdict).expected_user, "alice");
}

TEST(Outcome_of_a_call, that_follows_a_kept_descriptor_or_connection_is_blamed_on_it) {
  for (const auto& [target, hop, code] :
       {std::tuple{"7 /srv/inbox/kept", "descriptor", "B404"}, {"7 socket:[123]", "connection", "B501"}})
    expect_first(changed(
                     [kept = target](LegRecord& record) {
                       record.calls[1].output = answer_of("bob");
                       record.calls[1].before.descriptors.emplace_back(kept);
                     },
                     {"bob", "alice"}, "after-bob"),
                 "leaked", hop, code);
}

TEST(Outcome_of_a_call, that_follows_a_descriptor_kept_in_another_process_is_blamed_on_it) {
  expect_first(changed(
                   [&](LegRecord& record) {
                     record.calls[1].output = answer_of("bob");
                     record.calls[1].before.elsewhere.emplace_back("5 /home/bob/note.txt");
                   },
                   {"bob", "alice"}, "after-bob"),
               "leaked", "descriptor", "B404");
}

// A descriptor that bob's call opened, and alice's reads or writes on: nobody's answer need differ.
Verdict used_on(const std::function<void(LegRecord&)>& change = [](LegRecord&) {}) {
  return changed(
      [&](LegRecord& record) {
        Effect opened = effect(caller, as_bob, "/srv/inbox/log.3002", 7, 0);
        opened.sequence = record.calls[0].first + 1;
        record.effects.push_back(opened);
        for (State* state : {&record.calls[0].after, &record.calls[1].before, &record.calls[1].after}) {
          state->descriptors.emplace_back("7 /srv/inbox/log.3002");
          state->standing[7] = {state == &record.calls[1].after ? 20 : 10, 1000};
        }
        change(record);
      },
      {"bob", "alice"}, "after-bob");
}

TEST(Descriptor, opened_for_one_user_and_used_for_another_is_leaked) {
  expect_first(used_on(), "leaked", "descriptor", "B404");
  EXPECT_EQ(first_of(used_on()).got_user, "bob");
}

TEST(Descriptor, opened_for_one_user_and_written_for_another_at_a_place_of_its_own_is_leaked) {
  const Verdict verdict = used_on([](LegRecord& record) { record.calls[1].after.standing[7] = {10, 2000}; });
  expect_first(verdict, "leaked", "descriptor", "B404");
}

TEST(Descriptor, opened_for_one_user_is_no_finding_where_it_is_not_used_or_not_that_user_s) {
  const std::function<void(LegRecord&)> harmless[] = {
      [](LegRecord& record) { record.calls[1].after.standing[7].position = 10; },  // not used
      [](LegRecord& record) { record.calls[1].after.descriptors.pop_back(); },     // closed, and the number used again
      [](LegRecord& record) { record.effects.back().as = service; },               // opened as the service
      [](LegRecord& record) { record.effects.back().object = "/etc/localtime"; },  // another opening, nobody's
  };
  for (const auto& change : harmless)
    EXPECT_THAT(kinds(used_on(change)), Not(Contains("leaked"))) << (&change - harmless);
}

TEST(Outcome_of_a_call, that_names_the_spare_account_is_blunted) {
  for (const char* output : {"owner 3009\n", "owner shield\n"}) {
    const Verdict verdict = changed([&](LegRecord& record) { record.calls[0].output = output; });
    expect_first(verdict, "blunted", "real-id", "B601");
  }
}

TEST(Outcome_of_a_call, of_the_service_afterwards_is_judged_too) {
  const Verdict verdict = changed([](LegRecord& record) { record.calls[1].output = answer_of("alice"); },
                                  {"alice", "root"}, "service-after");
  EXPECT_EQ(verdict.answer, Answer::fails);
  ASSERT_THAT(verdict.findings, Not(IsEmpty()));
  EXPECT_EQ(first_of(verdict).expected_user, "root");
  EXPECT_EQ(first_of(verdict).got_user, "alice");
  EXPECT_EQ(first_of(verdict).kind, "leaked");
}

TEST(Outcome_of_a_call, whose_output_was_not_read_is_not_wrong_and_not_said_to_work) {
  const auto unread = [](LegRecord& record) {
    record.calls[1].output.clear();
    record.calls[1].output_known = false;
  };
  EXPECT_EQ(changed(unread, {"alice", "bob"}, "after-idle").answer, Answer::unclear);
  // It was not since the leg was over before: that is what is wrong.
  const Verdict verdict = changed(
      [&](LegRecord& record) {
        unread(record);
        record.crash = Crash{"did not return within 10 s", 2, {}};
      },
      {"alice", "bob", "alice"}, "after-idle");
  EXPECT_EQ(kinds(verdict), std::vector<std::string>{"crashed"});
}

TEST(Outcome_of_a_call, that_could_not_be_attributed_is_judged_by_what_it_returned_alone) {
  const auto unknown = [](int returned) {
    return [returned](LegRecord& record) {
      record.calls[0].output = "mixed";
      record.calls[0].output_known = false;
      record.calls[0].returned = returned;
    };
  };
  EXPECT_EQ(changed(unknown(0), {"alice", "bob"}, "concurrent").answer, Answer::works);
  EXPECT_EQ(changed(unknown(5), {"alice", "bob"}, "concurrent").answer, Answer::fails);
}

// ---------------------------------------------------------------------------------------------------------------
// (2) the effects

TEST(Effect_of_a_call, done_as_the_service_is_lost_where_the_thread_was_there_before_it_is_a_queue_s) {
  const Verdict verdict =
      changed([](LegRecord& record) { record.effects.push_back(effect(worker, service, own_note)); });
  expect_first(verdict, "lost", "queue", "B102");
  const Finding finding = first_of(verdict);
  ASSERT_TRUE(finding.effect);
  EXPECT_EQ(finding.effect->object, own_note);
  EXPECT_EQ(first_of(verdict).got_user, "root");
  EXPECT_EQ(first_of(verdict).expected_user, "alice");
  EXPECT_EQ(first_of(verdict).leg, "cold");
}

TEST(Effect_of_a_call, done_as_another_user_is_leaked) {
  const Verdict verdict = changed([](LegRecord& record) { record.effects[0].as = as_bob; });
  expect_first(verdict, "leaked", "call", "B001");
  EXPECT_EQ(first_of(verdict).got_user, "bob");
}

TEST(Effect_of_a_call, done_as_the_spare_account_is_blunted) {
  expect_first(changed([](LegRecord& record) { record.effects[0].as = spare; }), "blunted", "call", "B001");
}

TEST(Effect_of_a_call, done_with_other_groups_is_not_the_user_s) {
  const Verdict verdict = changed([](LegRecord& record) { record.effects[0].as = alice_other_groups; });
  EXPECT_EQ(verdict.answer, Answer::fails);
  ASSERT_THAT(verdict.findings, Not(IsEmpty()));
  EXPECT_EQ(first_of(verdict).got_user, "alice with other groups");
}

TEST(Effect_of_a_call, judged_by_the_real_id_is_judged_by_it_here_too) {
  const auto by = [](Decides decides) {
    return changed([decides](LegRecord& record) {
      record.effects[0].as = half_alice;
      record.effects[0].decides = decides;
    });
  };
  EXPECT_EQ(by(Decides::fs).answer, Answer::works);
  EXPECT_EQ(by(Decides::effective).answer, Answer::works);
  expect_first(by(Decides::real), "lost", "real-id", "B601");
  expect_first(by(Decides::sender), "lost", "real-id", "B601");
  expect_first(by(Decides::program), "lost", "child", "B301");
}

TEST(Effect_of_a_call, by_a_thread_that_it_made_or_a_child_is_blamed_on_their_making) {
  expect_first(changed([](LegRecord& record) { record.effects.push_back(effect(fresh_thread, service, own_note)); }),
               "lost", "thread", "B101");
  const Verdict verdict =
      changed([](LegRecord& record) { record.effects.push_back(effect(child, service, own_note)); });
  expect_first(verdict, "lost", "child", "B301");
  EXPECT_EQ(first_of(verdict).handoff, "clone");
  EXPECT_EQ(first_of(verdict).certainty, "structural");
}

TEST(Effect_of_a_call, by_a_ring_is_blamed_on_it) {
  expect_first(changed([](LegRecord& record) {
                 record.effects[0].as = service;
                 record.effects[0].by_ring = true;
               }),
               "lost", "async-io", "B201");
}

TEST(Effect_of_a_call, that_was_refused_to_the_user_but_not_to_the_oracle_is_denied) {
  const Verdict verdict = changed([](LegRecord& record) { record.effects[0].result = -EACCES; });
  expect_first(verdict, "denied", "call", "B001");
  EXPECT_EQ(first_of(verdict).expected_outcome, "ok");
  EXPECT_EQ(first_of(verdict).got_outcome, "EACCES");
  const Finding finding = first_of(verdict);
  ASSERT_TRUE(finding.effect);
  EXPECT_EQ(finding.effect->error, EACCES);
}

TEST(Effect_of_a_call, that_was_refused_below_a_kept_directory_is_blamed_on_it) {
  expect_first(changed(
                   [](LegRecord& record) {
                     Effect refused = effect(caller, as_alice, "/home/bob/note.txt", -EACCES, 1);
                     refused.sequence = record.calls[1].first + 1;
                     refused.through = 7;
                     record.effects.push_back(refused);
                     record.calls[1].before.descriptors.emplace_back("7 /home/bob");
                   },
                   {"bob", "alice"}, "after-bob"),
               "denied", "descriptor", "B404");
}

TEST(Effect_of_a_call, that_a_fresh_service_is_refused_too_is_not_blamed_on_what_was_kept) {
  LegRecord cold = leg("cold", {"alice"});
  cold.effects[0].result = -EACCES;
  LegRecord warm = leg("warm", {"root", "alice"});
  warm.effects[1].result = -EACCES;
  const Verdict verdict = verdict_of({cold, warm});
  expect_first(verdict, "denied", "call", "B001");
  EXPECT_EQ(verdict.findings.size(), 1U);
  expect_first(verdict_of({leg("cold", {"alice"}), warm}), "denied", "cache", "B401");
}

TEST(Effect_of_a_call, by_the_child_of_a_worker_that_was_wrong_already_is_blamed_on_the_worker) {
  const auto by_child = [](CredentialsTable::Id born_as) {
    return changed([born_as](LegRecord& record) {
      record.threads[child].parent = worker;
      record.threads[child].born_as = born_as;
      record.effects.push_back(effect(child, service, own_note));
    });
  };
  EXPECT_EQ(first_of(by_child(service)).hop, "queue");
  EXPECT_EQ(first_of(by_child(as_alice)).hop, "child");  // it went astray after it was made
  // Nor is it the worker's doing where the child has changed who it is.
  const Verdict half = changed([](LegRecord& record) {
    record.threads[child].parent = worker;
    record.effects.push_back(effect(child, alice_other_groups, own_note));
  });
  EXPECT_EQ(first_of(half).hop, "child");
}

TEST(Effect_of_a_call, that_was_refused_to_the_oracle_too_is_right) {
  EXPECT_EQ(verdict_of({leg("after-bob", {"bob", "alice"})}).answer, Answer::works);
}

TEST(Effect_of_a_call, on_a_public_file_is_right_whoever_does_it) {
  EXPECT_EQ(changed([](LegRecord& record) { record.effects.push_back(effect(worker, service, "/etc/passwd")); }).answer,
            Answer::works);
  EXPECT_EQ(changed([](LegRecord& record) {
              record.effects.push_back(effect(worker, service, "/etc/passwd"));
              record.effects.back().reads = false;
            }).answer,
            Answer::fails);
}

TEST(Effect_of_no_call, is_wrong_only_when_it_is_neither_user_s_while_calls_run) {
  const auto with = [](CredentialsTable::Id as, std::uint64_t sequence) {
    return changed(
        [=](LegRecord& record) {
          record.effects.push_back(effect(worker, as, "/srv/inbox/x", 3, -1));
          record.effects.back().sequence = sequence;
          record.effects.back().reads = false;
        },
        {"alice", "bob"}, "concurrent");
  };
  EXPECT_EQ(with(as_alice, 105).answer, Answer::works);
  EXPECT_EQ(with(as_bob, 105).answer, Answer::works);
  expect_first(with(service, 105), "lost", "queue", "B102");
  EXPECT_EQ(with(service, 5).answer, Answer::works) << "before any call";
}

// ---------------------------------------------------------------------------------------------------------------
// (3) what is left

TEST(State_after_a_call, with_a_caller_of_another_identity_is_lingering) {
  expect_first(changed([](LegRecord& record) { record.calls[0].after.threads[1].as = as_alice; }), "lingering", "call",
               "B001");
  expect_first(changed([](LegRecord& record) { record.calls[0].worn_at_return = alice_herself; }), "lingering", "call",
               "B001");
}

TEST(State_after_a_call, with_a_worker_that_kept_an_identity_is_lingering) {
  expect_first(changed([](LegRecord& record) { record.calls[0].after.threads[2].as = as_alice; }), "lingering", "queue",
               "B102");
}
TEST(State_after_a_call, with_another_thread_s_identity_changed_by_the_c_library_is_broadcast) {
  expect_first(changed([](LegRecord& record) {
                 record.calls[0].after.threads[2].as = as_alice;
                 record.identity_calls.push_back({105, worker, 0, "setresuid", true});
               }),
               "broadcast", "broadcast", "B701");
}

TEST(State_after_a_call, with_a_thread_of_the_user_left_is_lingering) {
  expect_first(changed([](LegRecord& record) {
                 record.calls[0].after.threads.push_back({fresh_thread, as_alice});
               }),
               "lingering", "thread", "B101");
  EXPECT_EQ(changed([](LegRecord& record) {
              record.calls[0].after.threads.push_back({fresh_thread, service});
            }).answer,
            Answer::works);
}

TEST(State_after_a_call, with_a_child_that_is_half_the_user_is_lingering_and_one_that_is_wholly_is_right) {
  EXPECT_EQ(changed([](LegRecord& record) {
              record.calls[0].after.threads.push_back({child, alice_herself});
            }).answer,
            Answer::works);
  expect_first(changed([](LegRecord& record) {
                 record.calls[0].after.threads.push_back({child, as_alice});
               }),
               "lingering", "child", "B301");
  EXPECT_EQ(changed([](LegRecord& record) {
              record.calls[0].after.threads.push_back({child, bob_himself});
            }).answer,
            Answer::fails);
}

TEST(State_after_a_call, with_a_child_that_kept_of_the_service_s_is_lingering) {
  for (const auto& [as, left] : {std::pair{alice_saved_gid, "saved gid 0"}, {alice_capable, "capabilities"}}) {
    const Verdict verdict = changed([as = as](LegRecord& record) {
      record.calls[0].after.threads.push_back({child, as});
    });
    expect_first(verdict, "lingering", "child", "B301");
    EXPECT_THAT(in_words(first_of(verdict)), HasSubstr(left));
  }
}

TEST(Effect_of_a_call, done_as_the_user_for_good_with_something_of_the_service_s_left_is_lingering) {
  for (const auto& [as, left] : {std::pair{alice_saved_gid, "saved gid 0"}, {alice_capable, "capabilities"}}) {
    const auto act = [as = as](LegRecord& record) { record.effects.push_back(effect(child, as, own_note)); };
    const Verdict verdict = changed(act);
    expect_first(verdict, "lingering", "child", "B301");
    EXPECT_THAT(in_words(first_of(verdict)), HasSubstr(left));
    // The user's own run did so too: in a program that may, by its file's set-group-ID bit.
    Oracles from = oracles();
    act(from["alice"][0]);
    LegRecord record = leg("cold", {"alice"});
    act(record);
    EXPECT_EQ(verdict_of({record}, from).answer, Answer::works);
  }
  EXPECT_EQ(changed([](LegRecord& record) { record.effects.push_back(effect(child, alice_herself, own_note)); }).answer,
            Answer::works);
}

TEST(Identity_call_in_all_threads, is_broadcast_even_when_it_was_taken_back) {
  expect_first(changed([](LegRecord& record) {
                 record.identity_calls.push_back({105, worker, 0, "setresuid", true});
               }),
               "broadcast", "broadcast", "B701");
  EXPECT_EQ(changed([](LegRecord& record) {
              record.identity_calls.push_back({5, worker, -1, "setresuid", true});
            }).answer,
            Answer::works);
}

struct Alteration {
  const char* name;
  void (*change)(State&);
  const char* now;
};
class State_of_the_process : public ::testing::TestWithParam<Alteration> {};
TEST_P(State_of_the_process, that_is_not_what_it_was_is_altered) {
  const Verdict verdict = changed([](LegRecord& record) { GetParam().change(record.calls[0].after); });
  expect_first(verdict, "altered", "process-state", "B702");
  EXPECT_THAT(first_of(verdict).got_outcome, HasSubstr(GetParam().now));
}
INSTANTIATE_TEST_SUITE_P(
    , State_of_the_process,
    ::testing::Values(Alteration{"directory", [](State& s) { s.directory = "/srv"; }, "/srv"},
                      Alteration{"mask", [](State& s) { s.mask = "0077"; }, "0077"},
                      Alteration{"environment", [](State& s) { s.environment += "A=b\n"; }, "A=b"},
                      Alteration{"variable_gone", [](State& s) { s.environment = "HOME=/root\n"; },
                                 "the environment is"},
                      Alteration{"limits", [](State& s) { s.limits = "Max open files 100\nMax processes 100"; },
                                 "Max open files 100"},
                      Alteration{"ignored", [](State& s) { s.ignored = "8"; }, "ignored"},
                      Alteration{"caught", [](State& s) { s.caught = "8"; }, "handled"}),
    [](const auto& one) { return one.param.name; });

TEST(Shared_state, that_was_put_back_before_the_call_ended_is_altered_where_another_thread_had_it) {
  const auto seen = [](int window) {
    return changed([=](LegRecord& record) {
      record.shared_changes.push_back({103, caller, window, "the umask", "0022", "0000", {}});
    });
  };
  const Verdict verdict = seen(0);
  expect_first(verdict, "altered", "process-state", "B702");
  EXPECT_EQ(first_of(verdict).got_outcome, "the umask is 0000 while the call runs");
  EXPECT_EQ(first_of(verdict).expected_outcome, "the umask stays 0022");
  EXPECT_EQ(first_of(verdict).sequence, 103U);
  EXPECT_EQ(seen(-1).answer, Answer::works) << "in no call";
}

TEST(Shared_state, that_was_seen_being_changed_and_stays_so_is_said_once) {
  const Verdict verdict = changed([](LegRecord& record) {
    record.shared_changes.push_back({103, caller, 0, "the umask", "0022", "0000", {}});
    record.calls[0].after.mask = "0000";
  });
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_EQ(first_of(verdict).got_outcome, "the umask is 0000");
}

TEST(State_after_a_call, with_a_descriptor_more_is_no_change) {
  EXPECT_EQ(changed([](LegRecord& record) { record.calls[0].after.descriptors.emplace_back("9 /srv/inbox/x"); }).answer,
            Answer::works);
}

// ---------------------------------------------------------------------------------------------------------------
// (4) what the oracle may not do

TEST(Effect_of_a_call, that_the_oracle_was_refused_and_the_user_was_not_is_lost) {
  const Verdict verdict = changed([](LegRecord& record) { record.effects[0].result = 3; }, {"bob"}, "cold");
  expect_first(verdict, "lost", "call", "B001");
  EXPECT_EQ(first_of(verdict).expected_outcome, "EACCES");
  EXPECT_EQ(first_of(verdict).got_outcome, "ok");
}

// ---------------------------------------------------------------------------------------------------------------
// Ends, doubts, order

TEST(Service_that_ends, is_a_crash_with_what_was_expected) {
  const Verdict verdict = changed([](LegRecord& record) {
    record.crash = Crash{"killed by signal 11 (Segmentation fault)", 0, {}};
    record.calls[0].ended = false;
    record.calls[0].after = {};
  });
  expect_first(verdict, "crashed", "call", "B901");
  EXPECT_THAT(first_of(verdict).got_outcome, HasSubstr("signal 11"));
  EXPECT_THAT(first_of(verdict).expected_outcome, HasSubstr("note of alice"));
  EXPECT_THAT(verdict.findings, SizeIs(1));
}

TEST(Verdict, is_unclear_when_an_oracle_does_not_agree_with_itself) {
  for (const char* user : {"alice", "bob"}) {
    Oracles from = oracles();
    from[user][1].calls[1].returned = 77;
    const Verdict verdict = verdict_of({leg("cold", {"alice"})}, from);
    EXPECT_EQ(verdict.answer, Answer::unclear) << user;
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr("do not agree"))) << user;
  }
}

TEST(Verdict, is_unclear_when_no_two_answers_are_alike_and_the_service_s_is_one_of_them) {
  Oracles from = oracles();
  long number = 1000;
  for (auto& [user, runs] : from)
    for (LegRecord& run : runs)
      for (Call& call : run.calls) call.returned = ++number;
  LegRecord record = leg("warm", {"root", "alice"});
  record.calls[0].returned = ++number;
  record.calls[1].returned = ++number;
  EXPECT_EQ(verdict_of({record}, from).answer, Answer::unclear);
}

TEST(Verdict, is_unclear_when_a_leg_could_not_be_run) {
  const Verdict verdict = changed([](LegRecord& record) { record.error = "no more processes"; });
  EXPECT_EQ(verdict.answer, Answer::unclear);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("no more processes")));
}

TEST(Verdict, is_unclear_when_something_was_not_seen) {
  EXPECT_EQ(changed([](LegRecord& record) {
              record.problems.emplace_back("requests of an io_uring could not be read");
            }).answer,
            Answer::unclear);
  Oracles from = oracles();
  from["bob"][0].problems.emplace_back("CLONE_UNTRACED");
  EXPECT_EQ(verdict_of({leg("cold", {"alice"})}, from).answer, Answer::unclear);
}

TEST(Verdict, is_unclear_when_an_oracle_could_not_be_run_or_was_not) {
  Oracles from = oracles();
  from["alice"][1].error = "no memory";
  EXPECT_EQ(verdict_of({leg("cold", {"alice"})}, from).answer, Answer::unclear);
  from = oracles();
  from["alice"].clear();
  EXPECT_EQ(verdict_of({leg("cold", {"alice"})}, from).answer, Answer::unclear);
  from = oracles();
  from.erase("alice");
  EXPECT_EQ(verdict_of({leg("cold", {"alice"})}, from).answer, Answer::unclear) << "no oracle of alice at all";
}

TEST(Verdict, is_unclear_when_an_oracle_s_call_did_not_end) {
  Oracles from = oracles();
  for (LegRecord& run : from["alice"])
    for (Call& call : run.calls) call.ended = false;
  LegRecord record = leg("cold", {"alice"});
  record.calls[0].ended = false;
  EXPECT_NE(verdict_of({record}, from).answer, Answer::works);
}

TEST(Verdict, is_unclear_when_the_process_never_came_to_rest) {
  EXPECT_EQ(changed([](LegRecord& record) { record.calls[0].settled = false; }).answer, Answer::unclear);
}

TEST(Verdict, is_unclear_when_a_call_was_never_made) {
  EXPECT_NE(changed([](LegRecord& record) {
              record.calls[0].begun = record.calls[0].ended = false;
              record.effects.clear();
            }).answer,
            Answer::works);
}

TEST(Verdict, is_unclear_when_no_leg_was_run) {
  EXPECT_NE(verdict_of({}).answer, Answer::works);
}

TEST(Verdict, fails_in_spite_of_doubts_where_something_was_seen_to_go_wrong) {
  const Verdict verdict = changed([](LegRecord& record) {
    record.problems.emplace_back("something was not seen");
    record.effects[0].as = as_bob;
  });
  EXPECT_EQ(verdict.answer, Answer::fails);
  EXPECT_THAT(verdict.reasons, SizeIs(1));
}

TEST(First_finding, is_the_first_divergence_and_its_answer_is_folded_below_it) {
  const Verdict verdict = changed([](LegRecord& record) {
    record.effects.push_back(effect(worker, service, "/srv/inbox/later"));
    record.effects.back().sequence = 107;
    record.effects.back().call = "unlink";
    record.effects[0].as = as_bob;  // at 105
    record.calls[0].output = "nonsense\n";
  });
  ASSERT_THAT(verdict.findings, SizeIs(2));
  EXPECT_EQ(first_of(verdict).kind, "leaked");
  EXPECT_EQ(first_of(verdict).folded, 1);
  EXPECT_EQ(verdict.findings[1].kind, "lost");
}

TEST(Same_divergence, in_other_legs_is_counted_and_not_repeated) {
  std::vector<LegRecord> legs = {leg("cold", {"alice"}), leg("warm", {"root", "alice"}),
                                 leg("after-bob", {"bob", "alice"})};
  for (LegRecord& record : legs) record.effects.back().as = service;
  const Verdict verdict = verdict_of(legs);
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_EQ(first_of(verdict).leg, "cold");
  EXPECT_EQ(first_of(verdict).folded, 2);
  for (const LegSummary& summary : verdict.legs) EXPECT_FALSE(summary.same) << summary.name;
}

// Who suppresses a finding must still be told what was folded into it and is not its outcome.
TEST(Folded_finding, that_is_more_than_an_outcome_is_kept_once_of_each_place) {
  const Verdict verdict = changed([](LegRecord& record) {
    record.effects[0].as = service;
    for (const char* call : {"connect", "connect", "openat", "unlink"}) {
      record.effects.push_back(effect(caller, service, "/srv/inbox/x"));
      record.effects.back().sequence = 106;
      record.effects.back().call = call;
    }
    record.calls[0].output = "nonsense\n";
    record.calls[0].after.mask = "0077";
  });
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_EQ(first_of(verdict).folded, 6);
  std::vector<std::string> within;
  for (const Finding& finding : first_of(verdict).within)
    within.push_back(finding.effect ? finding.effect->call : finding.kind);
  EXPECT_THAT(within, ::testing::UnorderedElementsAre("connect", "unlink", "altered"));
}

TEST(Folded_finding, of_another_function_is_kept_and_of_one_that_is_not_known_is_not) {
  LegRecord record = leg("cold", {"alice"});
  record.effects.clear();
  for (const std::uint64_t offset : {1, 1, 2, 2, 0}) {
    record.effects.push_back(effect(caller, service, own_note));
    record.effects.back().sequence = 105;
    if (offset > 0) record.effects.back().stack = {{"/x/libmine.so", offset}};
  }
  Symbolizer symbolizer({}, [](const Frame& place) {
    return std::vector<NamedFrame>{{"f" + std::to_string(place.offset), place.module, "", 0, 0}};
  });
  const Verdict verdict = judge(oracles(), {record}, "full", symbolizer, {});
  ASSERT_THAT(verdict.findings, SizeIs(1));
  EXPECT_EQ(first_of(verdict).folded, 4);
  ASSERT_THAT(first_of(verdict).within, SizeIs(1));
  EXPECT_EQ(first_of(verdict).within[0].stack[0].function, "f2");
}

TEST(Noise, that_differs_between_the_oracles_is_not_judged) {
  Oracles from = oracles();
  int pid = 1000;
  for (auto& [user, runs] : from)
    for (LegRecord& run : runs)
      for (Call& call : run.calls) call.output = "pid " + std::to_string(++pid) + " user " + user + "\n";
  LegRecord record = leg("cold", {"alice"});
  record.calls[0].output = "pid 77 user alice\n";
  EXPECT_EQ(verdict_of({record}, from).answer, Answer::works);
  record.calls[0].output = "pid 77 user bob\n";
  EXPECT_EQ(verdict_of({record}, from).answer, Answer::fails);
}

}  // namespace
}  // namespace behalf::tool::testing
