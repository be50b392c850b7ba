// The process that reads debugging information may be lost at it: the tool is not, and says what it has no names for.
#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "trace/symbolizer.h"

namespace behalf::tool {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* good = "/good.so";
constexpr const char* bad = "/bad.so";

// Names everything, and does something else at /bad.so.
NameGiver but_at_bad(const std::function<void()>& act) {
  return [act](const Frame& place) {
    if (place.module == bad) act();
    return std::vector<NamedFrame>{{"f" + std::to_string(place.offset), place.module, "/src/f.c", 7, 0}};
  };
}

std::vector<std::string> functions_of(const std::vector<NamedFrame>& frames) {
  std::vector<std::string> functions;
  for (const NamedFrame& frame : frames) functions.push_back(frame.function);
  return functions;
}

const Stack mixed = {{good, 1}, {bad, 2}, {good, 3}, {bad, 4}, {good, 5}};

void expect_only_bad_is_lost(const NameGiver& giver, const std::string& why, const NamingLimits& limits = {}) {
  Symbolizer symbolizer(limits, giver);
  const auto frames = symbolizer.name(mixed, {});
  EXPECT_THAT(functions_of(frames), ElementsAre("f1", "", "f3", "", "f5"));
  EXPECT_EQ(frames.at(1).module, bad);
  EXPECT_EQ(frames.at(1).offset, 2U) << "an address is what is left";
  EXPECT_THAT(symbolizer.troubles(), ElementsAre(testing::AllOf(HasSubstr(bad), HasSubstr(why))));
  // It is known to be bad from then on, and the good goes on.
  EXPECT_THAT(functions_of(symbolizer.name({{bad, 9}, {good, 9}}, {})), ElementsAre("", "f9"));
  EXPECT_THAT(symbolizer.troubles(), SizeIs(1));
}

TEST(Naming, A_reader_that_crashes_costs_the_names_of_that_module_alone) {
  expect_only_bad_is_lost(but_at_bad([] { raise(SIGSEGV); }), "was ended by signal 11 (Segmentation fault)");
}

TEST(Naming, A_reader_that_exits_is_no_answer) {
  expect_only_bad_is_lost(but_at_bad([] { _exit(0); }), "ended with 0");
}

TEST(Naming, A_reader_that_loops_is_ended_by_the_time_that_it_uses) {
  NamingLimits limits;
  limits.processor = std::chrono::seconds(1);
  expect_only_bad_is_lost(but_at_bad([] {
                            volatile bool on = true;
                            while (on) {
                            }
                          }),
                          "took more than 1 s of processor time", limits);
}

TEST(Naming, A_reader_that_waits_for_ever_is_not_waited_for) {
  NamingLimits limits;
  limits.answer = std::chrono::seconds(1);
  expect_only_bad_is_lost(but_at_bad([] {
                            for (;;) pause();
                          }),
                          "did not answer within 1 s", limits);
}

TEST(Naming, An_answer_that_is_none_is_not_believed) {
  // The socket is the only thing that the process has open: it is 3.
  expect_only_bad_is_lost(but_at_bad([] {
                            const std::uint64_t answer[] = {8, 1ULL << 40};
                            ASSERT_EQ(send(3, answer, sizeof answer, 0), static_cast<ssize_t>(sizeof answer));
                            for (;;) pause();
                          }),
                          "gave an answer that is none");
  expect_only_bad_is_lost(but_at_bad([] {
                            const std::uint64_t length = ~0ULL;
                            ASSERT_EQ(send(3, &length, sizeof length, 0), static_cast<ssize_t>(sizeof length));
                            for (;;) pause();
                          }),
                          "gave an answer that is none");
}

#if !defined(__SANITIZE_ADDRESS__)
std::string all_of_it;

TEST(Naming, A_reader_that_wants_all_memory_does_not_get_it) {
  NamingLimits limits;
  limits.memory = 256 << 20;
  expect_only_bad_is_lost(but_at_bad([] { all_of_it = std::string(1 << 30, 'x'); }), "was ended by signal 6 (Aborted)",
                          limits);
}
#endif

TEST(Naming, The_time_for_a_file_is_for_all_of_its_places) {
  NamingLimits limits;
  limits.processor = std::chrono::seconds(1);
  const auto dear = [](const Frame& place) {
    rusage used{};
    for (const auto start = (getrusage(RUSAGE_SELF, &used), used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec);
         place.module == bad && used.ru_utime.tv_sec * 1000000 + used.ru_utime.tv_usec < start + 400000;)
      getrusage(RUSAGE_SELF, &used);
    return std::vector<NamedFrame>{{"f", place.module, "", 0, 0}};
  };
  Symbolizer symbolizer(limits, dear);
  Stack many;
  for (std::uint64_t i = 0; i < 20; ++i) many.push_back({bad, i});
  EXPECT_THAT(symbolizer.name(many, {}).back().function, IsEmpty());
  EXPECT_THAT(symbolizer.troubles(), ElementsAre(HasSubstr("took more than 1 s")));
}

TEST(Naming, Where_nothing_is_asked_no_process_is_made) {
  bool asked = false;
  Symbolizer symbolizer({}, [&](const Frame&) {
    asked = true;
    return std::vector<NamedFrame>{};
  });
  EXPECT_THAT(symbolizer.name({}, {}), IsEmpty());
  EXPECT_THAT(symbolizer.name({{"/x/libexec/behalf-service", 1}}, {}), IsEmpty());
  EXPECT_THAT(symbolizer.troubles(), IsEmpty());
  EXPECT_FALSE(asked);
}

// What the process finds when it looks at itself.
std::string seen_in_the_process(const std::function<std::string()>& look) {
  Symbolizer symbolizer({}, [look](const Frame&) { return std::vector<NamedFrame>{{look(), "", "", 0, 0}}; });
  const auto frames = symbolizer.name({{good, 1}}, {});
  EXPECT_THAT(symbolizer.troubles(), IsEmpty());
  return frames.empty() ? "" : frames.front().function;
}

TEST(Naming, The_process_may_read_everything_and_write_nothing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string folder = testing::TempDir() + "/behalf-naming-" + std::to_string(getpid());
  ASSERT_EQ(mkdir(folder.c_str(), 0700), 0);
  std::ofstream(folder + "/secret") << "text";
  ASSERT_EQ(chmod((folder + "/secret").c_str(), 0600), 0);
  const std::string seen = seen_in_the_process([&] {
    const bool reads = open((folder + "/secret").c_str(), O_RDONLY) >= 0;
    const bool writes = open((folder + "/secret").c_str(), O_WRONLY) >= 0;
    const bool makes = open((folder + "/new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0;
    const bool ends_others = kill(getppid(), 0) == 0;
    return "uid " + std::to_string(getuid()) + (reads ? " reads" : "") + (writes ? " writes" : "") +
           (makes ? " makes" : "") + (ends_others ? " ends others" : "");
  });
  EXPECT_EQ(seen, "uid 65534 reads");
  unlink((folder + "/secret").c_str());
  rmdir(folder.c_str());
}

TEST(Naming, The_process_has_no_environment_and_nothing_of_the_tools_open) {
  setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9", 1);
  const int kept = open("/dev/null", O_RDONLY);
  const std::string seen = seen_in_the_process([&] {
    return std::string(environ == nullptr || *environ == nullptr ? "none" : *environ) +
           (fcntl(kept, F_GETFD) < 0 || kept == 3 ? " closed" : " open");
  });
  EXPECT_EQ(seen, "none closed");
  close(kept);
  unsetenv("DEBUGINFOD_URLS");
}

TEST(Naming, The_process_ends_with_whoever_asked) {
  pid_t process = 0;
  {
    Symbolizer symbolizer({}, [](const Frame&) {
      return std::vector<NamedFrame>{{std::to_string(getpid()), "", "", 0, 0}};
    });
    process = std::stoi(symbolizer.name({{good, 1}}, {}).front().function);
    EXPECT_EQ(kill(process, 0), 0);
  }
  EXPECT_NE(kill(process, 0), 0);
}

TEST(Naming, What_is_sent_is_what_is_read) {
  const std::vector<NamedFrame> frames = {{"f", "", "/src/a.cc", 12, 0}, {"", "", "", 0, 0}};
  const auto again = read_names(write_names(frames));
  ASSERT_TRUE(again);
  ASSERT_THAT(*again, SizeIs(2));
  EXPECT_EQ((*again)[0].function + (*again)[0].file + std::to_string((*again)[0].line), "f/src/a.cc12");
  const std::string whole = write_names(frames);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = read_names(std::string_view(whole).substr(0, size));
    EXPECT_TRUE(!cut || cut->size() == 1) << size;
  }
  // A name that is too long is cut, and more frames than anybody reads are left out.
  const auto large = read_names(write_names(std::vector<NamedFrame>(300, {std::string(1 << 17, 'x'), "", "", 0, 0})));
  ASSERT_TRUE(large);
  EXPECT_LE(large->size(), 256U);
  EXPECT_LE(large->front().function.size(), 64U << 10);
}

TEST(Naming, A_file_whose_debugging_information_overruns_the_readers_stack) {
  void* const library = dlopen(HOSTILE_DWARF, RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  const void* const function = dlsym(library, "asks_the_real_id");
  Dl_info info{};
  ASSERT_NE(dladdr(function, &info), 0);
  const auto offset =
      static_cast<std::uint64_t>(static_cast<const char*>(function) - static_cast<char*>(info.dli_fbase));
  Symbolizer symbolizer;
  const auto frames = symbolizer.name({{HOSTILE_DWARF, offset}}, {});
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_THAT(symbolizer.troubles(), ElementsAre(testing::AllOf(HasSubstr(HOSTILE_DWARF), HasSubstr("signal 11"))));
}

}  // namespace
}  // namespace behalf::tool
