// uring::Ring: as whom requests are done and told, by the kernel's ring and by the pool that stands in for it.
#include "behalf/uring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/un.h>

#include <future>

#include "both_engines.h"
#include "cursed.h"
#include "looks.h"
#include "place_for_files.h"
#include "refused.h"
#include "stand_in_service.h"
#include "threads_now.h"
#include "witness.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using uring::Result;

uring::Request made(const std::string& path) {
  return uring::open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
}

void close_now(const Result& file) {
  ::close(file.value());
}

TEST_P(A_request, is_done_as_the_one_given_or_as_whoever_submits_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              close_now(ring.run(alice(), made(place.file("alice's"))));
              close_now(ring.run(made(place.file("the service's"))));
              on_thread([&] {
                const Impersonation as{bob()};
                close_now(ring.run(made(place.file("bob's"))));
                close_now(ring.run(as_service, made(place.file("by name the service's"))));
              });
              must_equal(place.owner("alice's"), long{alice_id}, "the one given");
              must_equal(place.group("alice's"), long{alice_id}, "her group");
              must_equal(place.owner("the service's"), 0L, "the service");
              must_equal(place.owner("bob's"), long{bob_id}, "the submitter");
              must_equal(place.owner("by name the service's"), 0L, "as_service");
            }),
            "");
}

TEST_P(A_request, may_what_its_identity_may_and_no_more) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              close_now(ring.run(alice(), made(place.file("private"))));
              close_now(ring.run(made(place.file("of devs"))));
              must(::chown(place.file("of devs").c_str(), 0, devs) == 0, "chown");
              must(::chmod(place.file("of devs").c_str(), 0040) == 0, "chmod");
              const auto opens = [&](const Token& who, const char* name) {
                const Result file = ring.run(who, uring::open(place.file(name), O_RDONLY));
                if (file) close_now(file);
                return file.error_number();
              };
              must_equal(opens(alice(), "private"), 0, "alice, hers");
              must_equal(opens(bob(), "private"), EACCES, "bob, alice's");
              must_equal(opens(alice(), "of devs"), 0, "alice, by her supplementary group");
              must_equal(opens(bob(), "of devs"), EACCES, "bob, who is in another");
            }),
            "");
}

TEST_P(A_request, is_done_in_the_posture_of_its_token) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Ring ring(options());
              const PlaceForFiles place;
              const Listener listener(place.file("socket"));
              // SO_PEERCRED tells the effective id, and in `files` that is the service's.
              for (const auto& [posture, seen] : {std::pair{Posture::full, alice_id},
                                                  {Posture::shielded, alice_id},
                                                  {Posture::effective, alice_id},
                                                  {Posture::files, uid_t{0}}}) {
                const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                const Result connected = ring.run(in_posture(alice(), posture), listener.connect(socket));
                must_equal(connected.error_number(), 0, "connect");
                must_equal(listener.peer_of_next(), seen, std::string{to_string(posture)});
                ::close(socket);
              }
            }),
            "");
}

TEST_P(Every_kind_of_request, does_what_its_system_call_does_as_the_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              const auto done = [&](const char* what, uring::Request request) {
                const Result result = ring.run(alice(), std::move(request));
                must_equal(result.error_number(), 0, what);
                return result.value();
              };
              char text[16] = {};
              struct statx status {};
              done("mkdirat", uring::mkdirat(AT_FDCWD, place.file("folder"), 0700));
              const int folder = done("open", uring::open(place.file("folder"), O_RDONLY | O_DIRECTORY));
              const int file = done("openat", uring::openat(folder, "a", O_CREAT | O_RDWR, 0600));
              must_equal(::fcntl(file, F_GETFD), FD_CLOEXEC, "its descriptor");
              must_equal(done("write", uring::write(file, "hello", 5)), 5, "written");
              must_equal(done("write at", uring::write(file, "J", 1, 0)), 1, "written");
              done("fsync", uring::fsync(file));
              done("fdatasync", uring::fdatasync(file));
              must_equal(done("read at", uring::read(file, text, sizeof text, 1)), 4, "read");
              must(std::string{text} == "ello", text);
              done("linkat", uring::linkat(folder, "a", folder, "b"));
              done("renameat", uring::renameat(folder, "b", folder, "c"));
              done("statx", uring::statx(folder, "c", 0, STATX_BASIC_STATS, &status));
              must_equal(status.stx_uid, alice_id, "the owner");
              must_equal(status.stx_nlink, 2U, "the links");
              done("unlinkat", uring::unlinkat(folder, "c"));
              done("close", uring::close(file));
              must_equal(::fcntl(file, F_GETFD), -1, "the closed one");
              ::close(folder);
              const Result refused = ring.run(bob(), uring::openat(AT_FDCWD, place.file("folder/a"), O_RDONLY));
              must_equal(refused.error_number(), EACCES, "another one");
              must_equal(place.owner("folder"), long{alice_id}, "the folder's owner");
              must_equal(place.owner("folder/a"), long{alice_id}, "the file's owner");

              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              must(done("poll", uring::poll(ends[1], POLLOUT)) == POLLOUT, "the events");
              done("timeout", uring::timeout(1ms));
            }),
            "");
}

