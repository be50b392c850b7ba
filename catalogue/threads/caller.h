// Who called, to be worn where the work runs: what most cures need.
//
//     const behalf_row::Caller caller;                                        // where the work is submitted
//     worker->run([&] { caller.runs([] { behalf_row::print_whose_notes_open(); }); });  // where it runs
//
// In an oracle nothing is worn, and the work is simply run.
#pragma once

#include <behalf/impersonation.h>

#include <optional>

namespace behalf_row {

class Caller {
 public:
  template <class Work>
  void runs(Work&& work) const {
    if (!token_) return work();
    const behalf::Impersonation as{*token_};
    work();
  }

  // What must not be born as the user, such as the threads of a pool that outlive the call, is begun in here.
  template <class Work>
  void lets_service_run(Work&& work) const {
    if (!token_) return work();
    const behalf::AsService self;
    work();
  }

 private:
  std::optional<behalf::Token> token_ = behalf::worn();
};

}  // namespace behalf_row
