#include "clerk.h"

#include <behalf/call_context.h>
#include <behalf/impersonation.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "archive.h"

namespace chain {

namespace {

std::shared_ptr<grpc::ServerCredentials> credentials(const ClerkOptions& options) {
  if (options.certificate.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl;
  ssl.pem_key_cert_pairs.push_back({options.key, options.certificate});
  return grpc::SslServerCredentials(ssl);
}

}  // namespace

Clerk::Clerk(ClerkOptions options)
    : options_(std::move(options)),
      callers_(options_.callers),
      bus_(options_.bus),
      archive_(bus_, options_.archive, Archive::object,
               {.cloaking = options_.forgets == Hop::bus ? behalf::Cloaking::none : behalf::Cloaking::dynamic}) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.listen, credentials(options_));
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (!server_) throw std::runtime_error("cannot listen at " + options_.listen);
}

Clerk::~Clerk() {
  server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
}

grpc::Status Clerk::Keep(grpc::ServerContext* context, const Line* line, Account* account) {
  return callers_.serve(*context, [&] {
    if (options_.forgets == Hop::client) {
      pass_on(*line, *account);
    } else {
      const behalf::Impersonation as = behalf::CallContext::current().impersonate_client();
      pass_on(*line, *account);
    }
    return grpc::Status::OK;
  });
}

void Clerk::pass_on(const Line& line, Account& account) {
  account.add_seen(seen_at("clerk"));
  try {
    std::vector<std::string> seen;
    archive_->callMethod("Keep").onInterface(Archive::interface).withArguments(line.text()).storeResultsTo(seen);
    for (const std::string& each : seen) account.add_seen(each);
  } catch (const sdbus::Error& error) {
    account.set_trouble("the archive: " + error.getMessage());
  }
}

}  // namespace chain
