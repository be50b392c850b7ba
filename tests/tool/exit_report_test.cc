// What the kernel tells of calls without a stop: first of our own, then of a traced program's.
#include "trace/exit_report.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/btf.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <filesystem>
#include <fstream>
#include <thread>

#include "trace/kernel_layout.h"
#include "trace/symbolizer.h"
#include "trap_run.h"

namespace behalf::tool::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

pid_t own_tid() {
  return static_cast<pid_t>(syscall(SYS_gettid));
}

class Exit_report : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!reporter_) GTEST_SKIP() << "the kernel lets us run no program in it here";
  }
  std::unique_ptr<ExitReporter> reporter_ = ExitReporter::open();
};

TEST_F(Exit_report, tells_the_result_of_the_one_call_that_it_was_asked_about) {
  auto watch = reporter_->watch(own_tid());
  ASSERT_TRUE(watch);
  close(-1);
  EXPECT_FALSE(watch->told()) << "nobody asked";
  watch->ask();
  close(-1);
  syscall(SYS_getppid);
  EXPECT_TRUE(watch->told());
  EXPECT_EQ(watch->report().result, -EBADF);
  EXPECT_FALSE(watch->told()) << "told twice";
  watch->ask();
  const int fd = open("/", O_RDONLY | O_CLOEXEC);
  EXPECT_TRUE(watch->told());
  EXPECT_EQ(watch->report().result, fd);
  close(fd);
}

TEST_F(Exit_report, tells_the_path_whole_and_says_where_there_is_none) {
  auto watch = reporter_->watch(own_tid());
  ASSERT_TRUE(watch);
  const auto path_of = [&](const char* path) {
    watch->ask(reinterpret_cast<std::uint64_t>(path));
    syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    EXPECT_TRUE(watch->told());
    return std::string(watch->report().path_told());
  };
  const std::string longest = "/" + std::string(PATH_MAX - 2, 'x');
  for (const std::string& path : {std::string("/no/such/file"), std::string("x"), longest}) {
    EXPECT_EQ(path_of(path.c_str()), path);
    EXPECT_EQ(watch->report().path_size, static_cast<std::int64_t>(path.size() + 1));
  }
  EXPECT_EQ(path_of(""), "");
  EXPECT_EQ(watch->report().path_size, 1);
  EXPECT_EQ(path_of(reinterpret_cast<const char*>(8)), "");
  EXPECT_LT(watch->report().path_size, 0);
  EXPECT_EQ(watch->report().result, -EFAULT);
}

TEST_F(Exit_report, tells_the_ids_that_the_call_ran_under) {
  if (!reporter_->tells_ids()) GTEST_SKIP() << "this kernel does not describe its structures";
  std::thread([&] {
    auto watch = reporter_->watch(own_tid());
    ASSERT_TRUE(watch);
    const auto told = [&] {
      watch->ask();
      close(-1);
      EXPECT_TRUE(watch->told());
      EXPECT_EQ(watch->report().ids_unread, 0);
      return watch->report().ids_told();
    };
    EXPECT_EQ(told(), (ThreadIds{{0, 0, 0, 0}, {0, 0, 0, 0}}));
    syscall(SYS_setresgid, 3001, 3002, 3003);
    syscall(SYS_setfsgid, 3004);
    syscall(SYS_setresuid, 3005, 0, 3007);
    syscall(SYS_setfsuid, 3008);
    EXPECT_EQ(told(), (ThreadIds{{3005, 0, 3007, 3008}, {3001, 3002, 3003, 3004}}));
  }).join();
}

TEST_F(Exit_report, is_of_its_own_thread_alone) {
  auto watch = reporter_->watch(own_tid());
  ASSERT_TRUE(watch);
  watch->ask();
  std::thread([&] {
    auto other = reporter_->watch(own_tid());
    ASSERT_TRUE(other);
    other->ask();
    open("/no/such/file", O_RDONLY | O_CLOEXEC);
    EXPECT_TRUE(other->told());
    EXPECT_EQ(other->report().result, -ENOENT);
  }).join();
  EXPECT_TRUE(watch->told()) << "the call that waited for the thread";
  EXPECT_NE(watch->report().result, -ENOENT);
}

TEST_F(Exit_report, has_room_for_many_threads_and_says_when_there_is_none) {
  std::vector<ExitReporter::Watch> watches;
  for (pid_t none = 1 << 23; watches.size() < ExitReports::most; ++none) {
    auto watch = reporter_->watch(none);
    ASSERT_TRUE(watch) << watches.size();
    watches.push_back(std::move(*watch));
  }
  EXPECT_FALSE(reporter_->watch(own_tid()));
  watches.pop_back();
  auto watch = reporter_->watch(own_tid());
  ASSERT_TRUE(watch);
  watch->ask();
  close(-1);
  EXPECT_TRUE(watch->told());
}

