// A process that is killed while it writes loses nothing that was kept, and leaves nothing that was not.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <random>
#include <thread>

#include "settings_homes.h"

namespace behalf::testing {
namespace {

constexpr int rounds = 100;
constexpr int keys = 20;  // in each transaction

// Shared with the writer, which outlives no round.
struct Progress {
  std::atomic<std::int64_t> transactions;  // begun, in all rounds
  std::atomic<std::int64_t> begun;         // the last one's number
  std::atomic<std::int64_t> kept;
  std::array<char, 1000> failure;
};

std::string key(int i) {
  return "part/" + std::to_string(i);
}

// Writes the same number to all keys, again and again, after it has looked at what the one before it has left.
void write_until_killed(const SettingsOptions& options, bool machine, Progress& progress) {
  start(ServiceKind::root);
  UserSettings settings = machine ? UserSettings::open_machine(options)
                                  : UserSettings::open_current_user(Carried(Token::for_user("alice")), options);
  const std::int64_t found = std::max<std::int64_t>(number(settings, key(0).c_str()), 0);
  must(found >= progress.kept && found <= progress.begun,
       std::to_string(found) + " was found, " + std::to_string(progress.kept) + " was kept");
  for (int i = 0; i < keys; ++i) {
    must_equal(std::max<std::int64_t>(number(settings, key(i).c_str()), 0), found, key(i));
  }
  for (std::int64_t n = found + 1;; ++n) {
    progress.begun = n;
    ++progress.transactions;
    settings.transaction([&] {
      for (int i = 0; i < keys; ++i) settings.set(key(i), n);
    });
    progress.kept = n;
  }
}

// How many of the rounds left a transaction in the middle.
int kill_again_and_again(bool machine) {
  const Homes homes;
  void* const shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must(shared != MAP_FAILED, "mmap");
  Progress& progress = *new (shared) Progress{};
  std::mt19937 random(1);
  std::filesystem::path left = homes.folder_of_alice() / "settings.sqlite-journal";
  if (machine) left = homes.machine() / "app/settings.new";
  int in_the_middle = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t before = progress.transactions;
    const pid_t writer = ::fork();
    must(writer >= 0, "fork");
    if (writer == 0) {
      try {
        write_until_killed(homes.options(), machine, progress);
      } catch (const std::exception& error) {
        std::strncpy(progress.failure.data(), error.what(), progress.failure.size() - 1);
      }
      ::_exit(1);
    }
    // Some moment after it has begun its first, second or third transaction, however long one takes.
    const auto wanted = before + 1 + static_cast<std::int64_t>(random() % 3);
    int status = 0;
    while (progress.transactions < wanted && ::waitpid(writer, &status, WNOHANG) == 0) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, &status, 0);
    must(progress.failure[0] == '\0', progress.failure.data());
    std::error_code none;
    const auto size = std::filesystem::file_size(left, none);
    if (!none && size > 0) ++in_the_middle;
  }
  must(progress.kept > 0, "nothing was ever kept");
  return in_the_middle;
}

TEST(A_writer_that_is_killed, loses_nothing_of_the_user_s_that_was_kept) {
  EXPECT_EQ(in_own_process([] { must(kill_again_and_again(false) > 0, "none was killed in the middle"); }), "");
}

TEST(A_writer_that_is_killed, loses_nothing_of_the_machine_s_that_was_kept) {
  EXPECT_EQ(in_own_process([] { must(kill_again_and_again(true) > 0, "none was killed in the middle"); }), "");
}

}  // namespace
}  // namespace behalf::testing
