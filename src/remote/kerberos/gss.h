// GSS-API of MIT Kerberos, as far as behalf uses it: its objects, its words, and whom its names are.
#pragma once

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <string>
#include <string_view>

#include "behalf/error.h"
#include "behalf/level.h"
#include "behalf/token.h"

namespace behalf::detail {

// The C interface's objects, released at the end of the scope.
template <class T, OM_uint32 (*release)(OM_uint32*, T*)>
class Held {
 public:
  Held() = default;
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    OM_uint32 minor = 0;
    release(&minor, &value_);
  }
  T* operator&() noexcept { return &value_; }
  operator T() const noexcept { return value_; }

 private:
  T value_{};
};

inline OM_uint32 delete_context(OM_uint32* minor, gss_ctx_id_t* context) {
  return gss_delete_sec_context(minor, context, GSS_C_NO_BUFFER);
}

using Name = Held<gss_name_t, gss_release_name>;
using Credential = Held<gss_cred_id_t, gss_release_cred>;
using Context = Held<gss_ctx_id_t, delete_context>;

// Bytes that GSS-API gave.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
    OM_uint32 minor = 0;
    gss_release_buffer(&minor, &buffer);
  }
  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(buffer.value), buffer.length}; }

  gss_buffer_desc buffer = GSS_C_EMPTY_BUFFER;
};

inline gss_buffer_desc as_buffer(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string in_words(OM_uint32 major, OM_uint32 minor);

// "SERVICE@HOST", or a service of this host. Errors: Error of reason not_usable.
void import_service(const std::string& service, Name& name);

// Whose tickets are in that cache. `attempted` begins the line of the Error, of reason not_there.
void acquire_tickets(const std::string& cache, const std::string& attempted, Credential& credential);

// Which engines of GSS-API a token may be of: others may be installed.
enum class Engines {
  kerberos,
  kerberos_by_spnego,  // too: within the negotiation of RFC 4178
};

// What that service accepts with. `attempted` begins the line of the Error, of reason not_usable.
void acquire_keys(const std::string& keytab, const std::string& service, const std::string& attempted,
                  Credential& credential, Engines engines = Engines::kerberos);

// The account that the realm's principal is here, with its level; and at `delegation` with the tickets that came along,
// which must be the principal's own. `attempted` begins the line of the Error, of reason refused_by_receiver; those of
// Token::for_user().
Token user_of(gss_name_t principal, Level level, gss_cred_id_t tickets, const std::string& attempted);

}  // namespace behalf::detail
