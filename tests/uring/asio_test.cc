// uring_asio.h: a ring that an io_context drives, and its requests as operations of Asio's.
#include <fcntl.h>

#include <boost/asio.hpp>
#include <cstring>
#include <filesystem>

#include "asio/loop.h"
#include "behalf/uring_asio.h"
#include "both_engines.h"
#include "looks.h"
#include "place_for_files.h"
#include "stand_in_service.h"
#include "threads_now.h"

namespace behalf::testing {
namespace {

namespace ba = boost::asio;

class A_ring_in_asio : public OnBothEngines {
 protected:
  static uring::Options options() {
    uring::Options driven = OnBothEngines::options();
    driven.driven_by = uring::Options::DrivenBy::caller;
    return driven;
  }
};
INSTANTIATE_FOR_BOTH_ENGINES(A_ring_in_asio);

ba::awaitable<void> makes_file(uring::Ring& ring, Token who, std::string path) {
  must_be_now(who);
  const uring::Result file =
      co_await uring::async_submit(ring, uring::open(path, O_CREAT | O_EXCL | O_WRONLY, 0600), ba::use_awaitable);
  must_be_now(who);
  const uring::Result written =
      co_await uring::async_submit(ring, uring::write(file.value(), "hers", 4), ba::use_awaitable);
  must_equal(written.value(), 4, "written");
  must_be_now(who);
  co_await uring::async_submit(ring, uring::close(file.value()), ba::use_awaitable);
  must_be_now(who);
}

TEST_P(A_ring_in_asio, does_requests_as_the_coroutine_that_awaits_them) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              const PlaceForFiles place;
              ba::io_context io;
              uring::Ring ring(options());
              uring::AsioDriver driver(ring, io);
              std::atomic<int> left = 40;
              std::string wrong;
              std::mutex mutex;
              for (int i = 0; i < 40; ++i) {
                const Token who = i % 2 == 0 ? alice() : bob();
                ba::co_spawn(asio::as(who, io), makes_file(ring, who, place.file(std::to_string(i))),
                             [&](const std::exception_ptr& thrown) {
                               try {
                                 if (thrown) std::rethrow_exception(thrown);
                               } catch (const std::exception& error) {
                                 const std::lock_guard lock(mutex);
                                 wrong = error.what();
                               }
                               if (--left == 0) driver.close();
                             });
              }
              run_well(io, 3);
              must(wrong.empty(), wrong);
              for (int i = 0; i < 40; ++i) {
                must_equal(place.owner(std::to_string(i)), long{i % 2 == 0 ? alice_id : bob_id}, "the owner");
              }
            }),
            "");
}

TEST_P(A_ring_in_asio, tells_a_handler_on_its_executor_and_a_future) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              uring::Ring ring(options());
              uring::AsioDriver driver(ring, io);
              std::atomic<uid_t> told = nobody_yet;
              uring::async_submit(ring, alice(), uring::open("/", O_PATH),
                                  ba::bind_executor(asio::as(bob(), io), [&](const uring::Result& file) {
                                    told = uid_now();
                                    ::close(file.value());
                                    driver.close();
                                  }));
              run_well(io, 2);
              must_equal(told.load(), bob_id, "told as");
              until([] { return threads_that_are_not_root().empty(); }, "a worker stays somebody");
            }),
            "");
}

TEST_P(A_ring_in_asio, cancels_what_asio_cancels) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              int ends[2];
              must(::pipe(ends) == 0, "pipe");
              uring::Ring ring(options());
              uring::AsioDriver driver(ring, io);
              ba::cancellation_signal signal;
              std::atomic<int> error = 0;
              char room[1];
              uring::async_submit(
                  ring, alice(), uring::read(ends[0], room, 1),
                  ba::bind_cancellation_slot(signal.slot(), ba::bind_executor(io, [&](const uring::Result& read) {
                                               error = read.error_number();
                                               driver.close();
                                             })));
              ba::steady_timer timer(io, std::chrono::milliseconds(20));
              timer.async_wait([&](auto) { signal.emit(ba::cancellation_type::terminal); });
              run_well(io, 1);
              must_equal(error.load(), ECANCELED, "it ended with");
            }),
            "");
}

// The driver ends while others run the context, and then the ring.
TEST_P(A_ring_in_asio, may_end_while_the_context_goes_on) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              auto work = ba::make_work_guard(io);
              std::thread runs([&] { io.run(); });
              for (int i = 0; i < 20; ++i) {
                uring::Ring ring(options());
                uring::AsioDriver driver(ring, io);
                auto file =
                    uring::async_submit(ring, alice(), uring::open("/", O_PATH), ba::bind_executor(io, ba::use_future));
                ::close(file.get().value());
              }
              work.reset();
              runs.join();
            }),
            "");
}

// What the kernel does not take as a chain is done in pieces, each of which has to be handed over.
TEST_P(A_ring_in_asio, goes_on_with_what_is_done_one_by_one) {
  EXPECT_EQ(
      in_own_process([] {
        start(ServiceKind::root);
        const PlaceForFiles place;
        const auto folder = [&](const std::string& name) { return uring::mkdirat(AT_FDCWD, place.file(name), 0700); };
        ba::io_context io;
        uring::Ring ring(options());
        uring::AsioDriver driver(ring, io);
        std::array<int, 4> came{};
        uring::async_submit(ring, alice(),
                            folder("a").then(folder(std::string(5000, 'a'))).always(folder("b")).always(folder("c")),
                            ba::bind_executor(io, [&](const std::array<uring::Result, 4>& results) {
                              for (std::size_t i = 0; i < 4; ++i) came[i] = results[i].error_number();
                              driver.close();
                            }));
        std::thread([&] { io.run_for(std::chrono::seconds{5}); }).join();
        must_equal(came[1], ENAMETOOLONG, "the second");
        must_equal(came[2], 0, "what is always done");
        must_equal(place.owner("c"), long{alice_id}, "the last");
      }),
      "");
}

// Whoever has the ring has all the identities that it knows.
TEST_P(A_ring_in_asio, is_no_childs) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ba::io_context io;
              uring::Ring ring(options());
              const uring::AsioDriver driver(ring, io);
              for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
                const std::string what = std::filesystem::read_symlink(file.path()).string();
                if (!what.starts_with("anon_inode:")) continue;
                must_equal(::fcntl(std::stoi(file.path().filename()), F_GETFD), FD_CLOEXEC, what);
              }
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
