// access_allowed, FileLock, NewFile, temporary_file, Log: what is asked of files, and done with them, for whoever is
// worn.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "behalf/access_allowed.h"
#include "behalf/file_lock.h"
#include "behalf/impersonation.h"
#include "behalf/known_folder.h"
#include "behalf/log.h"
#include "behalf/new_file.h"
#include "behalf/temporary_file.h"
#include "behalf/thread_directory.h"
#include "children/household.h"
#include "refused.h"

namespace behalf::testing {
namespace {

namespace fs = std::filesystem;

constexpr Posture postures[] = {Posture::files, Posture::effective, Posture::full, Posture::shielded};

void put(const std::string& path, const std::string& text, uid_t owner, mode_t mode) {
  std::ofstream(path) << text;
  must(::chmod(path.c_str(), mode) == 0 && ::chown(path.c_str(), owner, owner) == 0, path);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct stat status_of(const std::string& path) {
  struct stat status {};
  must(::lstat(path.c_str(), &status) == 0, path + " is not there");
  return status;
}

// What can be a new file's name is none of these.
bool names_no_file(const fs::path& path) {
  try {
    const NewFile file(path);
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(Access, is_answered_for_whoever_is_worn_or_given) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              put("/home/alice/hers", "", alice_id, 0600);
              put("/home/alice/script", "", alice_id, 0500);
              start(ServiceKind::root);
              on_thread([] {
                must(access_allowed("/home/alice/hers", R_OK | W_OK), "the service");
                must(access_allowed("/home/alice/hers", R_OK | W_OK, alice()), "alice, given");
                must(!access_allowed("/home/alice/hers", R_OK, bob()), "bob, given");
                for (const Posture posture : postures) {
                  const Impersonation as{in_posture(alice(), posture)};
                  must(access_allowed("/home/alice/hers", R_OK | W_OK), "alice's own");
                  must(!access_allowed("/home/alice/hers", X_OK), "no program");
                  must(access_allowed("/home/alice/script", X_OK) && !access_allowed("/home/alice/script", W_OK),
                       "a program that is not to be changed");
                  must(!access_allowed("/home/bob", X_OK) && !access_allowed("/home/bob/x", F_OK), "bob's");
                  must(access_allowed("/home/bob", X_OK, Carried(as_service)), "the service, by name");
                  must(refused(Error::Reason::not_there, [] { (void)access_allowed("/home/alice/x", R_OK); }), "none");
                  must(refused(Error::Reason::platform, [] { (void)access_allowed("/home", 1024); }), "no mode");
                }
              });
            }),
            "");
}

// Whoever made a call and granted no more than to be looked at is whom a server asks this for.
TEST(Access, is_answered_of_who_is_only_identified_and_never_worn) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              put("/home/alice/hers", "", alice_id, 0600);
              start(ServiceKind::root);
              on_thread([] {
                const Token seen = alice().with_level(Level::identification);
                must(access_allowed("/home/alice/hers", R_OK | W_OK, seen), "hers");
                must(!access_allowed("/home/bob", X_OK, seen), "bob's");
                must(refused(Error::Reason::level_too_low, [&] { const Impersonation as{seen}; }), "it was worn");
                const Token unknown = alice().with_level(Level::anonymous);
                must(refused(Error::Reason::level_too_low, [&] { (void)access_allowed("/home", R_OK, unknown); }),
                     "nobody may be asked about who is anonymous");
                const Impersonation as{bob()};
                must(access_allowed("/home/alice/hers", R_OK, seen) && ::geteuid() == bob_id, "in bob's work");
              });
            }),
            "");
}

