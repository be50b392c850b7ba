#include "behalf/kerberos.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <optional>
#include <string_view>
#include <utility>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "identity/errors.h"
#include "remote/base64.h"

namespace behalf {

namespace {

// "LEVEL TOKEN": the level is said before it, and sealed in it.
constexpr std::string_view binding = "behalf1 ";

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

OM_uint32 delete_context(OM_uint32* minor, gss_ctx_id_t* context) {
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

gss_buffer_desc as_buffer(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string in_words(OM_uint32 major, OM_uint32 minor) {
  std::string words;
  for (const auto& [status, type] : {std::pair{major, GSS_C_GSS_CODE}, std::pair{minor, GSS_C_MECH_CODE}}) {
    OM_uint32 more = 0;
    OM_uint32 ignored = 0;
    Buffer text;
    if (status == 0 || GSS_ERROR(gss_display_status(&ignored, status, type, gss_mech_krb5, &more, &text.buffer)))
      continue;
    words += (words.empty() ? "" : ": ") + std::string(text.view());
  }
  return words;
}

// Both ends say it for themselves, and it only fits where they say the same (RFC 2743, 1.1.6).
struct Binding {
  explicit Binding(Level level) : words(std::string(binding) + std::string(to_string(level))) {
    bindings.initiator_addrtype = GSS_C_AF_UNSPEC;
    bindings.acceptor_addrtype = GSS_C_AF_UNSPEC;
    bindings.application_data = as_buffer(words);
  }
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

  std::string words;
  gss_channel_bindings_struct bindings{};
};

gss_key_value_set_desc one_place(gss_key_value_element_desc& element, const char* key, const std::string& value) {
  element = {key, value.c_str()};
  return {1, &element};
}

void import_service(const std::string& service, Name& name) {
  gss_buffer_desc text = as_buffer(service);
  OM_uint32 minor = 0;
  const OM_uint32 major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name);
  if (!GSS_ERROR(major)) return;
  throw Error(Error::Reason::not_usable,
              "behalf: Kerberos: '" + service + "' is no name of a service: " + in_words(major, minor));
}

std::string prove(const std::string& service, const std::string& cache, const Token& who, Level granted) {
  const std::string attempted = "behalf: prove by Kerberos to " + service + " that this is " +
                                detail::describe(*who.data()) + ", by the tickets in " + cache + ": ";
  Name name;
  import_service(service, name);
  gss_key_value_element_desc element{};
  const gss_key_value_set_desc place = one_place(element, "ccache", cache);
  Credential credential;
  OM_uint32 minor = 0;
  OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_INITIATE,
                                          &place, &credential, nullptr, nullptr);
  if (GSS_ERROR(major)) throw Error(Error::Reason::not_there, attempted + in_words(major, minor));
  Binding sealed(granted);
  Context context;
  Buffer token;
  // One message is all that there is: the server proves itself, if it has to, by the channel.
  major = gss_init_sec_context(&minor, credential, &context, name, gss_mech_krb5, GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG,
                               GSS_C_INDEFINITE, &sealed.bindings, GSS_C_NO_BUFFER, nullptr, &token.buffer, nullptr,
                               nullptr);
  if (major != GSS_S_COMPLETE) throw Error(Error::Reason::not_there, attempted + in_words(major, minor));
  return std::string(to_string(granted)) + ' ' + detail::to_base64(token.view());
}

Error refusal(const std::string& why) {
  return Error(Error::Reason::refused_by_receiver, "behalf: verify a proof by Kerberos: " + why);
}

Sender verify(const std::string& keytab, const std::string& service, std::string_view proof) {
  const auto space = proof.find(' ');
  const auto granted = parse_level(proof.substr(0, space));
  const auto token = space == std::string_view::npos ? std::nullopt : detail::from_base64(proof.substr(space + 1));
  if (!granted || !token) throw refusal("it is none");
  if (*granted > Level::impersonation) throw refusal("tickets to be presented further are not taken");

  Name name;
  import_service(service, name);
  gss_key_value_element_desc element{};
  const gss_key_value_set_desc place = one_place(element, "keytab", keytab);
  Credential credential;
  OM_uint32 minor = 0;
  OM_uint32 major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_ACCEPT, &place,
                                          &credential, nullptr, nullptr);
  if (GSS_ERROR(major))
    throw Error(Error::Reason::not_usable, "behalf: verify a proof by Kerberos: the keys of " + service + " in " +
                                               keytab + ": " + in_words(major, minor));
  Binding sealed(*granted);
  Context context;
  Name client;
  Buffer answer;
  gss_buffer_desc shown = as_buffer(*token);
  OM_uint32 flags = 0;
  major = gss_accept_sec_context(&minor, &context, credential, &shown, &sealed.bindings, &client, nullptr,
                                 &answer.buffer, &flags, nullptr, nullptr);
  if (major != GSS_S_COMPLETE) throw refusal(in_words(major, minor));
  // A client that says nothing of what it binds to is taken by the engine as if it fitted.
  if ((flags & GSS_C_CHANNEL_BOUND_FLAG) == 0) throw refusal("its level is not sealed in it");

  Buffer account;
  major = gss_localname(&minor, client, GSS_C_NO_OID, &account.buffer);
  if (GSS_ERROR(major)) {
    Buffer principal;
    OM_uint32 ignored = 0;
    (void)gss_display_name(&ignored, client, &principal.buffer, nullptr);
    throw refusal(std::string(principal.view()) + " is no account here: " + in_words(major, minor));
  }
  if (*granted == Level::anonymous) return Sender();
  return Sender(Token::for_user(std::string(account.view())).with_level(*granted));
}

}  // namespace

Prove kerberos_prover(std::string service, const KerberosProverOptions& options) {
  return [service = std::move(service), cache_of = options.cache_of](Level granted) {
    const Carried worn_now;
    const Token who = worn_now.data() == nullptr ? Token::of_process() : Token(worn_now.data());
    return prove(service, cache_of ? cache_of(who) : "FILE:/tmp/krb5cc_" + std::to_string(who.uid()), who, granted);
  };
}

Verify kerberos_verifier(std::string keytab, std::string service) {
  return [keytab = std::move(keytab), service = std::move(service)](const std::string& proof) {
    const AsService self;
    return verify(keytab, service, proof);
  };
}

}  // namespace behalf
