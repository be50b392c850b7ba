// bound<T> and shared_across_identities<T>: an object that is one identity's, and one that is everybody's.
#include <gtest/gtest.h>

#include "behalf/bound.h"
#include "behalf/shared_across_identities.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

TEST(A_bound_object, is_used_by_its_owner_alone_and_destroyed_as_her) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              uid_t destroyed = nobody_yet;
              on_thread([&] {
                std::optional<bound<Witness>> hers;
                {
                  const Impersonation as{alice()};
                  hers = bound<Witness>(Witness(destroyed), {"maker.cc", 7});
                  (void)hers->get();
                  const Impersonation again{Token::from_ids(alice_id, alice().gid(), alice().groups(), alice().name())};
                  must(!refused(Error::Reason::not_the_owner, [&] { (void)hers->get(); }), "an equal token is refused");
                }
                must(refused(Error::Reason::not_the_owner, [&] { (void)hers->get(); }), "the service may use it");
                const Impersonation as{bob()};
                must(refused(Error::Reason::not_the_owner, [&] { (void)hers->get(); }), "bob may use it");
                try {
                  (void)**hers;
                } catch (const Error& error) {
                  const std::string said = error.what();
                  must(said.find("made at maker.cc:7") != std::string::npos, said);
                  must(said.find("uid " + std::to_string(alice_id)) < said.find("uid " + std::to_string(bob_id)), said);
                }
                bound<Witness> moved = std::move(*hers);
                must(!*hers && moved, "moved");
                must_equal(destroyed, nobody_yet, "destroyed as");
              });
              must_equal(destroyed, alice_id, "destroyed as");
            }),
            "");
}

TEST(What_is_shared_across_identities, is_made_once_as_the_service_and_again_where_that_failed) {
  EXPECT_EQ(in_own_process([] {
              start(ServiceKind::root);
              int made = 0;
              shared_across_identities<uid_t> who([&] {
                if (++made == 1) throw std::runtime_error("not yet");
                return uid_now();
              });
              on_thread([&] {
                const Impersonation as{alice()};
                try {
                  (void)who.get();
                  must(false, "it was made");
                } catch (const std::runtime_error&) {
                }
                must_equal(who.get(), uid_t{0}, "made as");
                must_equal(uid_now(), alice_id, "the thread");
              });
              must_equal(who.get(), uid_t{0}, "kept");
              must_equal(made, 2, "made");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
