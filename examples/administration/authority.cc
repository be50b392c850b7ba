#include "authority.h"

#include <chrono>
#include <cstdint>
#include <tuple>

namespace {

[[noreturn]] void deny(const std::string& action, const std::string& why) {
  throw sdbus::Error("org.freedesktop.DBus.Error.AccessDenied", action + ": " + why);
}

}  // namespace

Authority::Authority(sdbus::IConnection& connection)
    : polkit_(sdbus::createProxy(connection, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority")) {}

void Authority::must_allow(const std::string& caller, const std::string& action,
                           const std::map<std::string, std::string>& details) {
  // Who the caller is, polkit asks the bus, and the bus has it from the kernel.
  const sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>> subject{"system-bus-name",
                                                                                  {{"name", sdbus::Variant(caller)}}};
  constexpr std::uint32_t asks_nobody = 0;  // no dialogue with the user
  sdbus::Struct<bool, bool, std::map<std::string, std::string>> opinion;
  try {
    polkit_->callMethod("CheckAuthorization")
        .onInterface("org.freedesktop.PolicyKit1.Authority")
        .withTimeout(std::chrono::seconds(10))
        .withArguments(subject, action, details, asks_nobody, std::string())
        .storeResultsTo(opinion);
  } catch (const sdbus::Error& error) {
    deny(action, "polkit cannot be asked: " + error.getMessage());
  }
  if (!std::get<0>(opinion)) deny(action, "polkit does not allow it");
}
