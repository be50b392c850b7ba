// Proofs by a real munged: whose they are, and which are none.
#include "behalf/munge.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "behalf/impersonation.h"
#include "children/household.h"
#include "engines.h"
#include "refused.h"

namespace behalf::testing {
namespace {

std::string with_munged(const std::function<void(const MungeOptions&, const Token& alice)>& body) {
  return in_own_process([&] {
    const Household household;
    const Munged munged("/home/munge");
    start(ServiceKind::root);
    on_thread([&] { body({.socket = munged.socket()}, Token::for_user("alice")); });
  });
}

std::string prove_as(const Token& who, const Prove& prove, Level granted = Level::impersonation) {
  const Impersonation as{who};
  return prove(granted);
}

class A_proof_by_munge : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Munged::is_there()) GTEST_SKIP() << "no MUNGE on this machine";
  }
};

TEST_F(A_proof_by_munge, is_whose_thread_asked_for_it_of_the_level_granted) {
  EXPECT_EQ(with_munged([](const MungeOptions& by, const Token& her) {
              const Prove prove = munge_prover("clerk", 0, by);
              const Verify verify = munge_verifier("clerk", by);
              const Sender sender = verify(prove_as(her, prove));
              must(*sender.token() == her, "is not alice with all her groups");
              must(verify(prove_as(her, prove, Level::identification)).token()->level() == Level::identification,
                   "level");
              must(!verify(prove_as(her, prove, Level::anonymous)).token().has_value(), "anonymous");
            }),
            "");
}

TEST_F(A_proof_by_munge, shown_twice_for_somebody_else_late_or_made_up_is_refused) {
  EXPECT_EQ(with_munged([](const MungeOptions& by, const Token& her) {
              const Verify verify = munge_verifier("clerk", by);
              const auto must_be_refused = [&](const std::string& proof) {
                must(refused(Error::Reason::refused_by_receiver, [&] { (void)verify(proof); }), "taken: " + proof);
              };
              const std::string once = prove_as(her, munge_prover("clerk", 0, by));
              (void)verify(once);
              must_be_refused(once);
              must_be_refused(prove_as(her, munge_prover("another", 0, by)));
              must_be_refused(prove_as(her, munge_prover("clerk", 990, by)));  // not for root to open
              must_be_refused("MUNGE:nonsense:");
              must_be_refused("");
              MungeOptions short_lived = by;
              short_lived.good_for = std::chrono::seconds(1);
              const std::string late = prove_as(her, munge_prover("clerk", 0, short_lived));
              std::this_thread::sleep_for(std::chrono::milliseconds(2100));
              must_be_refused(late);
            }),
            "");
}

TEST_F(A_proof_by_munge, of_root_is_refused_by_the_fences) {
  EXPECT_EQ(with_munged([](const MungeOptions& by, const Token&) {
              const std::string roots = munge_prover("clerk", 0, by)(Level::impersonation);
              must_refuse(Error::Reason::refused_by_fence, [&] { (void)munge_verifier("clerk", by)(roots); });
            }),
            "");
}

TEST_F(A_proof_by_munge, is_not_to_be_had_where_munged_does_not_run) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              start(ServiceKind::root);
              on_thread([] {
                const MungeOptions nowhere{.socket = "/home/nowhere"};
                must_refuse(Error::Reason::not_there,
                            [&] { (void)prove_as(Token::for_user("alice"), munge_prover("clerk", 0, nowhere)); });
                must_refuse(Error::Reason::not_there, [&] { (void)munge_verifier("clerk", nowhere)("MUNGE:x:"); });
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