TEST(A_file_lock, keeps_out_whoever_opened_the_file_by_himself) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              put("/home/shared", "", 0, 0666);
              start(ServiceKind::root);
              on_thread([] {
                const auto open_as = [](const Token& user) {
                  const Impersonation as{user};
                  Descriptor file(::open("/home/shared", O_RDWR | O_CLOEXEC));
                  must(bool{file}, "open");
                  return file;
                };
                const Descriptor hers = open_as(alice()), his = open_as(bob());
                std::optional<FileLock> lock(std::in_place, hers.get());
                (void)open_as(alice());  // and closed: a POSIX lock would be gone
                must(!FileLock::without_waiting(his.get()), "both have it");
                must(!FileLock::without_waiting(his.get(), FileLock::Kind::shared), "both have it, one to read");
                FileLock moved = std::move(*lock);
                lock.reset();
                must(!FileLock::without_waiting(his.get()), "it was let go with what was moved from");
                lock.emplace(std::move(moved));
                std::atomic<bool> let_go = false;
                std::thread later([&] {
                  std::this_thread::sleep_for(std::chrono::milliseconds{5});
                  let_go = true;
                  lock.reset();
                });
                const FileLock waited(his.get());
                must(let_go, "it did not wait");
                later.join();
                must(!FileLock::without_waiting(hers.get()), "both have it, the other way round");
              });
              on_thread([] {
                const Descriptor one(::open("/home/shared", O_RDONLY | O_CLOEXEC)),
                    other(::open("/home/shared", O_RDONLY | O_CLOEXEC));
                const FileLock lock(one.get(), FileLock::Kind::shared);
                must(FileLock::without_waiting(other.get(), FileLock::Kind::shared).has_value(), "two who read");
                must(refused(Error::Reason::platform, [&] { const FileLock none(other.get()); }), "not open to write");
              });
            }),
            "");
}

TEST(A_new_file, is_the_users_from_the_first_byte_and_is_there_when_it_is_complete) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              ::umask(0022);
              start(ServiceKind::root);
              on_thread([] {
                for (const Posture posture : postures) {
                  const Impersonation as{in_posture(alice(), posture)};
                  NewFile file("/home/alice/report", 0640);
                  struct stat status {};
                  must(::fstat(file.fd(), &status) == 0 && status.st_uid == alice_id && status.st_gid == alice_id &&
                           (status.st_mode & 07777) == 0640,
                       "not hers from the first");
                  must(::write(file.fd(), "text", 4) == 4, "write");
                  must(!fs::exists("/home/alice/report"), "it is there before it is complete");
                  file.commit();
                  must(text_of("/home/alice/report") == "text", "content");
                  must_equal(files_in("/home/alice"), std::size_t{1}, "files");
                  must(::unlink("/home/alice/report") == 0, "unlink");
                }
              });
            }),
            "");
}

TEST(A_new_file, that_is_not_committed_leaves_nothing_and_what_was) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              put("/home/alice/report", "old", alice_id, 0600);
              start(ServiceKind::account);
              on_thread([] {
                {
                  NewFile file("/home/alice/report", 0600, alice());
                  const NewFile moved = std::move(file);
                  must_equal(files_in("/home/alice"), std::size_t{2}, "files, moved");
                }  // removed as alice by the service's thread
                must_equal(files_in("/home/alice"), std::size_t{1}, "files");
                must(text_of("/home/alice/report") == "old", "content");
                const Impersonation as{bob()};
                must(refused(Error::Reason::not_permitted, [] { const NewFile file("/home/alice/report"); }),
                     "bob may");
                must(refused(Error::Reason::not_there, [] { const NewFile file("/home/bob/none/report"); }), "none");
                must(names_no_file("/home/bob/"), "a folder");
              });
            }),
            "");
}

// What she may not remove any more is not removed for her with the power of the service.
TEST(A_new_file, that_its_user_may_not_remove_any_more_stays) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              on_thread([] {
                {
                  const NewFile file("/home/alice/report", 0600, alice());
                  must(::chown("/home/alice", 0, 0) == 0 && ::chmod("/home/alice", 0755) == 0, "take the folder away");
                }
                must_equal(files_in("/home/alice"), std::size_t{1}, "files");
              });
            }),
            "");
}

TEST(A_new_file, goes_where_it_was_begun_and_follows_nobody_s_link) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::mkdir("/home/alice/folder", 0700) == 0 && ::chown("/home/alice/folder", alice_id, 3200) == 0 &&
                       ::chmod("/home/alice/folder", 02700) == 0,
                   "mkdir");
              put("/home/kept", "kept", 0, 0666);
              start(ServiceKind::root);
              on_thread([] {
                NewFile file("/home/alice/folder/report", 0600, alice());
                fs::rename("/home/alice/folder", "/home/alice/moved");
                fs::create_directory_symlink("/home/bob", "/home/alice/folder");
                fs::create_symlink("/home/kept", "/home/alice/moved/report");
                must(::write(file.fd(), "new", 3) == 3, "write");
                file.commit();
                const struct stat made = status_of("/home/alice/moved/report");
                must(S_ISREG(made.st_mode) && made.st_uid == alice_id && made.st_gid == 3200, "the folder's group");
                must(text_of("/home/kept") == "kept", "what the link led to");
                must_equal(files_in("/home/bob"), std::size_t{0}, "in bob's home");
                bool refused_twice = false;
                try {
                  file.commit();
                } catch (const std::logic_error&) {
                  refused_twice = true;
                }
                must(refused_twice, "committed twice");
              });
            }),
            "");
}

