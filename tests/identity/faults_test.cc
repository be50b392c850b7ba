// Every step of every sequence goes wrong, in every way it can. What must hold: user code never runs as anybody but
// whom it was to run as; a taking that failed leaves the thread exactly as it was; a giving back that failed ends the
// process.
#include <gtest/gtest.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>
#include <sstream>

#include "behalf/impersonation.h"
#include "child.h"
#include "faulty_calls.h"
#include "identity/keyrings.h"
#include "identity/thread_memo.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

struct Garment {
  std::string name;
  bool of_bob = false;
  std::optional<Posture> posture;  // none: the service
  bool nothing = false;
};

std::vector<Garment> outer_garments() {
  std::vector<Garment> all = {{"nothing", false, {}, true}};
  for (const Posture p : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
    all.push_back({"alice " + std::string{to_string(p)}, false, p});
  }
  return all;
}

std::vector<Garment> inner_garments() {
  std::vector<Garment> all = outer_garments();
  all.erase(all.begin());
  for (const Posture p : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
    all.push_back({"bob " + std::string{to_string(p)}, true, p});
  }
  all.push_back({"the service", false, {}});
  return all;
}

void inside(const Garment& garment, const std::function<void()>& body) {
  if (garment.nothing) return body();
  if (!garment.posture) {
    const AsService self;
    return body();
  }
  const Impersonation as{in_posture(garment.of_bob ? bob() : alice(), *garment.posture), allow_main_thread};
  body();
}

KernelView expected_in(const Garment& garment, const KernelView& service) {
  if (!garment.posture) return service;
  return expected(service, garment.of_bob ? bob() : alice(), *garment.posture);
}

// One way to go wrong of each kind.
constexpr FaultPlan kinds_of_faults[] = {{.error = EPERM}, {.error = EAGAIN}, {.silent = true}};

void take_with(const FaultPlan& plan, const Garment& outer, const Garment& inner) {
  const KernelView service = kernel_view();
  inside(outer, [&] {
    const KernelView before = kernel_view();
    must_be(before, expected_in(outer, service), "before");
    bool ran = false;
    std::optional<Faults> faults;
    arm(plan);
    try {
      inside(inner, [&] {
        faults = disarm();
        ran = true;
        must_be(kernel_view(), expected_in(inner, service), "user code");
      });
    } catch (const Error& error) {
      if (!faults) faults = disarm();
      must(faults->hit && !ran, std::string{"thrown without a fault: "} + error.what());
    }
    // A call that silently did nothing may be made again; that user code was right has been looked at.
    must(ran != faults->hit || plan.silent, "a fault was not noticed");
    must_be(kernel_view(), before, "after a failed taking");
    must(worn().has_value() == outer.posture.has_value(), "worn() after a failed taking");
    inside(inner, [&] { must_be(kernel_view(), expected_in(inner, service), "user code, second time"); });
    must_be(kernel_view(), before, "given back");
  });
  must_be(kernel_view(), service, "in the end");
}

Faults calls_to_take(const Garment& outer, const Garment& inner) {
  Faults faults;
  on_thread([&] {
    inside(outer, [&] {
      arm({});
      inside(inner, [&] { faults = disarm(); });
    });
  });
  return faults;
}

Faults calls_to_give_back(const Garment& outer, const Garment& inner) {
  inside(outer, [&] { inside(inner, [] { arm({}); }); });
  // Those of the outer one are counted too: the difference is what the inner one takes.
  const Faults both = disarm();
  inside(outer, [] { arm({}); });
  const Faults outer_only = disarm();
  Faults inner_only;
  inner_only.calls = both.calls - outer_only.calls;
  inner_only.trace = both.trace;
  return inner_only;
}

