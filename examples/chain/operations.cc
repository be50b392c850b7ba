// The chain for `behalf check`: all three servers in one process, over the stage's own bus and database.
//
//   behalf check libchain_operations.so --service dbus --service postgresql --setup 'void forget("blanket")'
//   keeps_a_line
#include <behalf/as_service.h>
#include <behalf/error.h>
#include <behalf/grpc.h>
#include <behalf/impersonation.h>
#include <behalf/operation.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive.h"
#include "clerk.h"
#include "front.h"
#include "shelf.h"

namespace {

const std::string folder = "/run/chain";

behalf::GrpcChannelOptions by_office() {
  behalf::GrpcChannelOptions options;
  options.office = folder + "/office";
  return options;
}

// In the process of a user who does it herself, nobody is impersonated.
bool is_a_server() {
  try {
    const behalf::AsService self;
    return true;
  } catch (const behalf::Error&) {
    return false;
  }
}

// What a server has beside the shelf.
struct Servers {
  Servers(chain::Shelf& shelf, chain::Hop forgets)
      : archive(shelf, {.forgets = forgets}),
        clerk({.listen = "unix:" + folder + "/clerk", .callers = {.office = folder + "/office"}, .forgets = forgets}),
        front({.clerk = "unix:" + folder + "/clerk", .channel = by_office(), .forgets = forgets}) {}

  chain::Archive archive;
  chain::Clerk clerk;
  chain::Front front;
};

std::optional<chain::Shelf> shelf;
std::unique_ptr<Servers> servers;

void print(const std::string& line) {
  std::printf("%s\n", line.c_str());
}

}  // namespace

// The set-up: of a server that forgets that hop, or none ("").
extern "C" __attribute__((visibility("default"))) void forget(const char* hop) {
  try {
    const chain::Hop forgets = chain::hop_named(hop);
    // The stage's database has no table.
    shelf.emplace("host=/run/postgresql dbname=postgres", "SELECT current_user WHERE $1 <> ''", forgets);
    if (!is_a_server()) return;
    setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "0", 1);  // no thread that wakes up for nothing
    behalf::grpc_warm_up();
    std::filesystem::create_directory(folder);
    servers = std::make_unique<Servers>(*shelf, forgets);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::abort();
  }
}

BEHALF_OPERATION(keeps_a_line) {
  if (!behalf::is_impersonating()) {  // the user herself, or the service for itself
    for (const char* hop : {"queue", "clerk"}) print(chain::seen_at(hop));
    for (const std::string& each : shelf->keep("milk")) print(each);
    return 0;
  }
  const chain::Account account = servers->front.keep("milk");
  for (const std::string& each : account.seen()) print(each);
  if (account.trouble().empty()) return 0;
  print("refused " + account.trouble());
  return 1;
}