// A description of types as the kernel writes it, small enough to be written by hand.
class Description {
 public:
  std::uint32_t name(const std::string& text) {
    const auto at = static_cast<std::uint32_t>(names_.size());
    names_ += text + '\0';
    return at;
  }
  void type(const std::string& text, std::uint32_t kind, std::uint32_t count, std::vector<std::uint32_t> rest,
            bool flag = false) {
    types_.insert(types_.end(), {name(text), kind << 24 | count | (flag ? 1U << 31 : 0), 0});
    types_.insert(types_.end(), rest.begin(), rest.end());
  }
  std::string whole() const {
    const auto size = static_cast<std::uint32_t>(types_.size() * 4);
    const btf_header header = {BTF_MAGIC, 1,    0,    sizeof header,
                               0,         size, size, static_cast<std::uint32_t>(names_.size())};
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(types_.data()), size);
    return bytes + names_;
  }

 private:
  std::string names_ = std::string(1, '\0');
  std::vector<std::uint32_t> types_;
};

std::optional<std::uint32_t> offset(const std::string& bytes, const char* structure, const char* member) {
  const int fd = memfd_create("description", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  const auto found = offset_in(fd, structure, member);
  close(fd);
  return found;
}

Description of_everything() {
  Description it;
  it.type("int", BTF_KIND_INT, 0, {32});
  it.type("", BTF_KIND_ARRAY, 0, {1, 1, 4});
  it.type("", BTF_KIND_PTR, 0, {});
  it.type("colour", BTF_KIND_ENUM, 2, {it.name("red"), 0, it.name("green"), 1});
  it.type("", BTF_KIND_FUNC_PROTO, 1, {it.name("argument"), 1});
  it.type("wide", 19, 1, {it.name("one"), 1, 0});
  it.type("", 17, 0, {0});
  it.type("either", BTF_KIND_UNION, 2, {it.name("a"), 1, 0, it.name("b"), 1, 0});
  it.type("task_structure", BTF_KIND_STRUCT, 1, {it.name("cred"), 1, 8});
  it.type("plain", BTF_KIND_STRUCT, 2, {it.name("first"), 1, 0, it.name("cred"), 3, 13888});
  it.type("with_bits", BTF_KIND_STRUCT, 2, {it.name("few"), 1, 3U << 24 | 5, it.name("cred"), 3, 128}, true);
  return it;
}

TEST(Kernel_layout, finds_a_member_of_a_structure_behind_types_of_every_kind) {
  const std::string bytes = of_everything().whole();
  EXPECT_EQ(offset(bytes, "plain", "cred"), 1736U);
  EXPECT_EQ(offset(bytes, "with_bits", "cred"), 16U);
  EXPECT_EQ(offset(bytes, "task_structure", "cred"), 1U);
  EXPECT_EQ(offset(bytes, "task_struct", "cred"), std::nullopt) << "only the start of the name is alike";
  EXPECT_EQ(offset(bytes, "plain", "cre"), std::nullopt);
  EXPECT_EQ(offset(bytes, "colour", "red"), std::nullopt) << "no structure";
}

TEST(Kernel_layout, finds_nothing_in_a_description_that_is_cut_or_spoilt) {
  const std::string whole = of_everything().whole();
  for (std::size_t size = 0; size < whole.size(); ++size) offset(whole.substr(0, size), "with_bits", "cred");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string spoilt = whole;
    spoilt[at] = '\xff';
    offset(spoilt, "with_bits", "cred");
  }
  EXPECT_EQ(offset(whole.substr(0, 40), "plain", "cred"), std::nullopt);
  EXPECT_EQ(offset("", "plain", "cred"), std::nullopt);
}

TEST(Kernel_layout, of_the_running_kernel_has_the_credentials_of_a_task_in_place) {
  if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) GTEST_SKIP() << "this kernel does not describe its structures";
  const auto found = offset_in_kernel("task_struct", "cred");
  ASSERT_TRUE(found);
  EXPECT_GT(*found, 0U);
  EXPECT_EQ(*found % alignof(void*), 0U);
}