template <class Visit>
void for_all_pairs(Visit visit) {
  for (const Garment& outer : outer_garments()) {
    for (const Garment& inner : inner_garments()) visit(outer, inner);
  }
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr long one_of_every = 3;  // forks cost many times as much
#else
constexpr long one_of_every = 1;
#endif

class Faults_on : public ::testing::TestWithParam<ServiceKind> {};

TEST_P(Faults_on, A_taking_that_fails_at_any_step_leaves_the_thread_as_it_was_and_runs_no_user_code) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              long points = 0;
              for_all_pairs([&](const Garment& outer, const Garment& inner) {
                const Faults steps = calls_to_take(outer, inner);
                for (FaultPlan plan : kinds_of_faults) {
                  for (plan.first = 0; plan.first < steps.calls; ++plan.first, ++points) {
                    try {
                      on_thread([&] { take_with(plan, outer, inner); });
                    } catch (const std::exception& error) {
                      must(false, "from " + outer.name + " to " + inner.name + ", step " + std::to_string(plan.first) +
                                      " of " + steps.trace + (plan.silent ? "(silent)" : "") + ": " + error.what());
                    }
                  }
                }
              });
              must(points > 1000, "only " + std::to_string(points) + " faults were tried");
            }),
            "");
}

TEST_P(Faults_on, A_thread_that_cannot_be_given_back_ends_the_process) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              long deaths = 0;
              long turn = 0;
              for_all_pairs([&](const Garment& outer, const Garment& inner) {
                const Faults steps = calls_to_give_back(outer, inner);
                for (FaultPlan plan : {kinds_of_faults[0], kinds_of_faults[2]}) {
                  for (plan.first = 0; plan.first < steps.calls; ++plan.first) {
                    if (turn++ % one_of_every != 0) continue;
                    const ChildEnd end = in_child([&] {
                      const KernelView service = kernel_view();
                      inside(outer, [&] {
                        inside(inner, [&] { arm(plan); });
                        if (disarm().hit && !plan.silent) ::_exit(99);
                        must_be(kernel_view(), expected_in(outer, service), "given back all the same");
                      });
                    });
                    const std::string where = "from " + inner.name + " back to " + outer.name + ", step " +
                                              std::to_string(plan.first) + " of " + steps.trace;
                    must(end.exited && end.failure.empty(), where + ": " + end.failure);
                    if (plan.silent && end.status == 0) continue;
                    must_equal(end.status, 70, where);
                    must(end.said.find("could not be given back") != std::string::npos, where + ": it died silently");
                    ++deaths;
                  }
                }
              });
              must(deaths * one_of_every > 300, "only " + std::to_string(deaths) + " deaths were seen");
            }),
            "");
}

// The first fault starts the roll-back, the second hits it.
TEST_P(Faults_on, A_roll_back_that_fails_ends_the_process_before_user_code_runs) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              long deaths = 0;
              const Garment inner{"bob full", true, Posture::full};
              for (const Garment& outer : {outer_garments()[0], outer_garments()[3]}) {
                const Faults steps = calls_to_take(outer, inner);
                for (long first = 0; first < steps.calls; ++first) {
                  for (long second = first + 1; second < first + 16; second += 3) {
                    const ChildEnd end = in_child([&] {
                      try {
                        take_with({.first = first, .second = second}, outer, inner);
                      } catch (const Error&) {
                        must(false, "an error came out of a scope that had been taken");
                      }
                    });
                    const std::string where = "from " + outer.name + ", faults at " + std::to_string(first) + " and " +
                                              std::to_string(second) + " of " + steps.trace;
                    must(end.exited && (end.status == 0 || end.status == 70), where + ": " + end.failure);
                    deaths += end.status == 70 ? 1 : 0;
                  }
                }
              }
              must(deaths > 20, "only " + std::to_string(deaths) + " deaths were seen");
            }),
            "");
}

// A thread that goes from one user to another without going back first: as those of Wearer do.
std::vector<Garment> users() {
  std::vector<Garment> all = inner_garments();
  all.pop_back();
  return all;
}

const detail::TokenPtr& token_of(const Garment& garment, Token& storage) {
  storage = in_posture(garment.of_bob ? bob() : alice(), *garment.posture);
  return storage.data();
}

