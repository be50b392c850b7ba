#include "remote/kerberos/gss.h"

#include <utility>

#include "remote/kerberos/ticket_cache.h"

namespace behalf::detail {

namespace {

std::string words_of(gss_name_t name) {
  OM_uint32 minor = 0;
  Buffer text;
  (void)gss_display_name(&minor, name, &text.buffer, nullptr);
  return std::string(text.view());
}

}  // namespace

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

void import_service(const std::string& service, Name& name) {
  gss_buffer_desc text = as_buffer(service);
  OM_uint32 minor = 0;
  const OM_uint32 major = gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name);
  if (!GSS_ERROR(major)) return;
  throw Error(Error::Reason::not_usable,
              "behalf: Kerberos: '" + service + "' is no name of a service: " + in_words(major, minor));
}

void acquire_tickets(const std::string& cache, const std::string& attempted, Credential& credential) {
  gss_key_value_element_desc element{"ccache", cache.c_str()};
  const gss_key_value_set_desc place{1, &element};
  OM_uint32 minor = 0;
  const OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                                                GSS_C_INITIATE, &place, &credential, nullptr, nullptr);
  if (GSS_ERROR(major)) throw Error(Error::Reason::not_there, attempted + in_words(major, minor));
}

void acquire_keys(const std::string& keytab, const std::string& service, const std::string& attempted,
                  Credential& credential, Engines engines) {
  Name name;
  import_service(service, name);
  gss_key_value_element_desc element{"keytab", keytab.c_str()};
  const gss_key_value_set_desc place{1, &element};
  OM_uint32 minor = 0;
  char spnego[] = "\x2b\x06\x01\x05\x05\x02";  // 1.3.6.1.5.5.2
  gss_OID_desc both[] = {*gss_mech_krb5, {sizeof spnego - 1, spnego}};
  gss_OID_set_desc kerberos{1, both};
  gss_OID_set_desc wanted{engines == Engines::kerberos ? 1U : 2U, both};
  OM_uint32 major = gss_acquire_cred_from(&minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT, &place, &credential,
                                          nullptr, nullptr);
  // What SPNEGO may come to.
  if (!GSS_ERROR(major) && engines != Engines::kerberos) major = gss_set_neg_mechs(&minor, credential, &kerberos);
  if (GSS_ERROR(major))
    throw Error(Error::Reason::not_usable,
                attempted + "the keys of " + service + " in " + keytab + ": " + in_words(major, minor));
}

Token user_of(gss_name_t principal, Level level, gss_cred_id_t tickets, const std::string& attempted) {
  OM_uint32 minor = 0;
  Buffer account;
  const OM_uint32 major = gss_localname(&minor, principal, GSS_C_NO_OID, &account.buffer);
  if (GSS_ERROR(major)) {
    throw Error(Error::Reason::refused_by_receiver,
                attempted + words_of(principal) + " is no account here: " + in_words(major, minor));
  }
  const Token user = Token::for_user(std::string(account.view()));
  if (level != Level::delegation) return user.with_level(level);

  // Kerberos takes any that are sealed in the proof, were they somebody else's.
  Name whose;
  Name proved;  // the same as Kerberos has it: by SPNEGO it is another engine's, and no name of that is the same
  int same = 0;
  if (tickets == GSS_C_NO_CREDENTIAL ||
      GSS_ERROR(gss_inquire_cred_by_mech(&minor, tickets, gss_mech_krb5, &whose, nullptr, nullptr, nullptr)) ||
      GSS_ERROR(gss_canonicalize_name(&minor, principal, gss_mech_krb5, &proved)) ||
      GSS_ERROR(gss_compare_name(&minor, proved, whose, &same)) || same == 0) {
    const std::string whose_else = tickets == GSS_C_NO_CREDENTIAL ? "" : ", but some of '" + words_of(whose) + "'";
    throw Error(Error::Reason::refused_by_receiver,
                attempted + "no tickets to present " + words_of(principal) + " further came with it" + whose_else);
  }
  return Token(with_tickets(*user.data(), keep(tickets)));
}

}  // namespace behalf::detail