TEST_P(A_connection, is_the_users_from_socket_to_recv) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              const Listener listener(place.file("socket"));
              std::promise<int> accepted;
              std::promise<int> late;
              char text[4];
              uring::Ring ring(options());
              ring.submit(bob(), uring::accept(listener.fd()),
                          [&](const Result& socket) { accepted.set_value(socket.value()); });
              const int socket = ring.run(alice(), uring::socket(AF_UNIX, SOCK_STREAM)).value();
              must_equal(ring.run(alice(), listener.connect(socket)).error_number(), 0, "connect");
              const int other = accepted.get_future().get();
              must_equal(Listener::peer_of(other), alice_id, "the peer");
              must_equal(::fcntl(other, F_GETFD), FD_CLOEXEC, "its descriptor");

              const int on = 1;
              must(::setsockopt(other, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0, "SO_PASSCRED");
              iovec piece{const_cast<char*>("hi"), 2};
              msghdr message{};
              message.msg_iov = &piece;
              message.msg_iovlen = 1;
              must_equal(ring.run(alice(), uring::sendmsg(socket, &message)).value(), 2, "sendmsg");
              must_equal(ring.run(bob(), uring::send(socket, "ho", 2)).value(), 2, "send");
              // The kernel notes the sender with each message: the real id (unix(7), SCM_CREDENTIALS).
              for (const uid_t sender : {alice_id, bob_id}) {
                MessageWithSender into(text, sizeof text);
                must_equal(ring.run(bob(), uring::recvmsg(other, into.get())).value(), 2, "recvmsg");
                must_equal(into.sender(), sender, "the sender");
              }
              ring.submit(bob(), uring::recv(other, text, sizeof text),
                          [&](const Result& result) { late.set_value(result.value()); });
              must_equal(ring.run(alice(), uring::send(socket, "late", 4)).value(), 4, "send");
              must_equal(late.get_future().get(), 4, "recv");
              ::close(socket);
              ::close(other);
            }),
            "");
}

// The kernel goes on with a request in whoever's skin the thread is at the time; unless it has a personality.
TEST_P(A_request_that_has_to_wait, is_done_as_its_identity_when_its_turn_comes) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              std::promise<std::array<Result, 2>> told;
              std::promise<int> sent;
              uring::Ring ring(options());
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              ring.submit(alice(), uring::poll(ends[0], POLLIN).then(made(place.file("linked"))),
                          [&](const std::array<Result, 2>& results) { told.set_value(results); });
              close_now(ring.run(bob(), made(place.file("bob's"))));
              must_equal(place.owner("linked"), -1L, "before its turn");
              must(::write(ends[1], "x", 1) == 1, "write");
              const auto results = told.get_future().get();
              must_equal(results[0].value(), int{POLLIN}, "the poll");
              close_now(results[1]);
              must_equal(place.owner("linked"), long{alice_id}, "the linked one");

              // A send that found no room: the sender is noted when it is done at last.
              int pair[2];
              must(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
              const int on = 1;
              must(::setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0, "SO_PASSCRED");
              int filled = 0;
              while (::send(pair[0], "x", 1, MSG_DONTWAIT) == 1) ++filled;
              ring.submit(alice(), uring::send(pair[0], "y", 1),
                          [&](const Result& result) { sent.set_value(result.error_number()); });
              (void)ring.run(bob(), uring::timeout(5ms));
              for (int i = 0; i < filled; ++i) {
                char text;
                must(::recv(pair[1], &text, 1, 0) == 1, "recv");
              }
              must_equal(sent.get_future().get(), 0, "the send");
              char text;
              MessageWithSender into(&text, 1);
              must(::recvmsg(pair[1], into.get(), 0) == 1 && text == 'y', "recvmsg");
              must_equal(into.sender(), alice_id, "the sender");
            }),
            "");
}

TEST_P(A_callback, is_run_and_destroyed_as_the_request_was_done) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uid_t destroyed = nobody_yet;
              {
                uring::Ring ring(options());
                std::promise<std::string> wrong;
                on_thread([&] {
                  const Impersonation as{alice()};
                  ring.submit(made(place.file("a")), [&, witness = Witness(destroyed)](const Result& file) {
                    close_now(file);
                    wrong.set_value(difference(alice()));
                  });
                });
                const std::string difference_of_alice = wrong.get_future().get();
                must(difference_of_alice.empty(), difference_of_alice);
              }
              must_equal(destroyed, alice_id, "destroyed as");
              must_equal(place.owner("a"), long{alice_id}, "done as");
            }),
            "");
}

TEST_P(A_callback, of_the_services_is_told_of_a_users_request_by_bind_alone) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              std::promise<uid_t> told;
              uring::Ring ring(options());
              ring.submit(alice(), made(place.file("a")), bind(as_service, [&](const Result& file) {
                            close_now(file);
                            told.set_value(uid_now());
                          }));
              must_equal(told.get_future().get(), uid_t{0}, "told as");
              must_equal(place.owner("a"), long{alice_id}, "done as");
            }),
            "");
}

TEST_P(A_callback, whose_identity_cannot_be_worn_is_not_run_and_its_file_is_closed) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              put_curse();
              curse_is_on = false;
              uring::Ring ring(options());
              close_now(ring.run(cursed(), made(place.file("before"))));  // known to the kernel from here on
              if (!ring.uses_kernel()) return;
              const std::size_t files = open_files();
              curse_is_on = true;
              std::atomic<bool> run = false;
              uid_t destroyed = nobody_yet;
              ring.submit(cursed(), made(place.file("a")),
                          [&, witness = Witness(destroyed)](const Result&) { run = true; });
              until([] { return abandoned() == 1; }, "it was not kept");
              must(!run && destroyed == nobody_yet, "it was run, or destroyed as somebody");
              must_equal(place.owner("a"), long{cursed_id}, "done as");
              must_equal(open_files(), files, "open files");
            }),
            "");
}

