// A call of gRPC without a service description: bytes there, bytes back.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>

#include <cstdio>
#include <memory>
#include <string>

#include "row.h"

namespace behalf_row {

// Answers a call with that text.
class Answer : public grpc::ServerGenericBidiReactor {
 public:
  explicit Answer(const std::string& text) : slice_(text), text_(&slice_, 1) {
    StartWriteAndFinish(&text_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnDone() override { delete this; }

 private:
  grpc::Slice slice_;
  grpc::ByteBuffer text_;
};

// Makes a call and prints what the server says that it serves.
inline int call_and_print(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue done;
  grpc::ByteBuffer reply;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, "/stage/who", grpc::ByteBuffer(), &done);
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  done.Next(&tag, &ok);
  grpc::Slice text;
  if (status.ok() && reply.DumpToSingleSlice(&text).ok())
    std::printf("the server serves %.*s\n", static_cast<int>(text.size()), reinterpret_cast<const char*>(text.begin()));
  return status.error_code();
}

}  // namespace behalf_row
