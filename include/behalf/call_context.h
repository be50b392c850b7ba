// CallContext: the call that a server's thread is handling, and who made it. What CoGetCallContext, CoImpersonateClient
// and CoRevertToSelf are to a COM server.
//
//   void Server::append(const Line& line) {                           // runs as the service
//     const behalf::CallContext call = behalf::CallContext::current();
//     if (call.client()) log(call.client()->name() + " appends");     // at most to look at, where no more was granted
//     {
//       const behalf::Impersonation as = call.impersonate_client();   // the server's explicit act
//       write_for_the_client(line);
//       { const auto self = behalf::CallContext::revert_to_self(); count(); }  // the service's own side work
//     }
//   }
//
// The adapters of D-Bus, gRPC and HTTP set it around each handler. A context is a value: a handler that goes on later,
// on another thread, takes it along.
//
//   pool.submit([call] { const behalf::CallContext::Scope handling(call); finish(); });
//
// In the body of a task the scope belongs to the coroutine, as an Impersonation does: between a suspension and when it
// goes on, its thread handles that call no more.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "behalf/impersonation.h"
#include "behalf/of_thread.h"
#include "behalf/sender.h"

namespace behalf {

class CallContext {
 public:
  // Of a call that was made by that client. Errors: std::bad_alloc.
  explicit CallContext(Sender client) : client_(std::make_shared<const Sender>(std::move(client))) {}

  // That of the call which the calling thread handles; the innermost, where handling one led to another.
  // Errors: Error of reason not_there where it handles none. Thread-safe. Cost: no system call.
  [[nodiscard]] static CallContext current();

  // Who made the call, of the level that was granted; nothing where the client stayed anonymous. Cost: none.
  [[nodiscard]] const std::optional<Token>& client() const noexcept { return client_->token(); }

  // Effects: the calling thread is the client until the end of the scope that is returned.
  // Errors: Error of reason level_too_low where the client did not grant it; as Impersonation. Cost: as Impersonation.
  [[nodiscard]] Impersonation impersonate_client() const { return client_->impersonate(); }

  // The same as an AsService: the service again, until the end of the scope.
  [[nodiscard]] static AsService revert_to_self() { return AsService{}; }

  // The calling thread handles that call until the end of the scope. Ends on the thread that it began on, in order, or
  // the process does; one that is left open when work of a pool's or of bind()'s ends is found, as a ThreadDirectory
  // is. Cost: no system call.
  class [[nodiscard]] Scope final : private detail::OfThread {
   public:
    explicit Scope(const CallContext& call);
    ~Scope() { end(); }

   private:
    friend class CallContext;
    void take() override;
    void put_back() noexcept override;

    const std::shared_ptr<const Sender> client_;
    const Scope* around_ = nullptr;
  };

 private:
  explicit CallContext(std::shared_ptr<const Sender> client) noexcept : client_(std::move(client)) {}

  std::shared_ptr<const Sender> client_;
};

}  // namespace behalf
