#include <behalf/per_identity.h>
#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <cstdlib>
#include <memory>

#include "connections/grpc_unary.h"
#include "row.h"
#include "sockets/credentials_server.h"

BEHALF_ROW(R"(
title:  gRPC, a channel used by all
works:  none
hop:    connection
clock:  open
wrong:  a channel has one connection, opened by whichever thread first needs it: the server knows it by who that was, and
        serves every caller as her
cure:   a channel for each identity, on a socket that is connected as that identity (CreateInsecureChannelFromFd):
        behalf::per_identity<T>; or credentials in the metadata of each call
needs:  grpc++
source: grpc/grpc#18487; unix(7) SO_PEERCRED
)")

// Whom a connection is from, by the number that gRPC calls it by.
static std::string who_is(const std::string& peer) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  getsockopt(std::atoi(peer.c_str() + std::strlen("fd:")), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
  return std::to_string(credentials.uid) + ":" + std::to_string(credentials.gid);
}

class Service : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new behalf_row::Answer(who_is(context->peer()));
  }
};

static behalf_row::CredentialsServer* listener;

// A gRPC server on a socket that asks who connects.
extern "C" void before() {
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "0", 1);  // no thread that wakes up for nothing
  static Service service;
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&service);
  static const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  listener = new behalf_row::CredentialsServer([](int fd, const ucred&) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    grpc::AddInsecureChannelFromFd(server.get(), fd);
  });
}
extern "C" void before_cured() {
  before();
}

extern "C" int operation() {
  static const auto channel =
      grpc::CreateChannel("unix:" + behalf_row::CredentialsServer::path(), grpc::InsecureChannelCredentials());
  return behalf_row::call_and_print(channel);
}

extern "C" int cured() {
  static behalf::per_identity<std::shared_ptr<grpc::Channel>> channels([] {
    const int fd = listener->connect();
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return grpc::CreateInsecureChannelFromFd("stage", fd);
  });
  return behalf_row::call_and_print(*channels.get());
}
