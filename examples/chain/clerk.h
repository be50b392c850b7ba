// The process in the middle of the chain: called by gRPC, it calls the archive by D-Bus, for the same user.
#pragma once

#include <behalf/dbus.h>
#include <behalf/grpc.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "chain.grpc.pb.h"
#include "hop.h"

namespace chain {

struct ClerkOptions {
  std::string listen{};                  // as gRPC has it: unix:PATH, HOST:PORT
  behalf::GrpcCallersOptions callers{};  // how it is proved who calls
  std::string certificate{};             // in PEM, with its key: both empty, where calls do not leave the machine
  std::string key{};
  std::string bus = behalf::DBus::system_address;
  std::string archive = "org.behalf.Archive";
  Hop forgets = Hop::none;
};

class Clerk final : public Keeper::Service {
 public:
  // As the service. Throws behalf::Error; std::runtime_error where it cannot listen.
  explicit Clerk(ClerkOptions options);
  ~Clerk() override;
  Clerk(const Clerk&) = delete;
  Clerk& operator=(const Clerk&) = delete;

  grpc::Status Keep(grpc::ServerContext* context, const Line* line, Account* account) override;

 private:
  // As whoever the thread is.
  void pass_on(const Line& line, Account& account);

  const ClerkOptions options_;
  behalf::GrpcCallers callers_;
  behalf::DBus bus_;
  behalf::DBusProxy archive_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace chain
