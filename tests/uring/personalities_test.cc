// The numbers by which the kernel knows identities: made once, kept, recycled, and never another's.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <future>

#include "behalf/uring.h"
#include "looks.h"
#include "place_for_files.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using uring::Result;

constexpr uid_t first_user = 20000;

Token user(std::size_t number) {
  const auto id = static_cast<uid_t>(first_user + number);
  return Token::from_ids(id, id, {id});
}

std::string name_of(std::size_t number) {
  return "file " + std::to_string(number);
}

uring::Request made(const PlaceForFiles& place, std::size_t number) {
  return uring::open(place.file(name_of(number)), O_CREAT | O_EXCL | O_WRONLY, 0600);
}

// In one batch a file of each user's.
void make_files(uring::Ring& ring, const PlaceForFiles& place, std::size_t users) {
  uring::Batch batch;
  for (std::size_t i = 0; i < users; ++i) batch.add(user(i), made(place, i));
  ring.run(batch);
  for (std::size_t i = 0; i < users; ++i) ::close(batch[i].value());
}

TEST(An_identity, is_made_known_once_and_then_costs_nothing) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Ring ring({.threads = 1});
              for (int i = 0; i < 100; ++i) {
                for (std::size_t who : {0U, 1U, 2U}) (void)ring.run(user(who), uring::timeout(0ms));
                (void)ring.run(as_service, uring::timeout(0ms));
              }
              must_equal(ring.counts().personalities_made, std::uint64_t{4}, "made: the service's, and the users'");
              must_equal(ring.counts().personalities, std::size_t{4}, "known");
            }),
            "");
}

TEST(Another_token_of_the_same_user, is_another_identity) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring({.threads = 1});
              const Token without = Token::from_ids(alice_id, alice_id, {alice_id});
              const auto made_by = [&](const Token& token, std::size_t number) {
                ::close(ring.run(token, made(place, number)).value());
                return ring
                    .run(token, uring::renameat(AT_FDCWD, place.file(name_of(number)), AT_FDCWD,
                                                place.file("of devs/" + name_of(number))))
                    .error_number();
              };
              must(::mkdir(place.file("of devs").c_str(), 0700) == 0, "mkdir");
              must(::chown(place.file("of devs").c_str(), 0, devs) == 0, "chown");
              must(::chmod(place.file("of devs").c_str(), 0770) == 0, "chmod");
              must_equal(made_by(alice(), 1), 0, "alice, who is in devs");
              must_equal(made_by(without, 2), EACCES, "alice without the group");
              must_equal(made_by(alice(), 3), 0, "alice with it again");
            }),
            "");
}

TEST(The_longest_unused_identity, is_given_up_where_there_is_no_room) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Ring ring({.personalities = 2, .threads = 1});
              const auto use = [&](std::size_t who) { (void)ring.run(user(who), uring::timeout(0ms)); };
              use(0);
              use(1);
              use(0);
              use(2);  // in the place of 1
              use(0);
              must_equal(ring.counts().personalities_made, std::uint64_t{4}, "made");
              must_equal(ring.counts().personalities_dropped, std::uint64_t{1}, "given up");
              use(1);
              must_equal(ring.counts().personalities_made, std::uint64_t{5}, "made again");
              must_equal(ring.counts().personalities, std::size_t{3}, "known, the service's among them");
            }),
            "");
}

TEST(More_users_than_there_is_room_for, are_each_themselves_also_in_one_batch) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring({.personalities = 3, .threads = 1});
              make_files(ring, place, 50);
              for (std::size_t i = 0; i < 50; ++i) {
                must_equal(place.owner(name_of(i)), static_cast<long>(first_user + i), "owner");
              }
              must_equal(ring.counts().personalities, std::size_t{4}, "known, the service's among them");
            }),
            "");
}

// The kernel takes hold of the credentials when a request is handed over: its number may go.
TEST(A_request_that_waits, keeps_its_identity_when_its_number_is_given_to_others) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              constexpr std::size_t waiting = 1000;
              std::promise<int> opened;
              uring::Ring ring({.personalities = 1, .threads = 1});
              ring.submit(user(waiting), uring::poll(ends[0], POLLIN).then(made(place, waiting)),
                          [&](const std::array<Result, 2>& results) { opened.set_value(results[1].value()); });
              make_files(ring, place, 20);
              must(ring.counts().personalities_dropped >= 20, "its number was kept");
              must(::write(ends[1], "x", 1) == 1, "write");
              ::close(opened.get_future().get());
              must_equal(place.owner(name_of(waiting)), static_cast<long>(first_user + waiting), "owner");
            }),
            "");
}

TEST(An_identity, is_forgotten_when_it_is_not_used_for_long) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring({.keeps = 20ms, .threads = 1});
              make_files(ring, place, 5);
              until([&] { return ring.counts().personalities == 1; }, "they are kept");
              must_equal(ring.counts().personalities_dropped, std::uint64_t{5}, "given up");
              must(::unlink(place.file(name_of(0)).c_str()) == 0, "unlink");
              ::close(ring.run(user(0), made(place, 0)).value());
              must_equal(place.owner(name_of(0)), long{first_user}, "owner, after it was forgotten");
            }),
            "");
}

TEST(An_identity, that_is_kept_for_ever_is_not_forgotten) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Ring ring({.keeps = std::chrono::milliseconds::max(), .threads = 1});
              for (int i = 0; i < 10; ++i) (void)ring.run(user(0), uring::timeout(0ms));
              must_equal(ring.counts().personalities_dropped, std::uint64_t{0}, "given up");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
