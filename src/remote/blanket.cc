#include "behalf/blanket.h"

#include <array>
#include <string>

#include "behalf/error.h"
#include "identity/errors.h"

namespace behalf {

namespace {

// What is presented at a level must itself be of that level: a token that only identifies does not grow on its way.
Carried must_reach(Carried who, Level level) {
  if (who.data() == nullptr || who.data()->level >= level) return who;
  throw Error(Error::Reason::power_needed,
              "behalf: present " + detail::describe(*who.data()) + " at level " + std::string{to_string(level)} +
                  ": the token is of level " + std::string{to_string(who.data()->level)} +
                  ". Set a blanket of that level, or make the token with behalf::raise_level");
}

}  // namespace

std::string_view to_string(Cloaking cloaking) noexcept {
  constexpr std::array<std::string_view, 3> names = {"none", "fixed", "dynamic"};
  return names[static_cast<std::size_t>(cloaking)];
}

std::string_view to_string(Authentication authentication) noexcept {
  constexpr std::array<std::string_view, 4> names = {"connection", "call", "integrity", "privacy"};
  return names[static_cast<std::size_t>(authentication)];
}

Cloak::Cloak(const Blanket& blanket, Authentication offered, Level least) : blanket_(blanket) {
  if (blanket.authentication > offered) {
    throw Error(Error::Reason::not_permitted, "behalf: set a blanket of authentication " +
                                                  std::string{to_string(blanket.authentication)} +
                                                  ": the proxy's engine offers " + std::string{to_string(offered)} +
                                                  " at most. Ask for less, or use another engine");
  }
  if (blanket.level < least) {
    throw Error(Error::Reason::not_permitted,
                "behalf: set a blanket of level " + std::string{to_string(blanket.level)} +
                    ": the proxy's engine carries no level, and its server could act as the user all the same. Ask "
                    "for impersonation, present the service (Cloaking::none), or use an engine that carries one "
                    "(gRPC)");
  }
  if (blanket.cloaking == Cloaking::fixed) fixed_ = must_reach(Carried(), blanket.level);
}

Carried Cloak::presented(const Carried& caller) const {
  switch (blanket_.cloaking) {
    case Cloaking::none:
      return as_service;
    case Cloaking::fixed:
      return *fixed_;
    case Cloaking::dynamic:
      break;
  }
  return must_reach(caller, blanket_.level);
}

}  // namespace behalf
