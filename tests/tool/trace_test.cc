// The tracer over traps: one program for each thing that is hard to follow and could go unseen.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "trace/activity.h"
#include "trace/symbolizer.h"
#include "trap_run.h"

namespace behalf::tool::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A folder that others can reach, gone with the test.
class Folder {
 public:
  Folder() {
    char name[] = "/var/lib/behalf-test-XXXXXX";
    path = mkdtemp(name);
    std::filesystem::permissions(path, std::filesystem::perms(0755));
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path;
};

bool ended_well(const TrapRun& run) {
  const auto status = run.status();
  return status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

std::vector<std::string> functions_of(const Stack& stack) {
  Symbolizer symbolizer;
  std::vector<std::string> names;
  for (const NamedFrame& frame : symbolizer.name(stack, {})) names.push_back(frame.function);
  return names;
}

void become_nobody_special() {
  if (setgroups(0, nullptr) != 0 || setresgid(3001, 3001, 3001) != 0 || setresuid(3001, 3001, 3001) != 0) _exit(124);
}

TEST(Tracer, keeps_the_set_user_ID_bit_of_a_program_that_an_unprivileged_process_runs) {
  const Folder folder;
  const std::string program = folder.path + "/program";
  std::filesystem::copy_file(trap_path("says_who"), program);
  ASSERT_EQ(chmod(program.c_str(), 04755), 0);
  TrapRun run;
  run.start({.program = program, .before = become_nobody_special});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_TRUE(ended_well(run));
  EXPECT_THAT(run.output(), HasSubstr("uid 3001 0 0 0 gid 3001 3001 3001 3001"));
  const Ids set_user = {3001, 0, 0, 0}, alice = {3001, 3001, 3001, 3001};
  EXPECT_EQ(run.as(run.effect_on(program)).uid, set_user);
  const Credentials after = run.as(run.effect_on("/trap/after-exec"));
  EXPECT_EQ(after.uid, set_user);
  EXPECT_EQ(after.gid, alice);
  EXPECT_NE(after.effective, 0U);
  EXPECT_EQ(run.problems(), "");
}

TEST(Tracer, follows_fork_vfork_and_spawn_and_says_who_made_whom) {
  TrapRun run;
  run.start({.program = "makes_children"});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_TRUE(ended_well(run));
  const auto maker_of = [&](const char* object) {
    return run.tracer.threads().at(static_cast<std::size_t>(run.effect_on(object).thread));
  };
  EXPECT_EQ(maker_of("/trap/parent").number, 0);
  EXPECT_EQ(maker_of("/trap/forked").birth, Birth::fork);
  EXPECT_EQ(maker_of("/trap/forked").program, "");
  for (const char* object : {"/trap/vforked", "/trap/spawned"}) {
    const Thread child = maker_of(object);
    EXPECT_EQ(child.birth, Birth::vfork) << object;
    EXPECT_EQ(child.parent, 0) << object;
    EXPECT_EQ(child.program, "/proc/self/exe") << object;
    EXPECT_TRUE(child.ended) << object;
  }
  EXPECT_THAT(run.watcher.ends, SizeIs(4));
  EXPECT_EQ(run.problems(), "");
}

TEST(Tracer, moves_a_thread_that_execs_to_its_leader_s_place_and_ends_its_siblings) {
  TrapRun run;
  run.start({.program = "execs_from_a_thread"});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_THAT(run.output(), HasSubstr("uid 3002 3002 3002 3002"));
  const Effect before = run.effect_on("/trap/before-exec"), after = run.effect_on("/trap/second-program");
  EXPECT_NE(before.thread, 0);
  EXPECT_EQ(after.thread, before.thread);
  EXPECT_EQ(run.as(before).uid.fs, 0U);
  EXPECT_EQ(run.as(after).uid, (Ids{3002, 3002, 3002, 3002}));
  const Effect execve = run.effect_on("/proc/self/exe");
  EXPECT_EQ(execve.thread, before.thread);
  EXPECT_TRUE(execve.finished);
  EXPECT_EQ(execve.result, 0);
  EXPECT_EQ(run.as(execve).uid, (Ids{3002, 3002, 3002, 3002}));
  const auto& threads = run.tracer.threads();
  ASSERT_THAT(threads, SizeIs(6));  // the leader, three that wait, the one that execs, one of the second program
  for (const Thread& thread : threads) EXPECT_TRUE(thread.ended) << thread.number;
  EXPECT_EQ(threads[static_cast<std::size_t>(before.thread)].tid, run.pid);
  const Thread& last = threads.at(static_cast<std::size_t>(run.effect_on("/trap/thread-of-second").thread));
  EXPECT_EQ(last.parent, before.thread);
  EXPECT_EQ(last.process, run.pid);
  EXPECT_THAT(run.watcher.ends, ElementsAre(std::pair(before.thread, 0)));
  EXPECT_EQ(run.problems(), "");
}

TEST(Tracer, lets_a_process_stop_and_go_on_by_signals) {
  const Folder folder;
  const std::string file = folder.path + "/count";
  const int fd = open(file.c_str(), O_CREAT | O_RDWR, 0600);
  ASSERT_EQ(ftruncate(fd, 4096), 0);
  auto* const count = static_cast<std::atomic<long>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  TrapRun run;
  run.start({.program = "stops_itself", .words = {file}});
  ASSERT_TRUE(run.until_marked(1));
  run.run_for(200ms);
  const long stopped_at = *count;
  EXPECT_GT(stopped_at, 0);
  run.run_for(200ms);
  EXPECT_EQ(*count, stopped_at) << "it did not really stop";
  EXPECT_EQ(run.output(), "");
  kill(run.pid, SIGCONT);
  ASSERT_TRUE(run.to_the_end());
  EXPECT_TRUE(ended_well(run));
  EXPECT_GT(*count, stopped_at);
  EXPECT_EQ(run.output(), "continued 1\n");
  run.effect_on("/trap/after-stop");
  munmap(count, 4096);
  close(fd);
}

TEST(Tracer, changes_nothing_about_the_signals_that_a_program_takes) {
  const Start start = {.program = "takes_signals"};
  const std::string untraced = printed_untraced(start);
  ASSERT_THAT(untraced, HasSubstr("usr1 5 trap 1 realtime 5 sum 15 alarms 2"));
  TrapRun run;
  run.start(start);
  ASSERT_TRUE(run.to_the_end());
  EXPECT_TRUE(ended_well(run));
  EXPECT_EQ(run.output(), untraced);
}

TEST(Tracer, says_of_an_effect_in_which_its_thread_ended_that_it_did_not_finish) {
  const Folder folder;
  TrapRun run;
  run.start({.program = "dies_in_a_call", .words = {folder.path + "/queue"}});
  ASSERT_TRUE(run.to_the_end());
  ASSERT_TRUE(run.status());
  EXPECT_EQ(WEXITSTATUS(*run.status()), 5);
  const auto effects = run.effects_on(folder.path + "/queue");
  const auto opened = std::find_if(effects.begin(), effects.end(),
                                   [](const Effect& effect) { return effect.call.starts_with("open"); });
  ASSERT_NE(opened, effects.end());
  EXPECT_FALSE(opened->finished);
  EXPECT_TRUE(run.effect_on("/trap/last").finished);
  EXPECT_TRUE(run.tracer.threads().at(1).ended);
}

TEST(Tracer, sees_the_end_of_a_process_that_is_killed_while_it_is_stopped) {
  for (const char* way : {"pause", "stopped"}) {
    TrapRun run;
    run.start({.program = "waits", .words = {way}});
    ASSERT_TRUE(run.until_marked(1));
    run.run_for(30ms);
    if (std::string(way) == "pause") {
      EXPECT_FALSE(run.tracer.stack_of(0).empty());  // leaves it stopped by us
    }
    kill(run.pid, SIGKILL);
    ASSERT_TRUE(run.to_the_end()) << way;
    ASSERT_TRUE(run.status()) << way;
    EXPECT_TRUE(WIFSIGNALED(*run.status())) << way;
    EXPECT_EQ(WTERMSIG(*run.status()), SIGKILL) << way;
  }
}

TEST(Tracer, keeps_the_stack_of_the_first_fatal_signal) {
  TrapRun run;
  run.start({.program = "crashes"});
  ASSERT_TRUE(run.to_the_end());
  ASSERT_TRUE(run.status());
  EXPECT_TRUE(WIFSIGNALED(*run.status()));
  EXPECT_EQ(WTERMSIG(*run.status()), SIGSEGV);
  EXPECT_THAT(functions_of(run.tracer.crash_stack()), Contains("the_function_that_crashes()"));
}

TEST(Tracer, loses_no_thread_in_a_storm_of_short_ones) {
  TrapRun run;
  run.start({.program = "thread_storm"});
  ASSERT_TRUE(run.to_the_end(40s));
  EXPECT_TRUE(ended_well(run));
  EXPECT_EQ(run.output(), "calm\n");
  const auto effects = run.effects_on("/trap/storm");
  EXPECT_THAT(effects, SizeIs(1000));
  std::set<int> threads;
  for (const Effect& effect : effects) {
    EXPECT_TRUE(effect.finished);
    EXPECT_EQ(effect.result, -ENOENT);
    threads.insert(effect.thread);
  }
  EXPECT_THAT(threads, SizeIs(1000));
  EXPECT_THAT(run.tracer.threads(), SizeIs(1001));
  for (const Thread& thread : run.tracer.threads()) EXPECT_TRUE(thread.ended);
  EXPECT_EQ(run.problems(), "");
}

TEST(Tracer, reports_a_child_that_is_made_to_escape_it) {
  for (const char* way : {"clone", "clone3"}) {
    TrapRun run;
    run.start({.program = "untraced_clone", .words = {way}});
    ASSERT_TRUE(run.to_the_end());
    EXPECT_THAT(run.problems(), HasSubstr("CLONE_UNTRACED")) << way;
    EXPECT_THAT(run.tracer.threads(), SizeIs(1)) << way;
  }
}

TEST(Tracer, reports_a_call_through_a_foreign_door) {
#if defined(__x86_64__)
  for (const char* way : {"i386", "x32"}) {
    TrapRun run;
    run.start({.program = "foreign_call", .words = {way}});
    ASSERT_TRUE(run.to_the_end());
    EXPECT_THAT(run.problems(), HasSubstr("foreign architecture")) << way;
    EXPECT_THAT(run.output(), HasSubstr("\n")) << way << ": it did not go on";
  }
#endif
}

TEST(Tracer, sees_what_one_thread_changes_for_all_even_when_it_is_put_back) {
  const auto changes = [](const std::string& way) {
    TrapRun run;
    run.start({.program = "shares_state", .words = {way}});
    EXPECT_TRUE(run.to_the_end()) << way;
    EXPECT_TRUE(ended_well(run)) << way;
    std::vector<std::string> seen;
    for (const SharedChange& change : run.tracer.shared_changes())
      seen.push_back(change.what + " " + change.before + " " + change.now);
    return seen;
  };
  EXPECT_THAT(changes("beside"), ElementsAre("the umask 0022 0077", "the working directory / /usr"));
  for (const char* way : {"alone", "refused", "own", "own at once", "child"})
    EXPECT_THAT(changes(way), IsEmpty()) << way;
}

TEST(Tracer, names_files_by_their_whole_path_with_results_and_errors) {
  const Folder folder;
  const std::string own = folder.path + "/own", relative = own + "/relative";
  std::filesystem::create_directory(own);
  close(open(relative.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  TrapRun run;
  run.start({.program = "names_paths", .words = {own}});
  ASSERT_TRUE(run.to_the_end());
  ASSERT_TRUE(ended_well(run));
  std::vector<std::string> seen;
  bool begun = false;
  for (const Effect& effect : run.tracer.effects()) {
    begun = begun || effect.call == "chdir";
    if (!begun) continue;
    const long result = effect.result > 0 ? 0 : effect.result;
    seen.push_back(effect.call + " " + effect.object + " " + std::to_string(result) + " " +
                   std::string(to_string(effect.decides)));
  }
  const auto error = [](int number) { return " " + std::to_string(-number) + " fs"; };
  EXPECT_THAT(seen, ElementsAre("chdir " + own + " 0 fs", "openat " + relative + " 0 fs", "openat " + own + " 0 fs",
                                "openat " + own + "/absent" + error(ENOENT), "openat " + own + "/made 0 fs",
                                "fchmod " + own + "/made 0 fs", "renameat " + own + "/../renamed 0 fs",
                                "mkdir " + relative + "/below" + error(ENOTDIR), "unlink " + own + "/../renamed 0 fs",
                                "openat fd -7/lost" + error(EBADF), "openat /proc/self/status 0 fs",
                                "openat /proc/PID/stat 0 fs"));
}

TEST(Tracer, tells_calls_that_the_real_id_decides_from_those_that_the_effective_decides) {
  const Folder folder;
  for (const char* name : {"/f", "/f.at", "/f.2", "/f.3"}) {
    const std::string file = folder.path + name;
    close(open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  TrapRun run;
  run.start({.program = "asks_access", .words = {folder.path + "/f"}});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_EQ(run.output(), "access 0\nfaccessat 0\nfaccessat2 -1\nfaccessat2 real 0\n");
  EXPECT_EQ(run.effect_on(folder.path + "/f").decides, Decides::real);
  EXPECT_EQ(run.effect_on(folder.path + "/f.at").decides, Decides::real);
  EXPECT_EQ(run.effect_on(folder.path + "/f.2").decides, Decides::fs);
  EXPECT_EQ(run.effect_on(folder.path + "/f.2").result, -EACCES);
  EXPECT_EQ(run.effect_on(folder.path + "/f.3").decides, Decides::real);
  EXPECT_EQ(run.as(run.effect_on(folder.path + "/f")).uid, (Ids{0, 3001, 0, 3001}));
}

TEST(Tracer, spells_out_the_addresses_of_sockets) {
  TrapRun run;
  run.start({.program = "connects"});
  ASSERT_TRUE(run.to_the_end());
  std::vector<std::string> seen;
  for (const Effect& effect : run.tracer.effects())
    if (effect.call == "connect" || effect.call == "bind") {
      seen.push_back(effect.call + " " + effect.object);
      EXPECT_EQ(effect.decides, Decides::effective);
    }
  EXPECT_THAT(seen, ElementsAre("connect /trap/socket", "connect /usr/trap-relative", "connect unix:@trap-abstract",
                                "connect inet:127.0.0.1:9", "connect inet6:[::1]:9", "bind inet:127.0.0.1:0",
                                "bind unix:unnamed"));
}

TEST(Tracer, shows_a_pinned_program_the_CPUs_that_it_would_have_had) {
  cpu_set_t shown;
  CPU_ZERO(&shown);
  for (const int cpu : {0, 1, 5}) CPU_SET(cpu, &shown);
  const auto pin = [] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
  };
  TracerOptions options;
  options.shown_affinity = shown;
  TrapRun run(options);
  run.start({.program = "shows_affinity", .before = [] {}});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_EQ(run.output(), "cpus 0 1 5\ncpus 0\n");
  TrapRun truth;
  truth.start({.program = "shows_affinity", .before = pin});
  ASSERT_TRUE(truth.to_the_end());
  EXPECT_EQ(truth.output(), "cpus 0\ncpus 0\n");
}

TEST(Tracer, keeps_what_each_thread_writes_to_the_output_where_that_is_asked_for) {
  TracerOptions options;
  options.keep_output = true;
  TrapRun run(options);
  run.start({.program = "writes_output"});
  ASSERT_TRUE(run.to_the_end());
  std::vector<std::pair<int, std::string>> kept;
  for (const Output& output : run.tracer.outputs()) kept.emplace_back(output.thread, output.bytes);
  EXPECT_THAT(kept, ElementsAre(std::pair(0, "one "), std::pair(1, "two three "), std::pair(0, "four\n")));
  EXPECT_EQ(run.output(), "one two three four\n");
}

TEST(Tracer, kills_the_whole_tree_when_it_is_told_to) {
  pid_t pid = 0;
  {
    TrapRun run;
    run.start({.program = "waits", .words = {"process-ping-pong"}});
    ASSERT_TRUE(run.until_marked(1));
    run.run_for(50ms);
    EXPECT_THAT(run.tracer.threads(), SizeIs(2));
    pid = run.tracer.threads().back().tid;
    run.tracer.kill_all();
    EXPECT_TRUE(run.tracer.empty());
    EXPECT_NE(kill(run.pid, 0), 0);
  }
  const char state = state_of(pid);
  EXPECT_TRUE(state == '\0' || state == 'Z') << state;
}

TEST(Unwinder, names_the_functions_that_led_to_an_effect) {
  TrapRun run;
  run.watcher.wants_stacks_of = "/trap/in-";
  run.watcher.wants_births = true;
  run.start({.program = "named_frames"});
  ASSERT_TRUE(run.to_the_end());
  const auto in_main = functions_of(run.effect_on("/trap/in-main").stack),
             in_thread = functions_of(run.effect_on("/trap/in-thread").stack);
  EXPECT_THAT(in_main, ::testing::IsSupersetOf(
                           {"the_function_that_acts(char const*)", "the_caller_of_it(char const*)", "main"}));
  EXPECT_THAT(in_thread, ::testing::IsSupersetOf({"the_function_that_acts(char const*)",
                                                  "the_caller_of_it(char const*)", "the_thread_body(void*)"}));
  EXPECT_LT(std::find(in_main.begin(), in_main.end(), "the_function_that_acts(char const*)"),
            std::find(in_main.begin(), in_main.end(), "the_caller_of_it(char const*)"));
  EXPECT_THAT(functions_of(run.tracer.threads().at(1).made_at),
              ::testing::IsSupersetOf({"the_maker_of_threads()", "main"}));
  Symbolizer symbolizer;
  const auto frames = symbolizer.name(run.effect_on("/trap/in-main").stack, {});
  const auto own = std::find_if(frames.begin(), frames.end(),
                                [](const NamedFrame& frame) { return frame.function.starts_with("the_caller"); });
  ASSERT_NE(own, frames.end());
  EXPECT_THAT(own->file, HasSubstr("named_frames.cc"));
  std::ifstream source(own->file);
  std::string line;
  for (int at = 0; at < own->line && std::getline(source, line); ++at) {
  }
  EXPECT_THAT(line, HasSubstr("the_function_that_acts(path)"));
}

}  // namespace
}  // namespace behalf::tool::testing