task<> opens_for_others(uring::Ring& ring, const PlaceForFiles& place) {
  close_now(co_await ring.submit(made(place.file("own"))));
  must_equal(uid_now(), alice_id, "after its own");
  close_now(co_await ring.submit(bob(), made(place.file("bob's"))));
  must_equal(uid_now(), alice_id, "after bob's");
  const auto whole = co_await ring.submit(uring::open(place.file("own"), O_WRONLY)
                                              .then(uring::write(uring::opened, "x", 1))
                                              .always(uring::close(uring::opened)));
  must(whole[0] && whole[1].value() == 1 && whole[2], "the chain");
  const std::string wrong = difference(alice());
  must(wrong.empty(), wrong);
}

TEST_P(A_task, that_awaits_requests_goes_on_as_itself) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              on_thread([&] {
                sync_wait(opens_for_others(ring, place).as(alice()));
                must_equal(uid_now(), uid_t{0}, "the thread that waited");
              });
              must_equal(place.owner("own"), long{alice_id}, "its own");
              must_equal(place.owner("bob's"), long{bob_id}, "bob's");
            }),
            "");
}

task<> of_the_service(uring::Ring& ring, const PlaceForFiles& place) {
  const auto where = std::this_thread::get_id();
  close_now(co_await ring.submit(alice(), made(place.file("a"))));
  const auto driver = std::this_thread::get_id();
  must(where != driver, "it goes on where the ring is driven");
  close_now(co_await ring.submit(bob(), made(place.file("b"))));
  must(std::this_thread::get_id() == driver, "a thread was changed for nothing");
  must_equal(uid_now(), uid_t{0}, "after them");
}

TEST_P(A_task, of_the_services_works_for_many_without_a_switch) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              ThreadPool pool({.threads = 1});
              uring::Options options_with_pool = options();
              options_with_pool.pool = &pool;
              uring::Ring ring(options_with_pool);
              sync_wait(of_the_service(ring, place));
              must_equal(place.owner("a"), long{alice_id}, "alice's");
              must_equal(place.owner("b"), long{bob_id}, "bob's");
              if (ring.uses_kernel()) must_equal(pool.counts().switches, std::uint64_t{0}, "switches");
            }),
            "");
}

TEST_P(A_task, that_is_asked_to_stop_stops_what_it_waits_for) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Ring ring(options());
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::stop_source stop;
              const auto waits = [](uring::Ring& of, int file) -> task<int> {
                char text;
                const Result result = co_await of.submit(uring::read(file, &text, 1));
                must_equal(uid_now(), alice_id, "after it");
                co_return result.error_number();
              };
              std::thread later([&] {
                std::this_thread::sleep_for(5ms);
                stop.request_stop();
              });
              on_thread([&] {
                must_equal(sync_wait(waits(ring, ends[0]).as(alice()), stop.get_token()), ECANCELED, "the read");
              });
              later.join();
            }),
            "");
}

TEST_P(A_chain, goes_on_after_success_or_always_as_it_says) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              const std::size_t files = open_files();
              char text[8];
              const auto open_read_close = [&](const char* name) {
                return ring.run(alice(), uring::open(place.file(name), O_RDONLY)
                                             .then(uring::read(uring::opened, text, sizeof text))
                                             .always(uring::close(uring::opened)));
              };
              const auto none = open_read_close("nothing");
              must_equal(none[0].error_number(), ENOENT, "open");
              must_equal(none[1].error_number(), ECANCELED, "read");
              must_equal(none[2].error_number(), ECANCELED, "close");

              const auto written = ring.run(alice(), uring::open(place.file("a"), O_CREAT | O_WRONLY, 0600)
                                                         .then(uring::write(uring::opened, "abc", 3))
                                                         .then(uring::fsync(uring::opened)));
              must(written[0].value() == 0 && written[1].value() == 3 && written[2], "it was not written");

              const auto is_short = open_read_close("a");
              must(is_short[1].value() == 3 && is_short[2], "a short read, and close always");
              const auto stops = ring.run(alice(), uring::open(place.file("a"), O_RDONLY)
                                                       .then(uring::read(uring::opened, text, sizeof text))
                                                       .then(uring::unlinkat(AT_FDCWD, place.file("a"))));
              must(stops[1].value() == 3 && stops[2].error_number() == ECANCELED, "it went on after a short read");
              must_equal(place.owner("a"), long{alice_id}, "the file");
              must_equal(open_files(), files, "open files");
            }),
            "");
}

// The kernel itself does what is linked behind these though they failed.
TEST_P(A_chain, does_not_go_on_after_a_failure_of_any_kind) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              const std::string none = place.file("none/a");
              struct statx status {};
              char text;
              const auto fails = [&](const char* what, auto make) {
                const auto then = ring.run(alice(), make().then(uring::mkdirat(AT_FDCWD, place.file("never"), 0700)));
                must(then[0].error_number() != 0, what);
                must_equal(then[1].error_number(), ECANCELED, what);
                const auto always = ring.run(alice(), make().always(uring::mkdirat(AT_FDCWD, place.file(what), 0700)));
                must_equal(always[1].error_number(), 0, what);
              };
              fails("openat", [&] { return uring::open(none, O_RDONLY); });
              fails("read", [&] { return uring::read(-1, &text, 1); });
              fails("write", [&] { return uring::write(-1, &text, 1); });
              fails("fsync", [&] { return uring::fsync(ends[0]); });
              fails("fdatasync", [&] { return uring::fdatasync(ends[0]); });
              fails("close", [&] { return uring::close(-1); });
              fails("statx", [&] { return uring::statx(AT_FDCWD, none, 0, STATX_BASIC_STATS, &status); });
              fails("unlinkat", [&] { return uring::unlinkat(AT_FDCWD, none); });
              fails("renameat", [&] { return uring::renameat(AT_FDCWD, none, AT_FDCWD, none + "b"); });
              fails("mkdirat", [&] { return uring::mkdirat(AT_FDCWD, none, 0700); });
              fails("linkat", [&] { return uring::linkat(AT_FDCWD, none, AT_FDCWD, none + "b"); });
              fails("socket", [&] { return uring::socket(-1, SOCK_STREAM); });
              fails("connect", [&] { return uring::connect(-1, nullptr, 0); });
              fails("accept", [&] { return uring::accept(-1); });
              fails("send", [&] { return uring::send(-1, &text, 1); });
              fails("recv", [&] { return uring::recv(-1, &text, 1); });
              fails("sendmsg", [&] { return uring::sendmsg(-1, nullptr); });
              fails("recvmsg", [&] { return uring::recvmsg(-1, nullptr); });
              must_equal(place.owner("never"), -1L, "what depends on a failure");
            }),
            "");
}