// Over both ways to learn what a call came to: stopping at its end, and being told.
class Call_that_is_over : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (told() && !ExitReporter::open()) GTEST_SKIP() << "the kernel lets us run no program in it here";
  }
  static bool told() { return GetParam(); }
  static TracerOptions options() {
    TracerOptions chosen;
    chosen.results_told_after = told() ? 0 : 1'000'000'000;
    return chosen;
  }
};
INSTANTIATE_TEST_SUITE_P(both_ways, Call_that_is_over, ::testing::Values(false, true),
                         [](const auto& way) { return way.param ? "told" : "stopped_at"; });

struct File {
  explicit File(mode_t mode) {
    char name[] = "/var/lib/behalf-test-XXXXXX";
    close(mkstemp(name));
    chmod(name, mode);
    path = name;
  }
  ~File() { std::filesystem::remove(path); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path;
};

TEST_P(Call_that_is_over, has_its_result_in_every_thread) {
  const File file(0644);
  TrapRun run(options());
  run.start({.program = "opens_often", .words = {file.path}});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_EQ(run.output(), "opened 300 absent 300\n");
  int opened = 0, absent = 0;
  for (const Effect& effect : run.tracer.effects()) {
    if (!effect.object.starts_with(file.path)) continue;
    EXPECT_TRUE(effect.finished);
    if (effect.object == file.path)
      opened += effect.result >= 0 ? 1 : 0;
    else
      absent += effect.result == -ENOENT ? 1 : 0;
  }
  EXPECT_EQ(opened, 300);
  EXPECT_EQ(absent, 300);
  // One stop a call where it is told: that is what it is for.
  EXPECT_EQ(run.tracer.stops() < 900, told()) << run.tracer.stops();
  EXPECT_EQ(run.problems(), "");
}

TEST_P(Call_that_is_over, and_was_refused_shows_where_though_its_thread_lets_no_signal_through) {
  const File deaf(0600), rain(0600);
  TrapRun run(options());
  run.watcher.wants_refusals = true;
  run.start({.program = "is_refused", .words = {deaf.path, rain.path}});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_EQ(run.output(), "deaf: error 13, 0 signals pending\nrain: refused 300 times\n");
  EXPECT_THAT(run.effects_on(deaf.path), SizeIs(1));
  const auto in_the_rain = run.effects_on(rain.path);
  EXPECT_THAT(in_the_rain, SizeIs(300));
  Symbolizer symbolizer;
  const auto functions = [&](const Effect& effect) {
    std::vector<std::string> names;
    for (const NamedFrame& frame : symbolizer.name(effect.stack, {})) names.push_back(frame.function);
    return names;
  };
  for (const Effect& effect : {run.effect_on(deaf.path), in_the_rain.front(), in_the_rain.back()}) {
    EXPECT_EQ(effect.result, -EACCES);
    EXPECT_THAT(functions(effect), Contains("the_function_that_is_refused(char const*)"));
  }
  // Wherever a signal came in between, the thread was seen where it stood in the call, and nowhere else.
  for (const Effect& effect : in_the_rain) EXPECT_EQ(effect.stack, in_the_rain.front().stack);
  EXPECT_EQ(run.problems(), "");
}

// Stops at openat alone.
std::vector<sock_filter> blind_filter() {
  return {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
          {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_openat},
          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_TRACE},
          {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
}

TEST_P(Call_that_is_over, shows_that_its_thread_changed_who_it_is_in_a_way_that_nobody_saw) {
  TrapRun run(options());
  run.start({.program = "changes_unseen", .filter = blind_filter()});
  ASSERT_TRUE(run.to_the_end());
  EXPECT_THAT(run.problems(), HasSubstr("changed unseen"));
  EXPECT_EQ(run.as(run.effect_on("/trap/between")).uid.fs, 3001U);
  EXPECT_EQ(run.as(run.effect_on("/trap/after")).uid.fs, 0U);
}

TEST_P(Call_that_is_over, or_never_is_has_its_path_when_the_tree_is_killed_in_it) {
  const File file(0600);
  const std::string fifo = file.path + ".fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  {
    TrapRun run(options());
    run.start({.program = "dies_in_a_call", .words = {fifo + ".own"}});
    ASSERT_TRUE(run.until_marked(1));
    run.tracer.kill_all();
    const auto effects = run.effects_on(fifo + ".own");
    const auto opened = std::find_if(effects.begin(), effects.end(),
                                     [](const Effect& effect) { return effect.call.starts_with("open"); });
    ASSERT_NE(opened, effects.end());
    EXPECT_FALSE(opened->finished);
  }
  std::filesystem::remove(fifo);
  std::filesystem::remove(fifo + ".own");
}

}  // namespace
}  // namespace behalf::tool::testing