long session_keyring() {
  return ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

// A user's session keyring is the service's own, so that no other process of hers looks into it.
void must_be_the_services(long keyring, const KernelView& service) {
  std::array<char, 256> text{};
  must(::syscall(SYS_keyctl, KEYCTL_DESCRIBE, keyring, text.data(), text.size()) > 0, "KEYCTL_DESCRIBE");
  const std::string description = text.data();
  must(description.starts_with("keyring;" + std::to_string(service.uid.real) + ";"), "keyring: " + description);
}

std::string name_of(const Faults& faults, long number) {
  std::istringstream names(faults.trace);
  std::string name;
  for (long i = 0; i <= number; ++i) names >> name;
  return number < 0 ? "" : name;
}

Faults change_with(const FaultPlan& plan, const Garment& first, const Garment& second) {
  const KernelView service = kernel_view();
  Token storage = alice();
  detail::Keyrings keyrings;
  detail::Region region;
  keyrings.fresh_for(token_of(first, storage));
  region.enter(token_of(first, storage), true);
  const long keyring = session_keyring();
  must_be(kernel_view(), expected_in(first, service), "before");
  must(region.can_change(), "it cannot be changed");
  const detail::TokenPtr next = token_of(second, storage);
  bool thrown = false;
  arm(plan);
  try {
    region.change(next, keyrings);
  } catch (const Error& error) {
    thrown = true;
    must(!region.entered(), "after a failure it is entered");
  }
  const Faults faults = disarm();
  // Whether there is a thread keyring is asked; where that is refused there is taken to be none. A setfsuid(2) on the
  // way reports nothing, and what came of it is overwritten.
  const auto may_pass_at = [&](long number) {
    return name_of(faults, number) == "keyctl" || name_of(faults, number) == "setfsuid";
  };
  const bool may_pass = plan.silent || may_pass_at(plan.first) || may_pass_at(plan.second);
  must(thrown ? faults.hit : !faults.hit || may_pass, thrown ? "thrown without a fault" : "a fault was not noticed");
  if (thrown) {
    must_be(kernel_view(), service, "after a failed change");
    must(!worn().has_value(), "worn() after a failed change");
    keyrings.fresh_for(next);
    region.enter(next, true);
  }
  must_be(kernel_view(), expected_in(second, service), "user code");
  must(worn().has_value(), "worn()");
  if (first.of_bob != second.of_bob) must(session_keyring() != keyring, "another user has the keyring");
  const long of_user = session_keyring();
  region.leave();
  must_be(kernel_view(), service, "in the end");
  if (of_user > 0 && first.of_bob != second.of_bob) must_be_the_services(of_user, service);
  return faults;
}

// Keyrings of threads that are gone are counted until the kernel has swept them up, and an account may have but so many
// (keyrings(7), /proc/key-users).
void wait_for_room_for_keyrings() {
  const std::string account = std::to_string(account_id) + ":";
  for (int tries = 0; tries < 1000; ++tries) {
    long keys = 0;
    std::ifstream users("/proc/key-users");
    for (std::string uid, usage, all, counted, bytes; users >> uid >> usage >> all >> counted >> bytes;) {
      if (uid == account) keys = std::stol(counted);
    }
    if (keys < 100) return;
    ::usleep(10'000);
  }
  must(false, "keyrings are not swept up");
}

Faults changed_on_a_thread(const FaultPlan& plan, const Garment& first, const Garment& second) {
  Faults faults;
  wait_for_room_for_keyrings();
  on_thread([&] { faults = change_with(plan, first, second); });
  return faults;
}

template <class Visit>
void for_all_changes(Visit visit) {
  for (const Garment& first : users()) {
    for (const Garment& second : users()) {
      if (first.name != second.name) visit(first, second);
    }
  }
}

TEST_P(Faults_on, A_change_from_user_to_user_that_fails_at_any_step_leaves_the_thread_the_service) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              long points = 0;
              for_all_changes([&](const Garment& first, const Garment& second) {
                const Faults steps = changed_on_a_thread({}, first, second);
                for (FaultPlan plan : kinds_of_faults) {
                  for (plan.first = 0; plan.first < steps.calls; ++plan.first, ++points) {
                    try {
                      (void)changed_on_a_thread(plan, first, second);
                    } catch (const std::exception& error) {
                      must(false, "from " + first.name + " to " + second.name + ", step " + std::to_string(plan.first) +
                                      " of " + steps.trace + (plan.silent ? "(silent)" : "") + ": " + error.what());
                    }
                  }
                }
              });
              must(points > 1000, "only " + std::to_string(points) + " faults were tried");
            }),
            "");
}

