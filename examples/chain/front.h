// The first process of the chain: users ask it by HTTP, and it calls the clerk by gRPC, from a pool of workers.
#pragma once

#include <behalf/grpc.h>
#include <behalf/http.h>
#include <behalf/thread_pool.h>

#include <memory>
#include <string>

#include "chain.grpc.pb.h"
#include "hop.h"

namespace chain {

struct FrontOptions {
  std::string clerk{};                   // where it listens, as gRPC has it
  behalf::GrpcChannelOptions channel{};  // how it is proved who calls
  std::string authority{};  // that signed the clerk's certificate, in PEM; empty: calls do not leave the machine
  Hop forgets = Hop::none;
};

class Front {
 public:
  explicit Front(FrontOptions options);

  // As whoever the thread is. The account has who worked at each hop, and what went wrong.
  Account keep(const std::string& line);

  // The handler: POST of a line is answered by a table, 200 where the whole chain was the user and 500 where it was
  // not. As the user.
  behalf::http::Response operator()(const behalf::http::Request& request);

 private:
  const Hop forgets_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Keeper::Stub> clerk_;
  behalf::ThreadPool pool_;  // ends first
};

}  // namespace chain
