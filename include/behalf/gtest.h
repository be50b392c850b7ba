// A GoogleTest matcher: does this operation work when impersonating?
//
//     #include <behalf/gtest.h>
//
//     BEHALF_DECLARE_OPERATION(reads_note);  // defined in a shared object that the test is linked with
//
//     TEST(Note, can_be_read_on_behalf_of_a_user) {
//       EXPECT_THAT(BEHALF_CHECK(reads_note), behalf::WorksWhenImpersonating());
//       EXPECT_THAT(BEHALF_CHECK(reads_note), behalf::WorksWhenImpersonating().InPosture("effective"));
//     }
//     TEST(Home, is_the_user_s) {
//       EXPECT_THAT(behalf::operation_in("libglib-2.0.so.0", "const char *g_get_home_dir(void)"),
//                   Not(behalf::WorksWhenImpersonating()));
//     }
//
// The message of a failure holds the whole report. An answer that is unclear, and a machine that cannot do it (no
// root), is a failure too, of Not(...) as well: nothing was shown. Who wants such a test skipped instead says so, first
// thing in it: BEHALF_SKIP_IF_IMPOSSIBLE();
//
// Needs GoogleTest with gmock. Cost: as <behalf/check.h>. A matcher belongs to one thread.
#pragma once

#include <behalf/check.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>

namespace behalf {

inline void PrintTo(const CheckedOperation& operation, std::ostream* out) {
  *out << operation.call;
  if (!operation.library.empty()) *out << " of " << operation.library;
}

class WorksWhenImpersonating {
 public:
  using is_gtest_matcher = void;

  // Adds a posture; without any it is full. In all of them it must work.
  WorksWhenImpersonating InPosture(std::string posture) const {
    return with(&CheckOptions::postures, std::move(posture));
  }
  // Adds a leg; without any it is all.
  WorksWhenImpersonating InLeg(std::string leg) const { return with(&CheckOptions::legs, std::move(leg)); }
  // Adds a call that is made once, as the service, before the operation.
  WorksWhenImpersonating AfterSetup(std::string call) const { return with(&CheckOptions::setup, std::move(call)); }

  bool MatchAndExplain(const CheckedOperation& operation, ::testing::MatchResultListener* listener) const {
    const CheckResult& result = answer(operation);
    *listener << "of which behalf says:\n" << result.report;
    return result.exit_code == 0;
  }

  void DescribeTo(std::ostream* out) const { *out << "works when impersonating" << postures(); }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not work when impersonating" << postures(); }

 private:
  // GoogleTest asks once whether it matches, and again why not: the tool is run once.
  struct Answered {
    CheckedOperation operation;
    CheckResult result;
  };

  const CheckResult& answer(const CheckedOperation& operation) const {
    if (answered_ && answered_->operation.library == operation.library && answered_->operation.call == operation.call)
      return answered_->result;
    answered_ = std::make_shared<const Answered>(Answered{operation, check(operation, options_)});
    const CheckResult& result = answered_->result;
    if (result.exit_code != 0 && result.exit_code != 1) {
      // No answer is not the answer "no": Not(...) must not take it for that.
      ADD_FAILURE() << "it could not be told whether " << operation.call << " works when impersonating ("
                    << (result.exit_code == 2 ? "unclear" : "exit code " + std::to_string(result.exit_code)) << "):\n"
                    << result.report;
    }
    return result;
  }

  WorksWhenImpersonating with(std::vector<std::string> CheckOptions::*list, std::string value) const {
    WorksWhenImpersonating copy;
    copy.options_ = options_;
    (copy.options_.*list).push_back(std::move(value));
    return copy;
  }

  std::string postures() const {
    std::string text;
    for (const std::string& posture : options_.postures) text += (text.empty() ? "" : " and ") + posture;
    return " (posture " + (text.empty() ? "full" : text) + ")";
  }

  CheckOptions options_;
  mutable std::shared_ptr<const Answered> answered_;
};

}  // namespace behalf

// Skips the test, saying why, where no operation can be checked.
#define BEHALF_SKIP_IF_IMPOSSIBLE()                                                  \
  do {                                                                               \
    if (!::behalf::why_no_check().empty()) GTEST_SKIP() << ::behalf::why_no_check(); \
  } while (false)