// The kernel's helpers are few, and all users' requests need them.
TEST_P(A_chain, that_waits_takes_no_helper_from_others) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              constexpr int count = 100;
              std::vector<char> text(count);
              std::atomic<int> told = 0;
              std::atomic<int> wrong = 0;
              uring::Ring ring(options());
              for (char& each : text) {
                ring.submit(alice(), uring::unlinkat(AT_FDCWD, "/nothing").always(uring::read(ends[0], &each, 1)),
                            [&](const std::array<Result, 2>& results) {
                              if (results[0].error_number() != ENOENT || results[1].error_number() != 0) ++wrong;
                              ++told;
                            });
              }
              std::atomic<int> error = -1;
              ring.submit(bob(), uring::mkdirat(AT_FDCWD, place.file("a"), 0700),
                          [&](const Result& result) { error = result.error_number(); });
              until([&] { return error == 0; }, "bob's folder was not made");
              must(told == 0 && ::write(ends[1], text.data(), count) == ssize_t{count}, "write");
              until([&] { return told == count; }, "not all were told");
              must_equal(wrong.load(), 0, "wrong");
            }),
            "");
}

TEST_P(A_time_limit, ends_what_takes_longer_and_nothing_else) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        const PlaceForFiles place;
        uring::Ring ring(options());
        int ends[2];
        must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
        char text;
        must_equal(ring.run(alice(), uring::read(ends[0], &text, 1).within(5ms)).error_number(), ETIMEDOUT,
                   "what takes longer");
        const auto chain = ring.run(alice(), uring::read(ends[0], &text, 1).within(5ms).always(made(place.file("a"))));
        must_equal(chain[0].error_number(), ETIMEDOUT, "what takes longer");
        close_now(chain[1]);
        must_equal(place.owner("a"), long{alice_id}, "what comes always");
        const auto broken = ring.run(alice(), uring::read(ends[0], &text, 1).within(5ms).then(made(place.file("b"))));
        must(broken[0].error_number() == ETIMEDOUT && broken[1].error_number() == ECANCELED, "what depends");
        must(::write(ends[1], "x", 1) == 1, "write");
        const auto in_time = ring.run(alice(), uring::read(ends[0], &text, 1).within(1h).then(made(place.file("b"))));
        must(in_time[0].value() == 1, "what is in time");
        close_now(in_time[1]);
      }),
      "");
}

// A helper of the kernel's, which does the folders, does not look at the limit of what is linked behind.
TEST_P(A_time_limit, ends_what_waits_behind_another_request) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              const std::size_t files = open_files();
              char text[2];
              const auto limited = [&] { return uring::read(ends[0], text, 1).within(5ms); };
              const auto folder = [&](const char* name) { return uring::mkdirat(AT_FDCWD, place.file(name), 0700); };
              const auto chain = ring.run(alice(), folder("none/a")
                                                       .always(limited())
                                                       .always(folder("b"))
                                                       .then(uring::poll(ends[0], POLLIN).within(5ms))
                                                       .then(folder("never")));
              must_equal(chain[0].error_number(), ENOENT, "mkdirat");
              must_equal(chain[1].error_number(), ETIMEDOUT, "read");
              must_equal(chain[2].error_number(), 0, "what is always done");
              must_equal(chain[3].error_number(), ETIMEDOUT, "poll");
              must_equal(chain[4].error_number(), ECANCELED, "what depends on it");
              must_equal(place.owner("b"), long{alice_id}, "done as");
              must_equal(place.owner("never"), -1L, "what depends on it");
              const auto broken = ring.run(alice(), folder("none/a").then(limited()).always(folder("never")));
              must(broken[1].error_number() == ECANCELED && broken[2].error_number() == ECANCELED, "it went on");
              must(::write(ends[1], "x", 1) == 1, "write");
              const auto opens = ring.run(alice(), uring::open(place.file("c"), O_CREAT | O_RDWR, 0600)
                                                       .then(limited())
                                                       .then(uring::write(uring::opened, "abc", 3))
                                                       .then(uring::read(uring::opened, text, 2, 1).within(1h))
                                                       .always(uring::close(uring::opened)));
              for (const Result& each : opens) must_equal(each.error_number(), 0, "a whole chain");
              must(std::string(text, 2) == "bc", "what was read");
              must_equal(open_files(), files, "open files");
            }),
            "");
}

