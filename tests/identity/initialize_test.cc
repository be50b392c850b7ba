#include "behalf/initialize.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "behalf/impersonation.h"
#include "child.h"
#include "faulty_calls.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using Reason = Error::Reason;

Reason reason_of(const Options& options) {
  try {
    initialize(options);
  } catch (const Error& error) {
    return error.reason();
  }
  throw std::runtime_error("initialize() did not refuse");
}

void must_be_reason(Reason is, Reason wanted) {
  must(is == wanted, std::string{to_string(is)} + ", wanted " + std::string{to_string(wanted)});
}

TEST(Initialize, reports_what_it_found) {
  EXPECT_EQ(in_own_process([] {
              become(ServiceKind::root);
              Options options;
              options.shield = SpareAccount{spare_id, spare_id};
              const KernelView before = kernel_view();
              const Report report = initialize(options);
              must_be(kernel_view(), before, "the calling thread");
              must(report.uids == before.uid && report.gids == before.gid, "ids");
              must(report.groups == before.groups && report.permitted == before.permitted, "groups, capabilities");
              must(report.kernel_adjusts_capabilities, "fix-ups");
              int postures = 0;
              for (const Probe& probe : report.probes)
                postures += probe.found.find("given back exactly") != std::string::npos;
              must_equal(postures, 4, "postures tried");
            }),
            "");
  EXPECT_EQ(in_own_process([] {
              become(ServiceKind::unfixed);
              must(!initialize({}).kernel_adjusts_capabilities, "fix-ups");
            }),
            "");
}

TEST(Initialize, is_called_once) {
  EXPECT_EQ(in_own_process([] {
              initialize({});
              must_be_reason(reason_of({}), Reason::already_initialized);
            }),
            "");
}

TEST(Initialize, needs_the_two_capabilities) {
  EXPECT_EQ(in_own_process([] {
              const Ids id{account_id, account_id, account_id, account_id};
              make_thread({id, id, {}, 1ULL << CAP_SETUID, 1ULL << CAP_SETUID, 0});
              must_be_reason(reason_of({}), Reason::not_permitted);
            }),
            "");
}

TEST(Initialize, refuses_a_spare_account_that_is_somebody) {
  for (const SpareAccount spare : {SpareAccount{0, 3009}, SpareAccount{3009, 0}, SpareAccount{account_id, 3009},
                                   SpareAccount{static_cast<uid_t>(-1), 3009}}) {
    EXPECT_EQ(in_own_process([&] {
                become(ServiceKind::account);
                Options options;
                options.shield = spare;
                must_be_reason(reason_of(options), Reason::invalid_id);
              }),
              "");
  }
  EXPECT_EQ(in_own_process([] {
              Options options;
              options.shield_account = "no-such-account-here";
              must_be_reason(reason_of(options), Reason::unknown_user);
              initialize({});  // a refusal leaves nothing behind
            }),
            "");
}

TEST(Initialize, cuts_the_permitted_capabilities_when_asked_and_never_empties_them) {
  EXPECT_EQ(in_own_process([] {
              Options options;
              options.keep_capabilities = 1ULL << CAP_CHOWN;
              initialize(options);
              const std::uint64_t left = 1ULL << CAP_CHOWN | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
              must_equal(kernel_view().permitted, left, "permitted");
              must_equal(kernel_view().effective, left, "effective");
              on_thread([&] {
                { const Impersonation as{alice()}; }
                must_equal(kernel_view().effective, left, "given back");
              });
            }),
            "");
}

TEST(Initialize, empties_the_bounding_set_when_asked_or_refuses) {
  EXPECT_EQ(in_own_process([] {
              initialize({.empty_bounding_set = true});
              for (unsigned long capability = 0; capability <= CAP_LAST_CAP; ++capability) {
                must(::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) <= 0, "left: " + std::to_string(capability));
              }
              must(kernel_view().permitted != 0, "what the service may went with it");
            }),
            "");
  EXPECT_EQ(in_own_process([] {
              become(ServiceKind::account);  // without CAP_SETPCAP
              try {
                initialize({.empty_bounding_set = true});
                must(false, "initialized");
              } catch (const Error& error) {
                must(error.reason() == Reason::not_permitted, error.what());
              }
            }),
            "");
}

// A kernel, a filter or a module that does not keep the facts: nobody is impersonated there.
TEST(Initialize, refuses_a_kernel_on_which_a_system_call_goes_wrong_in_the_calling_thread) {
  for (const ServiceKind kind : {ServiceKind::root, ServiceKind::account}) {
    for (long at = 0; at < 9; ++at) {
      EXPECT_EQ(in_own_process([&] {
                  become(kind);
                  arm({.first = at});
                  bool refused = false;
                  try {
                    initialize({});
                  } catch (const Error& error) {
                    refused = error.reason() == Reason::platform;
                  }
                  const Faults faults = disarm();
                  must(refused == faults.hit, "call " + std::to_string(at) + " of " + faults.trace);
                  must(at > 6 || faults.hit, "no call went wrong");
                }),
                "");
    }
  }
}

// The self-test's own thread: a setfsuid that silently does nothing.
TEST(Initialize, refuses_a_kernel_that_does_not_do_what_the_manual_says) {
  EXPECT_EQ(in_own_process([] {
              become(ServiceKind::root);
              detail::SystemCalls lying = detail::kernel_calls;
              lying.setfsuid = [](uid_t) noexcept { return detail::kernel_calls.setfsuid(static_cast<uid_t>(-1)); };
              detail::replace_system_calls(&lying);
              must_be_reason(reason_of({}), Reason::platform);
              lying = detail::kernel_calls;
              lying.capset = [](detail::SystemCalls::Header*, const detail::SystemCalls::Data*) noexcept { return 0L; };
              become(ServiceKind::unfixed);
              must_be_reason(reason_of({}), Reason::platform);
              detail::replace_system_calls(nullptr);
              initialize({});
            }),
            "");
}

void said_by_handler(const char* line) noexcept {
  [[maybe_unused]] const ssize_t a = ::write(STDERR_FILENO, "handler: ", 9);
  [[maybe_unused]] const ssize_t b = ::write(STDERR_FILENO, line, 6);
}

TEST(The_handler_for_a_thread_that_cannot_be_given_back, is_called_and_the_process_ends_even_if_it_returns) {
  const ChildEnd end = in_child([] {
    Options options;
    options.on_cannot_give_back = said_by_handler;
    start(ServiceKind::root, options);
    on_thread([] {
      const Impersonation as{alice()};
      arm({.first = 1});
    });
  });
  EXPECT_TRUE(end.exited);
  EXPECT_EQ(end.status, 70) << end.failure;
  EXPECT_EQ(end.said, "handler: behalf");
}

}  // namespace
}  // namespace behalf::testing
