// system and popen: programs as whom the thread wears, and as the service never.
#include "behalf/system.h"

#include <gtest/gtest.h>

#include <csignal>
#include <stdexcept>

#include "behalf/impersonation.h"
#include "household.h"
#include "refused.h"

namespace behalf::testing {
namespace {

std::string line_of(std::FILE* stream) {
  char line[256] = {};
  return std::fgets(line, sizeof line, stream) == nullptr ? "" : line;
}

TEST(A_program_of_popen_s, is_whom_the_thread_wears_even_in_a_shell) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              on_thread([] {
                for (const Posture posture : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
                  const Impersonation as{in_posture(alice(), posture)};
                  Popen id({"/bin/sh", "-c", "id -ru; exit 3"});
                  must(line_of(id.stream()) == "3001\n", "in " + std::string{to_string(posture)});
                  must(id.close() == ExitStatus{3, 0}, "its end");
                }
                const Impersonation as{alice()};
                Popen write({"/bin/sh", "-c", "cat >said"}, Popen::Way::write);
                must(std::fputs("hello\n", write.stream()) >= 0, "write");
                must(write.close().success(), "its end");
                Popen read({"cat", "said"});
                must(line_of(read.stream()) == "hello\n", "what was written");
                must(read.close().success(), "its end");
              });
            }),
            "");
}

TEST(A_program_of_system_s, is_whom_the_thread_wears_and_its_end_is_told) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              on_thread([] {
                const Impersonation as{in_posture(bob(), Posture::shielded)};
                must(system({"/bin/sh", "-c", "id -ru >id"}).success(), "a shell by its name");
                must(system({"grep", "-qx", "3002", "id"}).success(), "who it was");
                must(system({"false"}) == ExitStatus{1, 0}, "a failure");
                // Nothing in an argument is a command.
                must(system({"test", "$(id)", "=",
                             "$"
                             "(id)"})
                         .success(),
                     "an argument was expanded");
              });
            }),
            "");
}

TEST(A_thread_that_wears_nobody, is_refused_and_so_is_what_nobody_reads) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(refused(Error::Reason::not_initialized, [] { (void)system({"true"}); }), "before initialize()");
              start(ServiceKind::root);
              must(refused(Error::Reason::not_the_owner, [] { (void)system({"true"}); }), "system");
              must(refused(Error::Reason::not_the_owner, [] { const Popen popen({"true"}); }), "popen");
              on_thread([] {
                const Impersonation as{alice()};
                SpawnOptions options;
                options.output = Stream::pipe();
                bool invalid = false;
                try {
                  (void)system({"true"}, options);
                } catch (const std::invalid_argument&) {
                  invalid = true;
                }
                must(invalid, "a pipe");
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