TEST_P(A_time_limit, ends_what_begins_to_wait_just_then) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              constexpr int count = 1000;
              std::vector<char> text(count);
              std::atomic<int> told = 0;
              std::atomic<int> wrong = 0;
              uring::Ring ring(options());
              for (char& each : text) {
                ring.submit(alice(),
                            uring::unlinkat(AT_FDCWD, "/nothing").always(uring::read(ends[0], &each, 1).within(1us)),
                            [&](const std::array<Result, 2>& results) {
                              if (results[1].error_number() != ETIMEDOUT) ++wrong;
                              ++told;
                            });
              }
              until([&] { return told == count; }, "not all were told");
              must_equal(wrong.load(), 0, "wrong");
            }),
            "");
}

TEST_P(A_stop_token, cancels_what_is_under_way_or_waits_for_room) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Options small = options();
              small.entries = 64;
              small.under_way_at_most = 64;
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::stop_source stop;
              constexpr int count = 100;
              std::atomic<int> told = 0;
              std::atomic<int> wrong = 0;
              std::vector<char> text(count);
              uring::Ring ring(small);
              for (int i = 0; i < count; ++i) {
                ring.submit(
                    i % 2 == 0 ? alice() : bob(), uring::read(ends[0], &text[static_cast<std::size_t>(i)], 1),
                    [&, i](const Result& result) {
                      if (result.error_number() != ECANCELED || uid_now() != (i % 2 == 0 ? alice_id : bob_id)) ++wrong;
                      ++told;
                    },
                    stop.get_token());
              }
              until([&] { return ring.counts().under_way >= 64; }, "they are not under way");
              must_equal(told.load(), 0, "told before");
              stop.request_stop();
              until([&] { return told == count; }, "not all were told");
              must_equal(wrong.load(), 0, "wrong");
              ring.submit(
                  alice(), uring::read(ends[0], text.data(), 1), [&](const Result&) { ++told; }, stop.get_token());
              until([&] { return told == count + 1; }, "one that is stopped from the start");
            }),
            "");
}

// The second request of a chain begins to wait, in a helper of the kernel's, while it is asked to stop.
TEST_P(A_stop_token, cancels_what_begins_to_wait_just_then) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              constexpr int count = 1000;
              std::vector<char> text(count);
              std::atomic<int> told = 0;
              std::atomic<int> wrong = 0;
              uring::Ring ring(options());
              for (char& each : text) {
                std::stop_source stop;
                ring.submit(
                    alice(), uring::unlinkat(AT_FDCWD, "/nothing").always(uring::read(ends[0], &each, 1)),
                    [&](const std::array<Result, 2>& results) {
                      if (results[1].error_number() != ECANCELED && results[1].error_number() != EINTR) ++wrong;
                      ++told;
                    },
                    stop.get_token());
                std::this_thread::sleep_for(20us);
                stop.request_stop();
              }
              until([&] { return told == count; }, "not all were told");
              must_equal(wrong.load(), 0, "wrong");
            }),
            "");
}

TEST_P(A_stop_token, ends_the_wait_for_the_other_side_of_a_fifo) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              must(::mkfifo(place.file("a").c_str(), 0) == 0 && ::chmod(place.file("a").c_str(), 0666) == 0, "mkfifo");
              uring::Ring ring(options());
              if (!ring.uses_kernel()) return;  // an open waits on a worker
              std::stop_source stop;
              std::atomic<int> error = -1;
              // O_CREAT: a helper opens it, and waits.
              ring.submit(
                  bob(), uring::open(place.file("a"), O_CREAT | O_RDONLY, 0600),
                  [&](const Result& result) { error = result.error_number(); }, stop.get_token());
              until([&] { return ring.counts().under_way == 1; }, "it is not under way");
              std::this_thread::sleep_for(20ms);
              stop.request_stop();
              until([&] { return error != -1; }, "it was not told");
              must(error == EINTR || error == ECANCELED, "error " + std::to_string(error));
            }),
            "");
}

TEST_P(A_ring_that_ends, tells_everybody_what_became_of_it) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const std::size_t files = open_files();
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              constexpr std::size_t count = 200;
              std::vector<uid_t> told(count, nobody_yet);
              std::vector<uid_t> destroyed(count, nobody_yet);
              std::vector<char> text(count);
              std::atomic<int> not_cancelled = 0;
              {
                uring::Options small = options();
                small.entries = 64;
                small.under_way_at_most = 128;
                uring::Ring ring(small);
                for (std::size_t i = 0; i < count; ++i) {
                  ring.submit(i % 2 == 0 ? alice() : bob(), uring::read(ends[0], &text[i], 1),
                              [&, i, witness = Witness(destroyed[i])](const Result& result) {
                                told[i] = uid_now();
                                if (result.error_number() != ECANCELED) ++not_cancelled;
                              });
                }
                until([&] { return ring.counts().under_way >= 64; }, "they are not under way");
              }
              must(::write(ends[1], text.data(), count) == ssize_t{count}, "write");  // nobody reads it any more
              for (std::size_t i = 0; i < count; ++i) {
                must_equal(told[i], i % 2 == 0 ? alice_id : bob_id, "told as");
                must_equal(destroyed[i], i % 2 == 0 ? alice_id : bob_id, "destroyed as");
              }
              must_equal(not_cancelled.load(), 0, "not cancelled");
              ::close(ends[0]);
              ::close(ends[1]);
              must_equal(open_files(), files, "open files");
            }),
            "");
}

task<> submits_for_ever(uring::Ring& ring, int file, std::atomic<int>& times) {
  char text;
  for (;;) {
    (void)co_await ring.submit(uring::read(file, &text, 1));  // throws at last
    ++times;
  }
}