TEST_P(Faults_on, A_change_from_user_to_user_whose_roll_back_fails_ends_the_process) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              long deaths = 0;
              const Garment first{"alice full", false, Posture::full};
              for (const Posture posture : {Posture::full, Posture::files}) {
                const Garment second{"bob", true, posture};
                const Faults steps = changed_on_a_thread({}, first, second);
                for (long fault = 0; fault < steps.calls; ++fault) {
                  for (long next = fault + 1; next < fault + 16; next += 3) {
                    const ChildEnd end = in_child([&] {
                      on_thread([&] { (void)change_with({.first = fault, .second = next}, first, second); });
                    });
                    const std::string where = "to " + second.name + ", faults at " + std::to_string(fault) + " and " +
                                              std::to_string(next) + " of " + steps.trace;
                    must(end.exited && (end.status == 0 || end.status == 70), where + ": " + end.failure);
                    deaths += end.status == 70 ? 1 : 0;
                  }
                }
              }
              must(deaths > 20, "only " + std::to_string(deaths) + " deaths were seen");
            }),
            "");
}

// Code in the region changes what the library believes of the thread; what was before is given back exactly.
TEST_P(Faults_on, Capabilities_that_code_in_the_region_dropped_or_raised_are_put_right) {
  EXPECT_EQ(
      in_own_process([] {
        start(GetParam());
        for (const Garment& garment : inner_garments()) {
          for (const bool raise : {false, true}) {
            on_thread([&] {
              const KernelView service = kernel_view();
              inside(garment, [&] {
                const KernelView worn = kernel_view();
                const std::uint64_t changed = raise ? worn.permitted : worn.effective & detail::switching_capabilities;
                must(detail::set_capabilities(detail::kernel_calls, {changed, worn.permitted, worn.inheritable}) == 0,
                     "capset");
              });
              if (garment.posture) must_be(kernel_view(), service, "after " + garment.name);
            });
          }
        }
      }),
      "");
}

TEST_P(Faults_on, A_capset_that_claims_success_and_does_nothing_lets_no_user_code_run_with_capabilities) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              on_thread([] {
                static detail::SystemCalls lying = detail::kernel_calls;
                lying.capset = [](detail::SystemCalls::Header*, const detail::SystemCalls::Data*) noexcept {
                  return 0L;
                };
                const KernelView service = kernel_view();
                detail::replace_system_calls(&lying);
                bool refused = false;
                try {
                  const Impersonation as{alice()};
                  must_equal(kernel_view().effective, std::uint64_t{0}, "effective capabilities of user code");
                } catch (const Error& error) {
                  refused = error.reason() == Error::Reason::platform;
                }
                detail::replace_system_calls(nullptr);
                must(refused == (GetParam() != ServiceKind::root), "only the kernel's own adjustment does without it");
                must_be(kernel_view(), service, "in the end");
              });
            }),
            "");
}

// Between the first and the last system call of a switch nobody may believe what the thread was or is to be.
TEST_P(Faults_on, The_memo_of_who_a_thread_is_is_not_believed_while_it_is_changed) {
  EXPECT_EQ(in_own_process([] {
              start(GetParam());
              on_thread([] {
                { const Impersonation first{alice()}; }
                static std::string believed;
                static long asked;
                believed.clear();
                asked = 0;
                watch_calls([](const char* name) {
                  ++asked;
                  if (detail::memo_or_null()->known) believed += std::string{name} + ' ';
                });
                for (const Posture p : {Posture::files, Posture::effective, Posture::full, Posture::shielded}) {
                  arm({});
                  const Impersonation as{in_posture(bob(), p)};
                  const AsService self;
                }
                (void)disarm();
                must(asked > 50, "few calls were watched");
                must(believed.empty(), "believed at " + believed);
              });
            }),
            "");
}

std::string suffix(const ::testing::TestParamInfo<ServiceKind>& service) {
  constexpr std::array<const char*, 3> names = {"root", "account", "unfixed_root"};
  return names[static_cast<std::size_t>(service.param)];
}

INSTANTIATE_TEST_SUITE_P(Services, Faults_on,
                         ::testing::Values(ServiceKind::root, ServiceKind::account, ServiceKind::unfixed), suffix);

}  // namespace
}  // namespace behalf::testing
