// ThreadDirectory and ThreadUmask: of one thread, for a scope, whoever is worn; nobody else's change.
#include "behalf/thread_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <coroutine>
#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "behalf/impersonation.h"
#include "behalf/task.h"
#include "behalf/thread_pool.h"
#include "children/household.h"
#include "refused.h"
#include "witness.h"

namespace behalf::testing {
namespace {

namespace fs = std::filesystem;

// By the kernel's word, whoever may or may not look.
std::string directory_now() {
  char path[4096];
  return ::getcwd(path, sizeof path) == nullptr ? "" : path;
}

mode_t umask_now() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mask;
}

TEST(A_thread_s_directory, is_its_own_until_the_end_of_the_scope) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              fs::create_directory("/home/service", fs::path("/"));
              ::chmod("/home/service", 0700);
              must(::chdir("/home/service") == 0, "chdir");
              ::umask(0027);
              start(ServiceKind::root);
              on_thread([] {
                for (const Posture posture : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
                  const Impersonation as{in_posture(alice(), posture)};
                  {
                    const ThreadDirectory here{"/home/alice"};
                    const ThreadUmask mask{0077};
                    must(directory_now() == "/home/alice" && umask_now() == 0077, "in the scope");
                    {
                      const ThreadDirectory root{Descriptor(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC))};
                      const ThreadDirectory below{"usr"};
                      must(directory_now() == "/usr", "in the inner scope");
                    }
                    must(directory_now() == "/home/alice", "after the inner scope");
                    std::thread([] { must(directory_now() == "/home/alice", "a thread of this one's"); }).join();
                    must(fs::read_symlink("/proc/self/cwd") == "/home/service", "the process was moved");
                  }
                  // Alice may not so much as look at it.
                  must(directory_now() == "/home/service" && umask_now() == 0027, "afterwards");
                }
              });
              must(directory_now() == "/home/service" && umask_now() == 0027, "the process");
            }),
            "");
}

TEST(A_directory, is_entered_as_the_user_and_where_it_is_not_nothing_is_changed) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::chdir("/etc") == 0, "chdir");
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{alice()};
                must(refused(Error::Reason::not_permitted, [] { const ThreadDirectory bobs{"/home/bob"}; }), "bob's");
                must(refused(Error::Reason::not_there, [] { const ThreadDirectory none{"/no/such"}; }), "none");
                must(refused(Error::Reason::not_there, [] { const ThreadDirectory file{"/etc/passwd"}; }), "a file");
                must(refused(Error::Reason::platform, [] { const ThreadDirectory bad{Descriptor()}; }),
                     "no descriptor");
                must(directory_now() == "/etc", "where it was");
              });
            }),
            "");
}

// A directory that is the thread's own is not disturbed by others who have theirs.
TEST(Threads_of_many_users, work_in_directories_of_their_own_at_once) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              std::atomic<int> wrong{0};
              std::vector<std::thread> threads;
              for (int number = 0; number < 16; ++number) {
                threads.emplace_back([&, number] {
                  const bool even = number % 2 == 0;
                  const std::string home = even ? "/home/alice" : "/home/bob";
                  const mode_t mask = even ? 0077 : 0007;
                  for (int i = 0; i < 200; ++i) {
                    const Impersonation as{even ? alice() : bob()};
                    const ThreadDirectory here{home};
                    const ThreadUmask own{mask};
                    if (directory_now() != home) ++wrong;
                    const std::string name = "note-" + std::to_string(number);
                    const int file = ::open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
                    struct stat status {};
                    if (file < 0 || ::fstat(file, &status) != 0 || (status.st_mode & 0777) != (0666 & ~mask)) ++wrong;
                    ::close(file);
                    ::unlink((home + "/" + name).c_str());
                  }
                });
              }
              for (std::thread& thread : threads) thread.join();
              must_equal(wrong.load(), 0, "looks that were wrong");
            }),
            "");
}

struct Where {
  std::string directory;
  mode_t umask = 0;
  friend bool operator==(const Where&, const Where&) = default;
};

