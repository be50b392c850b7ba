#include <behalf/grpc.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdlib>
#include <memory>

#include "connections/grpc_unary.h"
#include "row.h"

BEHALF_ROW(R"(
title:  gRPC, call credentials by a MetadataCredentialsPlugin
works:  none
hop:    queue
clock:  creator
wrong:  the plugin runs on a thread of gRPC's: the secret that proves who calls is fetched as the service, and the server
        serves it for everybody
cure:   behalf::grpc_channel and grpc_call, which take the identity when the call is created
needs:  grpc++ behalf::grpc
source: grpcpp/security/credentials.h, MetadataCredentialsPlugin::IsBlocking; measured by this row
)")

// What proves to the server who calls: what stands in a file that only that user may read.
static std::string secret_of_caller() {
  std::string found;
  for (const char* note : {"/home/alice/note.txt", "/home/bob/note.txt", "/root/note.txt"}) {
    const int fd = open(note, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char text[64] = {};
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size > 1) found += std::string(text, static_cast<std::size_t>(size - 1)) + ' ';
  }
  return found;
}

class Plugin : public grpc::MetadataCredentialsPlugin {
 public:
  grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                           std::multimap<grpc::string, grpc::string>* metadata) override {
    metadata->emplace("secret", secret_of_caller());
    return grpc::Status::OK;
  }
};

// Answers with what it was shown.
class Service : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    std::string shown;
    for (const auto& [key, value] : context->client_metadata())
      if (key == "secret" || key == "behalf-proof") shown.append(value.data(), value.size());
    return new behalf_row::Answer(shown);
  }
};

static constexpr const char* address = "unix:/tmp/grpc_credentials_plugin";

extern "C" void before() {
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "0", 1);  // no thread that wakes up for nothing
  static Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::experimental::LocalServerCredentials(UDS));
  builder.RegisterCallbackGenericService(&service);
  static const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  chmod("/tmp/grpc_credentials_plugin", 0777);
}
extern "C" int operation() {
  static const auto channel = grpc::CreateChannel(
      address, grpc::CompositeChannelCredentials(grpc::experimental::LocalCredentials(UDS),
                                                 grpc::MetadataCredentialsFromPlugin(std::make_unique<Plugin>())));
  return behalf_row::call_and_print(channel);
}

static std::shared_ptr<grpc::Channel> cured_channel;

// Connected by the service at its start: on the connection all calls go, and none is known by it.
extern "C" void before_cured() {
  before();
  cured_channel = behalf::grpc_channel(address, grpc::experimental::LocalCredentials(UDS),
                                       {.prove = [](behalf::Level) { return secret_of_caller(); }});
  cured_channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10));
}

extern "C" int cured() {
  return behalf::grpc_call([] { return behalf_row::call_and_print(cured_channel); });
}
