#include "archive.h"

#include <behalf/call_context.h>
#include <behalf/impersonation.h>

#include <exception>
#include <utility>

namespace chain {

namespace {

using Result = sdbus::Result<std::vector<std::string>>;

}  // namespace

Archive::Archive(Shelf& shelf, const ArchiveOptions& options)
    : shelf_(shelf),
      forgets_(options.forgets),
      connection_(sdbus::createSessionBusConnectionWithAddress(options.bus)),
      callers_(*connection_),
      object_(sdbus::createObject(*connection_, object)),
      pool_({.threads = 8}) {
  // The thread of the bus is not kept waiting: a call is carried out by the pool, which the context goes along to.
  object_->registerMethod("Keep").onInterface(interface).implementedAs(
      callers_.handler(*object_, [this](Result&& result, const std::string& line) {
        pool_.post([this, call = behalf::CallContext::current(), result = std::move(result), line] {
          const behalf::CallContext::Scope handling(call);
          try {
            result.returnResults(keep_for_caller(line));
          } catch (const std::exception& error) {
            result.returnError(sdbus::Error("org.freedesktop.DBus.Error.Failed", error.what()));
          }
        });
      }));
  object_->finishRegistration();
  connection_->requestName(options.name);
  connection_->enterEventLoopAsync();
}

Archive::~Archive() {
  connection_->leaveEventLoop();
}

std::vector<std::string> Archive::keep_for_caller(const std::string& line) {
  if (forgets_ == Hop::caller) return shelf_.keep(line);
  const behalf::Impersonation as = behalf::CallContext::current().impersonate_client();
  return shelf_.keep(line);
}

}  // namespace chain
