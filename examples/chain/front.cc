#include "front.h"

#include <behalf/impersonation.h>
#include <behalf/token.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <stdexcept>
#include <utility>

namespace chain {

namespace {

std::shared_ptr<grpc::Channel> channel(FrontOptions options) {
  if (options.forgets == Hop::blanket) options.channel.blanket.cloaking = behalf::Cloaking::none;
  options.channel.arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS,
                                   100);  // a clerk that is restarted is soon back
  options.channel.arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = options.authority;
  return behalf::grpc_channel(
      options.clerk, options.authority.empty() ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(ssl),
      options.channel);
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size() + 1), ' ');
  return text;
}

// In two columns. Whether each is the user's: named so, or below the user's home.
bool tell(const Account& account, const behalf::Token& user, std::string& text) {
  bool right = true;
  for (const std::string& each : account.seen()) {
    const std::size_t end = each.find(' ');
    const std::string what = each.substr(end + 1);
    const bool hers = what == user.name() || what.starts_with(user.home() + "/");
    text += padded(each.substr(0, end), 10) + what + (hers ? "" : "   <- not " + user.name()) + "\n";
    right = right && hers;
  }
  return right;
}

}  // namespace

Front::Front(FrontOptions options)
    : forgets_(options.forgets),
      channel_(channel(std::move(options))),
      clerk_(Keeper::NewStub(channel_)),
      pool_({.threads = 8}) {}

Account Front::keep(const std::string& line) {
  const auto work = [this, line] {
    Line request;
    request.set_text(line);
    Account account;
    account.add_seen(seen_at("queue"));
    Account from_there;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    const grpc::Status status = behalf::grpc_call([&] { return clerk_->Keep(&context, request, &from_there); });
    account.MergeFrom(from_there);
    if (!status.ok()) account.set_trouble("the clerk: " + status.error_message());
    return account;
  };
  return (forgets_ == Hop::queue ? pool_.submit(behalf::as_service, work) : pool_.submit(work)).get();
}

behalf::http::Response Front::operator()(const behalf::http::Request& request) {
  if (request.method != "POST") throw behalf::http::Refusal(405, "POST a line");
  std::string line(request.body);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  if (line.find_first_of(std::string_view("\0\n", 2)) != std::string::npos)
    throw behalf::http::Refusal(400, "one line, please");
  const behalf::Token user = behalf::worn().value();
  Account account;
  account.add_seen(seen_at("front"));
  account.MergeFrom(keep(line));
  std::string text;
  const bool right = tell(account, user, text) && account.trouble().empty();
  if (!account.trouble().empty()) text += padded("refused", 10) + account.trouble() + "\n";
  text += right ? "It was " + user.name() + " all the way.\n" : "All your careful work has been for naught.\n";
  return {.status = right ? 200 : 500, .fields = {{"Content-Type", "text/plain"}}, .body = std::move(text)};
}

}  // namespace chain