Where now() {
  return {directory_now(), umask_now()};
}

const Where hers{"/home/alice", 0077};
const Where of_process{"/etc", 0022};

// What the next task of that pool's only worker finds.
Where next_of(ThreadPool& pool) {
  return pool.submit(Carried(bob()), [] { return now(); }).get();
}

task<void> works_at_home(ThreadPool& first, ThreadPool& second) {
  co_await schedule(first);
  const ThreadDirectory here{"/home/alice"};
  {
    const ThreadUmask mask{0077};
    co_await schedule(second);
    must(now() == hers, "after the suspension");
    must(next_of(first) == of_process, "what the next one finds where it was");
    co_await [](ThreadPool& pool) -> task<void> {
      must(now() == of_process, "a task that is awaited begins where its thread is");
      co_await schedule(pool);
    }(first);
    must(now() == hers, "after it has awaited another");
  }
  must(now() == Where{"/home/alice", 0022}, "after the inner scope");
}

// They would be the next user's otherwise: the scopes end on another thread than they began on.
TEST(In_a_task, they_are_the_coroutines_and_not_the_threads) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::chdir("/etc") == 0, "chdir");
              ::umask(0022);
              start(ServiceKind::root);
              ThreadPool first({.threads = 1});
              ThreadPool second({.threads = 1});
              behalf::start(first, works_at_home(first, second).as(alice())).get();
              must(next_of(first) == of_process && next_of(second) == of_process, "afterwards");
              must(now() == of_process, "the process");
            }),
            "");
}

// Notes where, and as whom, it was destroyed.
struct Remains {
  Where& where;
  uid_t& uid;
  ~Remains() {
    where = now();
    uid = uid_now();
  }
};

// One that is not to be had again, as long as it refuses.
std::atomic<bool> refuses{false};
class Refusing final : private detail::OfThread {
 public:
  Refusing() { begin(); }
  ~Refusing() { end(); }

 private:
  void take() override {
    if (refuses) throw Error(Error::Reason::out_of_resources, "on purpose");
  }
  void put_back() noexcept override {}
};

task<void> goes_home(ThreadPool& first, ThreadPool& second, std::promise<void>& there, std::future<void> on,
                     Where& destroyed_in, uid_t& destroyed_as) {
  co_await schedule(first);
  const ThreadUmask mask{0077};
  const ThreadDirectory here{"/home/alice"};
  const Refusing refusing;
  const Impersonation as{bob()};
  const Remains remains{destroyed_in, destroyed_as};
  there.set_value();
  on.wait();
  co_await schedule(second);
  must(false, "it went on elsewhere");
}

task<void> stays_with(ThreadPool& first, ThreadPool& second) {
  co_await schedule(first);
  const ThreadUmask mask{0077};
  const ThreadDirectory here{"/home/alice"};
  const Impersonation as{bob()};  // who may not enter it
  co_await schedule(second);
  must(now() == hers, "after the suspension");
}

// As a thread stays in a directory that it might not enter any more.
TEST(A_task, stays_in_its_directory_whoever_it_is_when_it_goes_on) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              ThreadPool first({.threads = 1});
              ThreadPool second({.threads = 1});
              behalf::start(first, stays_with(first, second).as(alice())).get();
            }),
            "");
}

TEST(A_task, one_of_whose_scopes_cannot_be_had_again_does_not_go_on_nor_end_elsewhere) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::chdir("/etc") == 0, "chdir");
              ::umask(0022);
              start(ServiceKind::root);
              ThreadPool first({.threads = 1});
              ThreadPool second({.threads = 1});
              std::promise<void> there;
              std::promise<void> on;
              Where destroyed_in;
              uid_t destroyed_as = nobody_yet;
              auto end = behalf::start(
                  first, goes_home(first, second, there, on.get_future(), destroyed_in, destroyed_as).as(alice()));
              there.get_future().wait();
              refuses = true;
              on.set_value();
              must(refused(Error::Reason::out_of_resources, [&] { end.get(); }), "it was entered");
              must(next_of(first) == of_process && next_of(second) == of_process, "afterwards");
              must(first.counts().strayed == 0 && second.counts().strayed == 0, "a worker was left as somebody else");
              must_equal(destroy_abandoned(), std::size_t{1}, "kept");
              must(destroyed_as == nobody_yet, "what it held was destroyed elsewhere");
              refuses = false;
              must_equal(destroy_abandoned(), std::size_t{0}, "kept in the end");
              must(destroyed_in == hers, "what it held was destroyed in " + destroyed_in.directory);
              must_equal(destroyed_as, bob_id, "what it held was destroyed as");
              must(now() == of_process, "the process, in the end");
            }),
            "");
}