TEST_P(A_ring_that_ends, ends_the_tasks_that_go_on_submitting) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::atomic<int> times = 0;
              ThreadPool pool({.threads = 2});
              std::optional<uring::Ring> ring(std::in_place, options());
              std::vector<std::future<void>> ends_of_tasks;
              for (int i = 0; i < 8; ++i) {
                ends_of_tasks.push_back(behalf::start(pool, submits_for_ever(*ring, ends[0], times).as(alice())));
              }
              must(::write(ends[1], "0123456789", 10) == 10, "write");
              until([&] { return times == 10; }, "not all was read");
              ring.reset();
              for (auto& end : ends_of_tasks) must(refused(Error::Reason::cancelled, [&] { end.get(); }), "no error");
            }),
            "");
}

// Of many that wait for the same file, one gets what comes, and no worker is held up by the others.
TEST_P(A_ring_that_ends, has_no_worker_that_waits_for_what_another_got) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              const Listener listener(place.file("listener"));
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              ThreadPool pool({.threads = 4});
              uring::Options many = options();
              many.pool = &pool;
              for (int round = 0; round < 50; ++round) {
                std::array<char, 16> text{};
                std::atomic<int> got = 0;
                {
                  uring::Ring ring(many);
                  for (char& each : text) {
                    // Without a switch before it, so that they are close together.
                    ring.submit(as_service, uring::read(ends[0], &each, 1), [&](const Result& result) {
                      if (result) ++got;
                    });
                    ring.submit(as_service, uring::accept(listener.fd()), [&](const Result& result) {
                      if (!result) return;
                      close_now(result);
                      ++got;
                    });
                  }
                  for (int come = 2; come <= 16; come += 2) {
                    const int caller = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                    must(::write(ends[1], "x", 1) == 1, "write");
                    must(listener.call(caller), "connect");
                    until([&] { return got == come; }, "nobody got it");
                    ::close(caller);
                  }
                }
                must_equal(got.load(), 16, "got");
              }
            }),
            "");
}

TEST_P(A_ring, takes_more_than_it_has_room_for) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Options small = options();
              small.entries = 64;
              small.under_way_at_most = 64;
              uring::Ring ring(small);
              close_now(ring.run(alice(), made(place.file("a"))));
              uring::Batch batch;
              std::vector<char> text(1000);
              for (int i = 0; i < 1000; ++i) {
                batch.add(i % 2 == 0 ? alice() : bob(), uring::open(place.file("a"), O_RDONLY)
                                                            .then(uring::read(uring::opened, &text[0], 1))
                                                            .always(uring::close(uring::opened)));
              }
              ring.run(batch);
              for (std::size_t i = 0; i < 1000; ++i) {
                must_equal(batch[i].error_number(), i % 2 == 0 ? 0 : EACCES, "open");
              }
              must_equal(ring.counts().ended, std::uint64_t{1001}, "ended");
              must_equal(ring.counts().waiting + ring.counts().under_way, std::size_t{0}, "left");
            }),
            "");
}

TEST_P(A_ring, leaves_no_thread_that_is_a_user) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              ThreadPool pool({.threads = 2});
              std::optional<uring::Ring> ring;
              on_thread([&] {
                const Impersonation as{alice()};
                uring::Options options_with_pool = options();
                options_with_pool.pool = &pool;
                ring.emplace(options_with_pool);
                // What the kernel cannot do at once it gives to helpers: copies of the thread that hands it over.
                uring::Batch batch;
                for (int i = 0; i < 50; ++i) {
                  batch.add(uring::mkdirat(AT_FDCWD, place.file("of " + std::to_string(i)), 0700));
                }
                ring->run(batch);
                for (std::size_t i = 0; i < batch.size(); ++i) must_equal(batch[i].error_number(), 0, "mkdirat");
              });
              pool.wait_until_idle();
              const std::string users = threads_that_are_not_root();
              must(users.empty(), users);
              must_equal(place.owner("of 49"), long{alice_id}, "done as");
            }),
            "");
}

TEST_P(A_ring, that_the_caller_drives_does_all_on_its_thread_but_what_is_told_to_users) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Options options_of_caller = options();
              options_of_caller.driven_by = uring::Options::DrivenBy::caller;
              uring::Ring ring(options_of_caller);
              const auto is_readable = [&] {
                pollfd ready{ring.fd(), POLLIN, 0};
                return ::poll(&ready, 1, 0) == 1;
              };
              close_now(ring.run(alice(), made(place.file("a"))));
              uid_t told_as = nobody_yet;
              std::thread::id told_on;
              std::atomic<uid_t> user = nobody_yet;
              ring.submit(bob(), made(place.file("b")), bind(as_service, [&](const Result& file) {
                            close_now(file);
                            told_as = uid_now();
                            told_on = std::this_thread::get_id();
                          }));
              must(is_readable(), "nothing tells of it");
              ring.submit(alice(), made(place.file("c")), [&](const Result& file) {
                close_now(file);
                user = uid_now();
              });
              must_equal(place.owner("b"), -1L, "before it was driven");
              while (told_as == nobody_yet) ring.wait();
              must(told_as == 0 && told_on == std::this_thread::get_id(), "the service was told elsewhere");
              until(
                  [&] {
                    ring.poll();
                    return user == alice_id;
                  },
                  "alice was not told");
              must(!is_readable(), "there is nothing to do");
              std::thread([&] { ring.submit(uring::timeout(1ms), [](const Result&) {}); }).join();
              must(is_readable(), "what another thread submits");
              while (ring.counts().ended < 4) ring.wait_for(1h);
              must_equal(place.owner("b"), long{bob_id}, "bob's");
              must_equal(place.owner("c"), long{alice_id}, "alice's");

              uring::Ring other(options());
              must(refused(Error::Reason::not_permitted, [&] { other.poll(); }), "one with a thread of its own");
            }),
            "");
}

