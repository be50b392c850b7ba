// What a picture makes of a leg's record.
#include "report/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace behalf::tool {
namespace {

using testing::ElementsAre;

constexpr CredentialsTable::Id as_root = 0, as_alice = 1;

// A service that made a helper, and then called once as alice; the helper acted in the call.
LegRecord record() {
  LegRecord leg;
  leg.name = "cold";
  leg.credentials.push_back({{0, 0, 0, 0}, {0, 0, 0, 0}, {0}, 0, 0});
  leg.credentials.push_back({{3001, 3001, 0, 3001}, {3001, 3001, 0, 3001}, {3001, 3100}, 0, 0});
  const auto born = [&](pid_t process, int parent, Birth birth, std::uint64_t sequence) {
    Thread thread;
    thread.number = static_cast<int>(leg.threads.size());
    thread.process = process;
    thread.parent = parent;
    thread.birth = birth;
    thread.born = sequence;
    leg.threads.push_back(thread);
  };
  born(1, -1, Birth::first, 1);  // the stage
  born(2, 0, Birth::fork, 2);    // the service
  born(2, 1, Birth::thread, 3);  // its helper
  born(2, 1, Birth::thread, 4);  // the caller
  Call call;
  call.user = "alice";
  call.caller = 3;
  call.begun = call.ended = true;
  call.first = 10;
  call.last = 20;
  call.worn_at_begin = call.worn_at_return = as_alice;
  call.before.threads = {{1, as_root}, {2, as_root}, {3, as_root}};
  call.after.threads = call.before.threads;
  leg.calls.push_back(call);
  return leg;
}

Effect opens(int thread, std::uint64_t sequence, CredentialsTable::Id as, int window = 0) {
  Effect effect;
  effect.thread = thread;
  effect.sequence = sequence;
  effect.as = as;
  effect.window = window;
  effect.call = "openat";
  effect.object = "/home/alice/note.txt";
  effect.decides = Decides::fs;
  effect.finished = true;
  return effect;
}

std::vector<std::string> worn(const Lane& lane) {
  std::vector<std::string> names;
  for (const Stretch& stretch : lane.stretches) names.push_back(stretch.who);
  return names;
}

TEST(Picture, Has_a_lane_for_each_thread_of_the_service_and_none_for_the_stage) {
  const LegRecord leg = record();
  const Picture picture = picture_of(leg, {});
  std::vector<std::string> names;
  for (const Lane& lane : picture.lanes) names.push_back(lane.name);
  EXPECT_THAT(names, ElementsAre("service, main thread", "thread 2", "caller"));
  ASSERT_EQ(picture.arrows.size(), 2u);
  EXPECT_EQ(picture.arrows[0].from, 0u);
  EXPECT_EQ(picture.arrows[0].to, 1u);
}

TEST(Picture, A_stretch_lasts_while_the_identity_does) {
  const LegRecord leg = record();
  const Picture picture = picture_of(leg, {});
  EXPECT_THAT(worn(picture.lanes[1]), ElementsAre("root"));
  EXPECT_THAT(worn(picture.lanes[2]), ElementsAre("root", "alice", "root"));
  const auto& stretches = picture.lanes[2].stretches;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    EXPECT_LT(stretches[i].begin, stretches[i].end);
    EXPECT_GE(stretches[i].begin, i > 0 ? stretches[i - 1].end : 0);
  }
}

TEST(Picture, Who_was_not_looked_at_is_not_said_to_be_anybody) {
  LegRecord leg = record();
  leg.calls[0].after.threads.clear();  // as in the concurrent leg
  const Picture picture = picture_of(leg, {});
  EXPECT_THAT(worn(picture.lanes[2]), ElementsAre("root", "alice"));
  EXPECT_LT(picture.lanes[2].stretches.back().end, picture.end);
}

TEST(Picture, An_effect_of_somebody_else_is_astray_and_the_users_own_is_not) {
  LegRecord leg = record();
  leg.effects = {opens(3, 11, as_alice), opens(2, 12, as_root)};
  const Picture picture = picture_of(leg, {});
  ASSERT_EQ(picture.lanes[1].deeds.size(), 1u);
  ASSERT_EQ(picture.lanes[2].deeds.size(), 1u);
  EXPECT_TRUE(picture.lanes[1].deeds[0].astray);
  EXPECT_EQ(picture.lanes[1].deeds[0].wanted, "alice");
  EXPECT_FALSE(picture.lanes[2].deeds[0].astray);
}

TEST(Picture, What_the_service_does_between_calls_is_its_own) {
  LegRecord leg = record();
  leg.effects = {opens(2, 5, as_root, -1), opens(2, 12, as_root, -1)};
  const Picture picture = picture_of(leg, {});
  ASSERT_EQ(picture.lanes[1].deeds.size(), 1u);
  EXPECT_EQ(picture.lanes[1].deeds[0].effect->sequence, 12u);
}

TEST(Picture, A_finding_is_at_its_effect_or_else_at_the_caller) {
  LegRecord leg = record();
  leg.effects = {opens(2, 12, as_root), opens(2, 13, as_root)};
  Finding astray, wrong, elsewhere;
  astray.leg = wrong.leg = "cold";
  elsewhere.leg = "warm";
  astray.sequence = 13;
  astray.effect = Finding::On{"openat", "/home/alice/note.txt", 0, ""};
  wrong.call = 0;
  wrong.sequence = 20;
  const std::vector<Finding> findings = {astray, wrong, elsewhere};
  const Picture picture = picture_of(leg, findings);
  EXPECT_EQ(picture.lanes[1].deeds[0].finding, nullptr);
  EXPECT_EQ(picture.lanes[1].deeds[1].finding, &findings[0]);
  ASSERT_EQ(picture.troubles.size(), 1u);
  EXPECT_EQ(picture.troubles[0].finding, &findings[1]);
  EXPECT_EQ(picture.lanes[picture.troubles[0].lane].name, "caller");
}

TEST(Picture, A_leg_that_was_not_run_has_no_picture) {
  LegRecord leg;
  EXPECT_TRUE(picture_of(leg, {}).lanes.empty());
  leg.calls.emplace_back().user = "alice";
  EXPECT_TRUE(picture_of(leg, {}).lanes.empty());
}

TEST(Picture, Names_a_user_whose_groups_are_not_hers) {
  EXPECT_EQ(name_of({{3001, 3001, 0, 3001}, {3001, 3001, 0, 3001}, {3001, 3100}, 0, 0}), "alice");
  EXPECT_EQ(name_of({{3001, 3001, 0, 3001}, {3001, 3001, 0, 3001}, {3001}, 0, 0}), "alice with other groups");
  EXPECT_EQ(name_of({{0, 0, 0, 77}, {0, 0, 0, 0}, {0}, 0, 0}), "uid 77");
}

}  // namespace
}  // namespace behalf::tool
