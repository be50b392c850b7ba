// Proofs by Kerberos and credentials of HTTP are bytes as text: what is not exactly that text is none, and what is
// comes back.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "remote/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using behalf::detail::from_base64;
  using behalf::detail::to_base64;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (from_base64(to_base64(input)) != input) std::abort();
  if (const auto bytes = from_base64(input); bytes && to_base64(*bytes) != input) std::abort();
  return 0;
}