// Suspends, and gives whoever holds it the means to resume.
struct Elsewhere {
  std::promise<std::coroutine_handle<>>* suspended;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const noexcept { suspended->set_value(handle); }
  void await_resume() const noexcept {}
};

task<void> goes_to(ThreadPool& pool) {
  co_await schedule(pool);
}

task<void> is_resumed_by_hand(ThreadPool& pool, std::promise<std::coroutine_handle<>>& suspended) {
  co_await Elsewhere{&suspended};
  co_await goes_to(pool);  // of the same identity: what is worn is handed over
}

TEST(A_scope_around_a_task, stays_where_the_task_goes_on_elsewhere) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              ThreadPool pool({.threads = 1});
              std::promise<std::coroutine_handle<>> suspended;
              std::future<void> end = behalf::start(pool, is_resumed_by_hand(pool, suspended).as(alice()));
              const std::coroutine_handle<> handle = suspended.get_future().get();
              on_thread([&] {
                const ThreadUmask own{0007};
                handle.resume();
                must_equal(umask_now(), mode_t{0007}, "the thread's own");
              });
              end.get();
            }),
            "");
}

// As the coroutines of other libraries do.
TEST(A_scope_that_is_left_open, is_not_the_next_one_s) {
  const auto in_service = [](const std::function<void(std::optional<ThreadUmask>&)>& body) {
    return in_child([&] {
      const Household household;
      must(::chdir("/etc") == 0, "chdir");
      ::umask(0022);
      start(ServiceKind::root);
      std::optional<ThreadUmask> left;
      body(left);
      must(false, "the process goes on");
    });
  };
  ChildEnd end = in_service([](auto& left) { Carried(as_service).run([&] { left.emplace(0077); }); });
  EXPECT_TRUE(end.exited && end.status == 70) << end.failure;
  EXPECT_NE(end.said.find("ThreadUmask, ThreadTickets or CallContext::Scope still open"), std::string::npos)
      << end.said;

  end = in_service([](auto& left) {
    left.emplace(0077);
    std::thread([&] { left.reset(); }).join();
  });
  EXPECT_TRUE(end.exited && end.status == 70) << end.failure;
  EXPECT_NE(end.said.find("on another thread"), std::string::npos) << end.said;

  end = in_service([](auto& left) {
    ThreadPool pool({.threads = 1, .when_strayed = ThreadPoolOptions::WhenStrayed::end_process});
    pool.submit(Carried(alice()), [&] { left.emplace(0077); }).get();
    (void)next_of(pool);
  });
  EXPECT_TRUE(end.exited && end.status == 70) << end.failure;
  EXPECT_NE(end.said.find("left a ThreadDirectory, ThreadUmask, ThreadTickets or CallContext::Scope behind"),
            std::string::npos)
      << end.said;

  // Where a stray is no reason to end.
  end = in_service([](auto& left) {
    ThreadPool pool({.threads = 1, .when_strayed = ThreadPoolOptions::WhenStrayed::reset});
    pool.submit(Carried(alice()), [&] { left.emplace(0077); }).get();
    must(next_of(pool) == of_process, "it was left to the next one");
    throw std::runtime_error("repaired");
  });
  EXPECT_EQ(end.failure, "repaired");
}

}  // namespace
}  // namespace behalf::testing
