// ThreadDirectory and ThreadUmask: of one thread, for a scope, whoever is worn; nobody else's change.
#include "behalf/thread_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "behalf/impersonation.h"
#include "children/household.h"
#include "refused.h"

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

}  // namespace
}  // namespace behalf::testing
