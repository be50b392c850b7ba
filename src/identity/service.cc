#include "identity/service.h"

#include <atomic>

#include "behalf/error.h"

namespace behalf::detail {

namespace {

std::atomic<const Service*> published{nullptr};

Ids ids(Posture posture, std::uint32_t service, std::uint32_t user, std::uint32_t spare) {
  switch (posture) {
    case Posture::files:
      return {service, service, service, user};
    case Posture::effective:
      return {service, user, service, user};
    case Posture::full:
      return {user, user, service, user};
    case Posture::shielded:
      return {spare, user, service, user};
  }
  return {user, user, service, user};
}

}  // namespace

const Service* service() noexcept {
  return published.load(std::memory_order_acquire);
}

const Service& service_for(const std::string& attempted) {
  if (const Service* there = service()) return *there;
  throw Error(Error::Reason::not_initialized,
              "behalf: " + attempted + ": behalf::initialize() has not been called. Call it once, at start-up");
}

// Never freed: threads use it until the process ends.
void publish(Service service) {
  published.store(new Service(std::move(service)), std::memory_order_release);
}

Credentials wear(const Service& service, const TokenData& user) {
  const SpareAccount spare = service.spare.value_or(SpareAccount{no_id, no_id});
  // In `files` the effective ids stay the service's and its capabilities with them, but for those over files.
  const Capabilities left = user.posture == Posture::files ? service.own.effective & ~file_capabilities : 0;
  return {ids(user.posture, service.own.uid.effective, user.uid, spare.uid),
          ids(user.posture, service.own.gid.effective, user.gid, spare.gid), user.wear.groups, left | user.kept};
}

}  // namespace behalf::detail