TEST(A_temporary_file, is_the_users_and_has_no_name) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::mkdir("/home/of-service", 0700) == 0, "mkdir");
              ::setenv("TMPDIR", "/home/of-service", 1);
              ::umask(0777);
              start(ServiceKind::root);
              const auto check = [](const Descriptor& file, const std::string& folder) {
                struct stat status {};
                must(::fstat(file.get(), &status) == 0 && status.st_uid == alice_id && status.st_gid == alice_id,
                     "not hers");
                must_equal(status.st_mode & 07777, mode_t{0600}, "mode");
                must_equal(status.st_nlink, nlink_t{0}, "names");
                must_equal(status.st_dev, status_of(folder).st_dev, "file system");
                must(::pwrite(file.get(), "text", 4, 0) == 4, "write");
                const std::string link = "/proc/self/fd/" + std::to_string(file.get());
                must(::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, (folder + "/named").c_str(), AT_SYMLINK_FOLLOW) != 0,
                     "it was given a name");
              };
              on_thread([&] {
                for (const Posture posture : postures) {
                  const Impersonation as{in_posture(alice(), posture)};
                  check(temporary_file(), "/tmp");
                  check(temporary_file(Carried(), "/home/alice"), "/home/alice");
                }
              });
              // By the service, from the main thread too.
              check(temporary_file(Carried(alice()), "/home/alice"), "/home/alice");
              must(refused(Error::Reason::not_permitted, [] { (void)temporary_file(Carried(alice()), "/home/bob"); }),
                   "in a folder that is not hers");
              must(refused(Error::Reason::not_there, [] { (void)temporary_file(Carried(alice()), "/home/none"); }),
                   "in none");
              must(refused(Error::Reason::platform, [] { (void)temporary_file(Carried(as_service), "/proc"); }),
                   "where there are none");
            }),
            "");
}

TEST(A_log, is_the_service_s_whoever_is_worn_and_says_who_it_was) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::mkdir("/home/log", 0700) == 0, "mkdir");
              start(ServiceKind::root);
              on_thread([] {
                std::optional<Log> log;
                {
                  const Impersonation as{alice()};
                  log.emplace("/home/log/gateway");  // where she may not look
                  log->write("opened a\\b\n2026-01-01T00:00:00Z -: all is well\x7f");
                  must(::rename("/home/log/gateway", "/home/log/gateway.1") != 0, "she rotated it");
                }
                const struct stat made = status_of("/home/log/gateway");
                must(made.st_uid == 0 && (made.st_mode & 07777) == 0640, "whose it is");
                log->write("goes on");
                fs::rename("/home/log/gateway", "/home/log/gateway.1");
                {
                  const Impersonation as{bob()};
                  log->reopen();
                  log->write("after the rotation");
                }
                const std::string before = text_of("/home/log/gateway.1"), after = text_of("/home/log/gateway");
                const std::size_t end = before.find('\n');
                must(before.substr(20, end - 20) ==
                         " alice(3001): opened a\\x5cb\\x0a2026-01-01T00:00:00Z -: all is well\\x7f",
                     before);
                must(before.substr(end + 21) == " -: goes on\n", before);
                must(after.substr(20) == " bob(3002): after the rotation\n", after);
                must_equal(status_of("/home/log/gateway").st_uid, uid_t{0}, "whose the new one is");
                fs::remove("/home/log/gateway");
                fs::create_symlink("/home/alice/x", "/home/log/gateway");
                must(refused(Error::Reason::not_permitted, [&] { log->reopen(); }), "it followed a link");
              });
            }),
            "");
}

