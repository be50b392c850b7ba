// Whose credentials an effect ran with, as far as they decide it: for each posture (measured in the kernel
// facts, section 0) and each way in which the kernel decides.
#include "judge/expectation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace behalf::tool::testing {
namespace {

constexpr std::uint64_t full_power = 0x1ffffffffffULL;
constexpr std::uint64_t file_powers = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH |
                                      1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_LINUX_IMMUTABLE |
                                      1ULL << CAP_MKNOD | 1ULL << CAP_MAC_OVERRIDE;

Credentials made(Ids uid, Ids gid, std::vector<gid_t> groups, std::uint64_t effective, std::uint64_t permitted) {
  return {uid, gid, std::move(groups), effective, permitted};
}
constexpr Ids all(unsigned id) {
  return {id, id, id, id};
}

// What a thread of the service wears as alice, by posture.
const Credentials service = made(all(0), all(0), {0}, full_power, full_power);
const Credentials files = made({0, 0, 0, 3001}, {0, 0, 0, 3001}, {3001, 3100}, full_power & ~file_powers, full_power);
const Credentials effective = made({0, 3001, 0, 3001}, {0, 3001, 0, 3001}, {3001, 3100}, 0, full_power);
const Credentials full = made({3001, 3001, 0, 3001}, {3001, 3001, 0, 3001}, {3001, 3100}, 0, full_power);
const Credentials shielded = made({3009, 3001, 0, 3001}, {3009, 3001, 0, 3001}, {3001, 3100}, 0, full_power);
const Credentials herself = made(all(3001), all(3001), {3001, 3100}, 0, 0);
const Credentials bob = made(all(3002), all(3002), {3002, 3200}, 0, 0);
// A new program started in each posture: execve copies the effective id to the saved one.
const Credentials program_of_effective = made({0, 3001, 3001, 3001}, {0, 3001, 3001, 3001}, {3001, 3100}, 0, 0);
const Credentials program_of_files = made(all(0), all(0), {3001, 3100}, full_power, full_power);

struct Row {
  const char* name;
  const Credentials* as;
  // who_is for alice, by fs, effective, real, program, sender
  const char* who[5];
};
const Row rows[] = {
    {"herself", &herself, {"alice", "alice", "alice", "alice", "alice"}},
    {"service", &service, {"root", "root", "root", "root", "root"}},
    {"files", &files, {"alice", "root", "root", "root", "root"}},
    {"effective", &effective, {"alice", "alice", "root", "root", "root"}},
    {"full", &full, {"alice", "alice", "alice", "root", "alice"}},
    {"shielded", &shielded, {"alice", "alice", "shield", "shield", "shield"}},
    {"bob", &bob, {"bob", "bob", "bob", "bob", "bob"}},
    {"program of effective", &program_of_effective, {"alice", "alice", "root", "root", "root"}},
    {"program of files", &program_of_files, {"root", "root", "root", "root", "root"}},
};
constexpr Decides ways[] = {Decides::fs, Decides::effective, Decides::real, Decides::program, Decides::sender};

TEST(Whose, credentials_are_in_each_posture_for_each_way_of_deciding) {
  const Account& alice = account("alice");
  for (const Row& row : rows)
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(who_is(alice, *row.as, ways[i]), row.who[i]) << row.name << " " << to_string(ways[i]);
}

TEST(Ran_as, alice_exactly_where_the_credentials_that_decide_are_hers) {
  const Account& alice = account("alice");
  for (const Row& row : rows)
    for (int i = 0; i < 5; ++i) {
      // kill(2) accepts the real id as well; the spare account's is nobody's.
      const bool spare_sender = ways[i] == Decides::sender && row.as == &shielded;
      EXPECT_EQ(ran_as(alice, *row.as, ways[i]), std::string(row.who[i]) == "alice" || spare_sender)
          << row.name << " " << to_string(ways[i]);
    }
}

TEST(Ran_as, anybody_where_nothing_decides) {
  for (const Row& row : rows) EXPECT_TRUE(ran_as(account("bob"), *row.as, Decides::none)) << row.name;
}

TEST(Ran_as, needs_all_of_the_groups_and_no_other) {
  const Account& alice = account("alice");
  for (const std::vector<gid_t>& groups :
       std::vector<std::vector<gid_t>>{{}, {3001}, {3100}, {0}, {0, 3001, 3100}, {3001, 3100, 3200}, {3002, 3200}}) {
    Credentials as = full;
    as.groups = groups;
    for (const Decides decides : {Decides::fs, Decides::effective, Decides::real}) {
      EXPECT_FALSE(ran_as(alice, as, decides)) << groups.size();
      EXPECT_EQ(who_is(alice, as, decides), "alice with other groups") << groups.size();
    }
  }
}

TEST(Ran_as, needs_the_group_id_that_decides) {
  const Account& alice = account("alice");
  Credentials as = full;
  as.gid.fs = 0;
  EXPECT_FALSE(ran_as(alice, as, Decides::fs));
  EXPECT_TRUE(ran_as(alice, as, Decides::real));
  as = full;
  as.gid.effective = 3100;
  EXPECT_FALSE(ran_as(alice, as, Decides::effective));
  EXPECT_TRUE(ran_as(alice, as, Decides::fs));
}

TEST(Ran_as, is_not_the_user_who_keeps_the_power_to_pass_over_permissions) {
  for (const int power : {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_CHOWN}) {
    Credentials as = full;
    as.effective = 1ULL << power;
    EXPECT_FALSE(ran_as(account("alice"), as, Decides::fs)) << power;
    EXPECT_EQ(who_is(account("alice"), as, Decides::fs), "root") << power;
  }
}

TEST(Ran_as, is_not_the_user_whose_program_keeps_another_saved_id_or_a_capability) {
  Credentials as = herself;
  as.uid.saved = 0;
  EXPECT_FALSE(ran_as(account("alice"), as, Decides::program));
  EXPECT_EQ(who_is(account("alice"), as, Decides::program), "root");
  as = herself;
  as.permitted = 1;
  EXPECT_FALSE(ran_as(account("alice"), as, Decides::program));
  as = herself;
  as.gid.saved = 0;
  EXPECT_FALSE(ran_as(account("alice"), as, Decides::program));
  EXPECT_TRUE(ran_as(account("alice"), herself, Decides::program));
}

TEST(Ran_as, the_service_is_root_with_its_own_groups) {
  EXPECT_TRUE(ran_as(account("root"), service, Decides::fs));
  EXPECT_FALSE(ran_as(account("root"), full, Decides::fs));
  Credentials as = service;
  as.groups = {3001, 3100};
  EXPECT_FALSE(ran_as(account("root"), as, Decides::fs)) << "alice's groups were left";
}

TEST(Whose, names_an_id_that_is_nobody_s) {
  EXPECT_EQ(who_is(account("alice"), made(all(65534), all(65534), {}, 0, 0), Decides::fs), "uid 65534");
}

Effect look(const std::string& object, long result = 0) {
  Effect effect;
  effect.call = "openat";
  effect.object = object;
  effect.result = result;
  effect.finished = effect.reads = true;
  return effect;
}

TEST(Same_for_everybody, is_a_look_at_a_public_file_of_the_machine_or_at_none) {
  EXPECT_TRUE(same_for_everybody(look("/etc/passwd")));
  EXPECT_TRUE(same_for_everybody(look("/usr/lib")));
  EXPECT_TRUE(same_for_everybody(look("/usr/there-is-no-such-file", -ENOENT)));
  EXPECT_TRUE(same_for_everybody(look("/proc/sys/vm/overcommit_memory")));
  EXPECT_FALSE(same_for_everybody(look("/etc/shadow")));
  EXPECT_FALSE(same_for_everybody(look("/etc/passwd", -EACCES)));
  EXPECT_FALSE(same_for_everybody(look("/usr/there-is-no-such-file", 3)));
}

TEST(Same_for_everybody, is_nothing_on_the_stage_itself_and_nothing_that_changes_or_did_not_end) {
  for (const char* own : {"/home/alice/note.txt", "/srv/inbox", "/root/note.txt", "/tmp/x", "/run/x", "/var/tmp/x",
                          "/dev/null", "/proc/PID/stat"})
    EXPECT_FALSE(same_for_everybody(look(own))) << own;
  Effect effect = look("/etc/passwd");
  effect.reads = false;
  EXPECT_FALSE(same_for_everybody(effect));
  effect = look("/etc/passwd");
  effect.finished = false;
  EXPECT_FALSE(same_for_everybody(effect));
  EXPECT_FALSE(same_for_everybody(look("")));
  EXPECT_FALSE(same_for_everybody(look("inet:127.0.0.1:9")));
}

TEST(Same_for_everybody, is_nothing_below_a_folder_that_not_everybody_may_enter) {
  char name[] = "/var/lib/behalf-test-XXXXXX";
  const std::string folder = mkdtemp(name);
  const std::string file = folder + "/file";
  close(open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
  EXPECT_FALSE(same_for_everybody(look(file)));
  EXPECT_FALSE(same_for_everybody(look(folder + "/absent", -ENOENT)));
  chmod(folder.c_str(), 0711);
  EXPECT_TRUE(same_for_everybody(look(file)));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace behalf::tool::testing
