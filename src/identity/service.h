// The service: the process's own identity and the choices given to initialize(). Written once.
#pragma once

#include <optional>

#include "behalf/initialize.h"
#include "identity/credentials.h"
#include "identity/token_data.h"

namespace behalf::detail {

struct Service {
  Credentials own;
  Powers powers;
  Fences fences;
  std::optional<SpareAccount> spare;
  void (*on_cannot_give_back)(const char* line) noexcept = nullptr;
  bool session_keyrings = false;
  TokenPtr token;
};

// Null before initialize().
const Service* service() noexcept;

// Error of reason not_initialized, which says what was attempted.
const Service& service_for(const std::string& attempted);

void publish(Service service);

// What a thread wears for that user; `spare` must be there for `shielded`.
Credentials wear(const Service& service, const TokenData& user);

}  // namespace behalf::detail
