// gRPC with an identity: who makes a call is proved by the call itself. Stands on gRPC C++.
//
//   auto channel = behalf::grpc_channel("unix:/run/notes/rpc", grpc::InsecureChannelCredentials(),
//                                       {.office = "/run/notes/identity"});             // the client, once
//   auto notes = Notes::NewStub(channel);
//   {
//     const behalf::Impersonation as{alice};
//     notes->Add(&context, line, &reply);                                              // alice's, by whatever thread
//   }                                                                                  // of gRPC's it is sent
//
//   behalf::GrpcCallers callers({.office = "/run/notes/identity"});                    // the server, once
//   grpc::Status Add(grpc::ServerContext* context, const Line* line, Reply*) override {
//     return callers.serve(*context, [&] {                                             // as the service
//       const behalf::Impersonation as = behalf::CallContext::current().impersonate_client();
//       append_to_notes(*line);                                                        // as alice
//       return grpc::Status::OK;
//     });
//   }
//
// gRPC has threads of its own, and what is asked of them is asked as whoever they are: a MetadataCredentialsPlugin runs
// on one of them, or on another caller's thread where the channel was not connected yet, and most calls go out under
// another user's name. The server's AuthContext is the connection's, not the call's. So here the identity is taken when
// a call is created, on the thread that creates it, and goes with the call's own metadata.
//
// What proves it is a ticket: random, short-lived, known to the server alone. On one machine the client gets one for
// each identity at the server's office, a Unix socket beside the channel, at which the kernel vouches for who asks
// (Token::of_peer); it is good as long as that connection is open, and no longer than its time. Between machines an
// engine proves who calls (proof.h): the first call of an identity brings a proof, and gets a ticket in exchange.
// Tickets are as secret as what they are sent over: a channel that leaves the machine, or whose Unix socket others may
// listen at, has to be a private one (TLS).
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "behalf/blanket.h"
#include "behalf/call_context.h"
#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/proof.h"

namespace behalf {

// Effects: starts gRPC, and with it the threads that it has from the beginning, as the service. To be called first
// thing in main, as behalf::warm_up(): gRPC starts with whatever is first made of it (credentials are enough), and its
// threads are for good whoever that was: those that answers to asynchronous calls are told on, too, which are the same
// for all callers. So what is called back runs as the service; behalf::bind(callback) has it run as who made the call.
// grpc_channel() and GrpcCallers do it too. Errors: none. Thread-safe. Cost: the first time, some threads.
void grpc_warm_up();

struct GrpcChannelOptions {
  // Either of the two: the Unix socket at which the server hands out tickets (GrpcCallersOptions::office), or an
  // engine. With an engine a call that meets a server which has been restarted since is refused once (UNAUTHENTICATED),
  // and the next brings a proof again.
  std::string office{};
  Prove prove{};
  // Whom calls present, and how far the server may go for them. gRPC authenticates each call; a private channel is what
  // the credentials say, and a blanket that asks for it is refused.
  Blanket blanket{};
  // For how many identities tickets are kept.
  std::size_t identities_at_most = 1024;
  grpc::ChannelArguments arguments{};
};

// A channel to be shared by all identities: whose a call is, is settled when it is created (the stub's function is
// called), by the thread that does. The threads of gRPC's that are started with the channel are the service's; see
// grpc_warm_up() for those of before, and grpc_call() for those of later.
//
// Where an identity gets no ticket, or not within 5 s, the call is sent without, which the server refuses:
// UNAUTHENTICATED, with why.
// Errors: those of Cloak; std::invalid_argument where neither office nor engine is given, or both. Cost: of a call one
// lock and one system call more, where there is a ticket already.
[[nodiscard]] std::shared_ptr<grpc::Channel> grpc_channel(const std::string& target,
                                                          const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                                          const GrpcChannelOptions& options);

namespace detail {

// The calling thread is the service until the end of the scope, and calls that it creates present whom it was before.
class GrpcCalling {
 public:
  GrpcCalling();
  ~GrpcCalling();
  GrpcCalling(const GrpcCalling&) = delete;
  GrpcCalling& operator=(const GrpcCalling&) = delete;