// The kernel would make its helpers as copies of that thread: a user may kill(2) what has her real id.
TEST_P(A_ring, is_not_driven_by_a_thread_that_wears_somebody) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Options options_of_caller = options();
              options_of_caller.driven_by = uring::Options::DrivenBy::caller;
              std::optional<uring::Ring> ring(std::in_place, options_of_caller);
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::atomic<bool> told = false;
              on_thread([&] {
                {
                  const Impersonation as{alice()};
                  // The folder is made by a helper.
                  ring->submit(uring::poll(ends[0], POLLIN).then(uring::mkdirat(AT_FDCWD, place.file("a"), 0700)),
                               bind(as_service, [&](const std::array<Result, 2>&) { told = true; }));
                  must(refused(Error::Reason::inside_impersonation, [&] { ring->poll(); }), "poll");
                  must(refused(Error::Reason::inside_impersonation, [&] { ring->wait(); }), "wait");
                  must(refused(Error::Reason::inside_impersonation, [&] { (void)ring->run(made(place.file("b"))); }),
                       "run");
                }
                ring->poll();
                must(::write(ends[1], "x", 1) == 1, "write");
                while (!told) ring->wait();
                const std::string others = iou_workers_that_are_not_root();
                must(others.empty(), others);
                const Impersonation as{bob()};
                ring.reset();
              });
              must_equal(place.owner("a"), long{alice_id}, "done as");
              must_equal(place.owner("b"), -1L, "what was refused");
            }),
            "");
}

TEST_P(A_callback, may_submit_and_wait_on_the_thread_that_drives) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              std::promise<int> done;
              uring::Ring ring(options());
              ring.submit(as_service, uring::timeout(0ms), [&](const Result&) {
                close_now(ring.run(alice(), made(place.file("a"))));
                ring.submit(as_service, uring::timeout(0ms), [&](const Result&) { done.set_value(1); });
              });
              must_equal(done.get_future().get(), 1, "the inner one");
              must_equal(place.owner("a"), long{alice_id}, "done as");
            }),
            "");
}

TEST_P(A_fixed_buffer, shows_nobody_what_was_another_ones) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Options with_buffer = options();
              with_buffer.fixed_buffers = 1;
              with_buffer.fixed_buffer_size = 4096;
              uring::Ring ring(with_buffer);
              const int file = ring.run(alice(), uring::open(place.file("a"), O_CREAT | O_RDWR, 0600)).value();
              {
                const uring::FixedBuffer buffer = ring.fixed_buffer(Carried(alice()));
                std::memcpy(buffer.data(), "secret", 6);
                must_equal(ring.run(alice(), uring::write(file, buffer, 6, 0)).value(), 6, "write");
                std::memset(buffer.data(), 0, 6);
                must_equal(ring.run(alice(), uring::read(file, buffer, 100, 0)).value(), 6, "read");
                must(std::memcmp(buffer.data(), "secret", 6) == 0, "what was read");
                must(refused(Error::Reason::queue_full, [&] { (void)ring.fixed_buffer(); }), "there is one");
              }
              must(std::memcmp(ring.fixed_buffer(Carried(alice())).data(), "secret", 6) == 0, "it is alice's own");
              const uring::FixedBuffer of_bob = ring.fixed_buffer(Carried(bob()));
              for (std::size_t i = 0; i < of_bob.size(); ++i) must(of_bob.data()[i] == std::byte{0}, "bob sees it");
              ::close(file);
            }),
            "");
}

TEST_P(A_fixed_buffer, belongs_to_its_request_until_that_has_ended) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Options with_buffer = options();
              with_buffer.fixed_buffers = 1;
              std::promise<int> told;
              uring::Ring ring(with_buffer);
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              ring.submit(alice(), uring::read(ends[0], ring.fixed_buffer(Carried(alice())), 1),
                          [&](const Result& result) { told.set_value(result.value()); });
              must(refused(Error::Reason::queue_full, [&] { (void)ring.fixed_buffer(Carried(bob())); }), "it is free");
              must(::write(ends[1], "x", 1) == 1, "write");
              must_equal(told.get_future().get(), 1, "read");
              until(
                  [&] { return !refused(Error::Reason::queue_full, [&] { (void)ring.fixed_buffer(Carried(bob())); }); },
                  "it does not come back");
            }),
            "");
}

TEST_P(A_ring, made_before_initialize_does_the_process_own_work_until_then) {
  EXPECT_EQ(in_own_process([] {
              const PlaceForFiles place;
              uring::Ring ring(options());
              close_now(ring.run(made(place.file("early"))));
              must_equal(place.owner("early"), 0L, "done as");
              uring::Batch early;
              early.add(made(place.file("never")));
              start(ServiceKind::root);
              ring.run(early);
              must(refused(Error::Reason::not_initialized, [&] { (void)early[0].value(); }), "it was done");
              must_equal(place.owner("never"), -1L, "it was done");
              close_now(ring.run(alice(), made(place.file("late"))));
              must_equal(place.owner("late"), long{alice_id}, "done as");
            }),
            "");
}