TEST(A_file_lock, is_not_taken_away_by_a_child_that_was_forked_meanwhile) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              const Descriptor mine(::open("/home/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
              std::optional<FileLock> lock(std::in_place, mine.get());
              const pid_t child = ::fork();
              if (child == 0) {
                lock.reset();
                ::_exit(0);
              }
              must(::waitpid(child, nullptr, 0) == child, "wait");
              const Descriptor another(::open("/home/lock", O_RDWR | O_CLOEXEC));
              must(!FileLock::without_waiting(another.get()), "it is gone");
              lock.reset();
              must(FileLock::without_waiting(another.get()).has_value(), "it is still there");
            }),
            "");
}

// What stands before the NUL is another file.
TEST(A_path_with_a_NUL_in_it, names_nothing) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{alice()};
                std::ofstream("/home/alice/a") << "old";
                const auto with_nul = [](const char* before) { return fs::path(before + std::string("\0b", 2)); };
                const fs::path path = with_nul("/home/alice/a"), folder = with_nul("/home/alice");
                must(names_no_file(path) && names_no_file(folder / "b"), "a new file");
                must(text_of("/home/alice/a") == "old", text_of("/home/alice/a"));
                using Reason = Error::Reason;
                must(refused(Reason::not_there, [&] { (void)access_allowed(path, R_OK); }), "access");
                must(refused(Reason::not_there, [&] { (void)temporary_file({}, folder); }), "a temporary file");
                must(refused(Reason::not_there, [&] { const ThreadDirectory there{folder}; }), "a directory");
                must(refused(Reason::not_there, [&] { const Log log(with_nul("/home/log").string()); }), "a log");
                must(!find_in_layers(Folder::data, with_nul("/")), "in layers");
              });
            }),
            "");
}

TEST(A_log, is_not_written_to_by_a_name) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              Log log("/home/log");
              on_thread([&] {
                const Impersonation as{Token::from_ids(alice_id, alice_id, {}, "a\n2026-01-01T00:00:00Z -: b")};
                log.write("opened");
              });
              const std::string all = text_of("/home/log");
              must(all.substr(20) == " a\\x0a2026-01-01T00:00:00Z -: b(3001): opened\n", all);
            }),
            "");
}

TEST(A_log, is_where_it_was_begun_whatever_directory_the_thread_is_in) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              must(::chdir("/home") == 0, "chdir");
              Log log("gateway");
              on_thread([&] {
                const Impersonation as{alice()};
                const ThreadDirectory there{"/home/alice"};
                log.reopen();
                log.write("opened");
              });
              must(!fs::exists("/home/alice/gateway"), "the service's, in her folder");
              must(refused(Error::Reason::not_there, [] { const Log nowhere(""); }), "nowhere");
              must(text_of("/home/gateway").ends_with("): opened\n"), text_of("/home/gateway"));
            }),
            "");
}

TEST(A_log, that_had_no_room_for_a_line_begins_the_next_below_it) {
  EXPECT_EQ(
      in_own_process([] {
        const Household household;
        start(ServiceKind::root);
        must(std::signal(SIGXFSZ, SIG_IGN) != SIG_ERR, "signal");
        Log log("/home/log");
        log.write("one");
        rlimit limit{};
        must(::getrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
        const rlim_t before = std::exchange(limit.rlim_cur, fs::file_size("/home/log") + 28);
        must(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
        bool is_told = false;
        try {
          log.write("two, for which there is no room");
        } catch (const Error&) {
          is_told = true;
        }
        must(is_told, "it was written");
        limit.rlim_cur = before;
        must(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "limit");
        log.write("three");
        log.write("four");
        std::ifstream file("/home/log");
        std::vector<std::string> ends;
        for (std::string line; std::getline(file, line);) ends.push_back(line.substr(20));
        must(ends == std::vector<std::string>({" -: one", " -: two,", " -: three", " -: four"}), text_of("/home/log"));
      }),
      "");
}

TEST(A_log, keeps_its_lines_whole_among_threads) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              Log log("/home/log");
              std::vector<std::thread> threads;
              for (const Token& user : {alice(), bob(), alice(), bob()}) {
                threads.emplace_back([&log, user] {
                  const Impersonation as{user};
                  for (int i = 0; i < 200; ++i) {
                    log.write("opened");
                    if (i % 50 == 0) log.reopen();
                  }
                });
              }
              for (std::thread& each : threads) each.join();
              std::ifstream file("/home/log");
              std::size_t lines = 0;
              for (std::string line; std::getline(file, line); ++lines) must(line.ends_with("): opened"), line);
              must_equal(lines, std::size_t{800}, "lines");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