 private:
  const Carried who_;
  const GrpcCalling* const around_;
  AsServiceIfAny self_;
  const Region* const floor_;  // who wears somebody within that is that one

  friend const Carried* grpc_caller() noexcept;
};

}  // namespace detail

// f(), which makes calls of gRPC: they present whom the calling thread wears, and f itself runs as the service (calls
// that it makes within an Impersonation of its own present that one). gRPC
// starts threads in the middle of calls, by the thread that makes one, and they stay what that was: a server that has
// many users makes its calls like this, or has threads of gRPC's that are one of them (they carry nobody's calls, but
// connect anew, say, as her).
//
//   const grpc::Status added = behalf::grpc_call([&] { return notes->Add(&context, line, &reply); });
//
// Errors: those of Carried, and what f throws. Thread-safe. Cost: an AsService, where the thread wears somebody.
template <class F>
decltype(auto) grpc_call(F&& f) {
  const detail::GrpcCalling calling;
  return std::invoke(std::forward<F>(f));
}

struct GrpcCallersOptions {
  // One of the two, or both. Where tickets are handed out: a path, at which there must be nothing yet. Who may connect
  // there may call; its mode is that.
  std::string office{};
  // And the engine, by which calls of other machines prove who makes them.
  Verify verify{};
  unsigned office_mode = 0666;
  // How long a ticket is good for.
  std::chrono::seconds good_for = std::chrono::minutes(10);
  // How many there are, of all and of one uid.
  std::size_t at_most = 16384;
  std::size_t at_most_of_one = 64;
  // The most that a caller may grant; what is asked for beyond is not given.
  Level highest = Level::impersonation;
  // Told of each call and each request for a ticket that is refused, also for what its handler tried and the caller did
  // not grant: what was tried, and by whom as far as it is known.
  std::function<void(const std::string& why)> on_refused{};
};

// Who makes the calls that a server gets.
class GrpcCallers {
 public:
  // Effects: opens the office, and starts a thread of the service's that serves it.
  // Errors: Error of reason not_initialized, not_there, not_permitted, out_of_resources, platform;
  // std::invalid_argument where neither office nor engine is given.
  explicit GrpcCallers(const GrpcCallersOptions& options);
  // Closes it: no ticket is good any more.
  ~GrpcCallers();
  GrpcCallers(const GrpcCallers&) = delete;
  GrpcCallers& operator=(const GrpcCallers&) = delete;

  // Who made the call: by its own metadata. To be asked once for a call, before anything of its answer is sent: what it
  // brings may be a proof, for which a ticket goes back with the answer.
  // Errors: Error of reason refused_by_receiver where it brings neither that is good. Thread-safe. Cost: a lock; with a
  // proof what that costs.
  [[nodiscard]] Sender sender(grpc::ServerContextBase& context);

  // f() with the CallContext of the caller, as the service; what it returns, a grpc::Status. Works for calls of every
  // kind: unary or streams, synchronous, callback and completion queue (f is where they are handled).
  // A call that brings no good ticket is answered UNAUTHENTICATED and f is not called; an Error of ours that f throws
  // is answered PERMISSION_DENIED where it says that the caller, or the service, may not, and INTERNAL otherwise.
  template <class F>
  grpc::Status serve(grpc::ServerContextBase& context, F&& f) {
    try {
      const CallContext::Scope handling(CallContext(sender(context)));
      try {
        return std::invoke(std::forward<F>(f));
      } catch (const Error& error) {
        return answer(context, error);
      }
    } catch (const Error& error) {
      return {grpc::StatusCode::UNAUTHENTICATED, error.what()};
    }
  }

  // How many tickets are good now. Thread-safe.
  [[nodiscard]] std::size_t tickets() const;

 private:
  // To an Error of ours that a handler has thrown.
  grpc::Status answer(const grpc::ServerContextBase& context, const Error& error) const;

  class Core;
  const std::unique_ptr<Core> core_;
};

}  // namespace behalf