// What the kernel refuses to take (here a path that is too long) breaks its own chains, however they are linked.
TEST_P(A_chain, with_a_request_that_the_kernel_does_not_take_goes_on_as_it_says) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              uring::Ring ring(options());
              const std::string too_long(5000, 'a');
              const int first = ring.run(alice(), made(place.file("a"))).value();
              const auto at_first =
                  ring.run(alice(), uring::mkdirat(AT_FDCWD, too_long, 0700).always(uring::close(first)));
              must_equal(at_first[0].error_number(), ENAMETOOLONG, "mkdirat");
              must_equal(at_first[1].error_number(), 0, "close");
              const auto behind = ring.run(alice(), made(place.file("b"))
                                                        .then(uring::mkdirat(AT_FDCWD, too_long, 0700))
                                                        .always(uring::mkdirat(AT_FDCWD, place.file("c"), 0700))
                                                        .then(uring::mkdirat(AT_FDCWD, place.file("d"), 0700)));
              must_equal(behind[0].error_number(), 0, "open");
              must_equal(behind[1].error_number(), ENAMETOOLONG, "mkdirat");
              must_equal(behind[2].error_number(), 0, "what is always done");
              must_equal(behind[3].error_number(), 0, "what follows it");
              const auto both = ring.run(alice(), made(place.file("e"))
                                                      .then(uring::mkdirat(AT_FDCWD, too_long, 0700))
                                                      .always(uring::mkdirat(AT_FDCWD, too_long, 0700))
                                                      .always(uring::mkdirat(AT_FDCWD, place.file("f"), 0700)));
              close_now(both[0]);
              must(both[1].error_number() == ENAMETOOLONG && both[2].error_number() == ENAMETOOLONG, "two of them");
              must_equal(both[3].error_number(), 0, "what is always done");
              const auto broken = ring.run(alice(), made(place.file("none/e"))
                                                        .then(uring::mkdirat(AT_FDCWD, too_long, 0700))
                                                        .always(uring::mkdirat(AT_FDCWD, place.file("g"), 0700)));
              must(broken[1].error_number() == ECANCELED && broken[2].error_number() == ECANCELED, "it went on");
            }),
            "");
}

TEST_P(A_time_limit, of_for_ever_is_none) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Ring ring(options());
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::promise<int> told;
              char text;
              ring.submit(alice(), uring::read(ends[0], &text, 1).within(std::chrono::nanoseconds::max()),
                          [&](const Result& result) { told.set_value(result.error_number()); });
              auto error = told.get_future();
              must(error.wait_for(100ms) == std::future_status::timeout, "it was given up");
              must(::write(ends[1], "x", 1) == 1, "write");
              must_equal(error.get(), 0, "read");
            }),
            "");
}

// The ring's own pool runs what is still to be told when the ring is hardly there any more.
TEST_P(A_ring_that_ends, refuses_what_is_submitted_with_a_stop_that_was_asked_for) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              int ends[2];
              must(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
              std::stop_source stop;
              std::atomic<int> refused = 0;
              char text;
              {
                uring::Ring ring(options());
                for (int i = 0; i < 4; ++i) {
                  ring.submit(
                      alice(), uring::read(ends[0], &text, 1),
                      [&](const Result&) {
                        std::this_thread::sleep_for(50ms);
                        stop.request_stop();
                        ring.submit(
                            alice(), uring::read(ends[0], &text, 1), [&](const Result&) { ++refused; },
                            stop.get_token());
                      },
                      stop.get_token());
                }
                until([&] { return ring.counts().under_way == 4; }, "they are not under way");
              }
              must_equal(refused.load(), 4, "told");
            }),
            "");
}

TEST_P(A_ring, that_one_thread_drives_all_the_time_lets_others_have_their_turn) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Options driven = options();
              driven.driven_by = uring::Options::DrivenBy::caller;
              uring::Ring ring(driven);
              std::atomic<bool> over = false;
              std::thread drives([&] {
                while (!over) ring.wait_for(5s);
              });
              std::this_thread::sleep_for(20ms);
              const auto begin = std::chrono::steady_clock::now();
              for (int i = 0; i < 20; ++i) must_equal(ring.run(uring::timeout(0ms)).error_number(), 0, "timeout");
              const auto took = std::chrono::steady_clock::now() - begin;
              over = true;
              ring.submit(as_service, uring::timeout(0ms), [](const Result&) {});
              drives.join();
              must(took < 5s, "another one's turn did not end");
            }),
            "");
}

TEST_P(A_ring, that_has_something_to_tell_does_not_wait_for_a_run_in_a_spin) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uring::Options driven = options();
              driven.driven_by = uring::Options::DrivenBy::caller;
              uring::Ring ring(driven);
              int told = 0;
              ring.submit(as_service, uring::timeout(10ms), [&](const Result&) { ++told; });
              timespec before{};
              timespec after{};
              ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
              must_equal(ring.run(uring::timeout(500ms)).error_number(), 0, "timeout");
              ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
              must_equal(told, 1, "told");
              const double used = double(after.tv_sec - before.tv_sec) + 1e-9 * double(after.tv_nsec - before.tv_nsec);
              must(used < 0.1, "seconds of work: " + std::to_string(used));
            }),
            "");
}

INSTANTIATE_FOR_BOTH_ENGINES(A_request);
INSTANTIATE_FOR_BOTH_ENGINES(Every_kind_of_request);
INSTANTIATE_FOR_BOTH_ENGINES(A_connection);
INSTANTIATE_FOR_BOTH_ENGINES(A_request_that_has_to_wait);
INSTANTIATE_FOR_BOTH_ENGINES(A_callback);
INSTANTIATE_FOR_BOTH_ENGINES(A_task);
INSTANTIATE_FOR_BOTH_ENGINES(A_chain);
INSTANTIATE_FOR_BOTH_ENGINES(A_time_limit);
INSTANTIATE_FOR_BOTH_ENGINES(A_stop_token);
INSTANTIATE_FOR_BOTH_ENGINES(A_ring);
INSTANTIATE_FOR_BOTH_ENGINES(A_ring_that_ends);
INSTANTIATE_FOR_BOTH_ENGINES(A_fixed_buffer);

}  // namespace
}  // namespace behalf::testing
