// The same tests for the kernel's ring and for the pool that stands in for it.
#pragma once

#include <gtest/gtest.h>

#include "behalf/uring.h"

namespace behalf::testing {

enum class EngineKind { kernel, pool };

class OnBothEngines : public ::testing::TestWithParam<EngineKind> {
 protected:
  // For a ring of the kind that is tested, with a few threads.
  static uring::Options options() {
    return {.threads = 2,
            .without_kernel = kind_ == EngineKind::pool ? uring::Options::WithoutKernel::always
                                                        : uring::Options::WithoutKernel::refuse};
  }
  void SetUp() override { kind_ = GetParam(); }

 private:
  static inline EngineKind kind_ = EngineKind::kernel;
};

class A_request : public OnBothEngines {};
class Every_kind_of_request : public OnBothEngines {};
class A_connection : public OnBothEngines {};
class A_request_that_has_to_wait : public OnBothEngines {};
class A_callback : public OnBothEngines {};
class A_task : public OnBothEngines {};
class A_chain : public OnBothEngines {};
class A_time_limit : public OnBothEngines {};
class A_stop_token : public OnBothEngines {};
class A_ring : public OnBothEngines {};
class A_ring_that_ends : public OnBothEngines {};
class A_fixed_buffer : public OnBothEngines {};

#define INSTANTIATE_FOR_BOTH_ENGINES(subject)                               \
  INSTANTIATE_TEST_SUITE_P(                                                 \
      By, subject, ::testing::Values(EngineKind::kernel, EngineKind::pool), \
      [](const auto& kind) { return std::string{kind.param == EngineKind::kernel ? "ring" : "pool"}; })

}  // namespace behalf::testing
