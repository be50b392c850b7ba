// What stands in a channel, and whose of it is taken.
#include "trace/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace behalf::tool::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Giver by(int thread, std::uint64_t sequence = 0) {
  return {thread, 0, {{"place of " + std::to_string(thread), 0}}, sequence};
}

std::vector<int> threads(const std::vector<Giver>& givers) {
  std::vector<int> numbers;
  for (const Giver& giver : givers) numbers.push_back(giver.thread);
  return numbers;
}

TEST(Channel, gives_bytes_by_position) {
  Channel channel;
  channel.give(by(1), 4);
  channel.give(by(2), 4);
  EXPECT_THAT(threads(channel.take_next(4)), ElementsAre(1));
  EXPECT_THAT(threads(channel.take_next(4)), ElementsAre(2));
  EXPECT_THAT(threads(channel.take_next(4)), IsEmpty());
}

TEST(Channel, names_all_whose_bytes_are_taken_at_once_and_each_once) {
  Channel channel;
  channel.give(by(1, 10), 2);
  channel.give(by(2, 11), 2);
  channel.give(by(1, 12), 2);
  const auto givers = channel.take_next(6);
  EXPECT_THAT(threads(givers), ElementsAre(1, 2));
  EXPECT_EQ(givers.front().sequence, 12u);  // the last time
}

TEST(Channel, keeps_what_was_not_taken_whole) {
  Channel channel;
  channel.give(by(1), 8);
  EXPECT_THAT(threads(channel.take_next(3)), ElementsAre(1));
  EXPECT_THAT(threads(channel.take_next(5)), ElementsAre(1));
  EXPECT_THAT(threads(channel.take_next(1)), IsEmpty());
}

TEST(Channel, takes_back_what_a_call_did_not_give_after_all) {
  Channel channel;
  channel.give(by(1, 5), 8);
  channel.correct(5, 2);
  channel.give(by(2, 6), 2);
  channel.correct(7, 0);  // of nobody
  channel.give(by(3, 8), 2);
  channel.correct(8, 0);
  EXPECT_THAT(threads(channel.take_next(2)), ElementsAre(1));
  EXPECT_THAT(threads(channel.take_all()), ElementsAre(2));
}

TEST(Channel, of_messages_without_order_says_all_that_it_may_have_been) {
  Channel channel;
  channel.give(by(1), 1);
  channel.give(by(2), 1);
  EXPECT_THAT(threads(channel.take_any(1)), ElementsAre(1, 2));
}

TEST(Channel, of_a_timer_keeps_who_armed_it_last) {
  Channel channel;
  channel.give(by(1), 1);
  channel.give(by(2), 1);
  EXPECT_THAT(threads(channel.look()), ElementsAre(2));
  EXPECT_THAT(threads(channel.look()), ElementsAre(2));
  channel.forget();
  EXPECT_THAT(threads(channel.look()), IsEmpty());
}

TEST(Channel, has_its_kind_in_front) {
  EXPECT_EQ(kind_of_channel("pipe:1:2"), "pipe");
  EXPECT_EQ(kind_of_channel("socket:[7]"), "socket");
  EXPECT_EQ(kind_of_channel(""), "");
}

}  // namespace
}  // namespace behalf::tool::testing
