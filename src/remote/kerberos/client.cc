#include "behalf/error.h"
#include "behalf/kerberos.h"
#include "remote/kerberos/gss.h"

namespace behalf {

Token kerberos_client(gss_ctx_id_struct* context) {
  const std::string attempted = "behalf: learn whose a context of GSS-API is: ";
  const auto refusal = [&](const std::string& why) {
    return Error(Error::Reason::refused_by_receiver, attempted + why);
  };
  detail::Name client;
  gss_OID engine = GSS_C_NO_OID;
  OM_uint32 minor = 0;
  OM_uint32 flags = 0;
  int initiated_here = 0;
  int established = 0;
  const OM_uint32 major = context == GSS_C_NO_CONTEXT
                              ? GSS_S_NO_CONTEXT
                              : gss_inquire_context(&minor, context, &client, nullptr, nullptr, &engine, &flags,
                                                    &initiated_here, &established);
  if (GSS_ERROR(major)) throw refusal(detail::in_words(major, minor));
  if (established == 0) throw refusal("it is not established yet");
  if (initiated_here != 0) throw refusal("its client is this process. Give the end that accepted it");
  if (engine == GSS_C_NO_OID || gss_oid_equal(engine, gss_mech_krb5) == 0) throw refusal("it is none of Kerberos");
  if ((flags & GSS_C_ANON_FLAG) != 0) throw refusal("its client is anonymous");
  return detail::user_of(client, Level::impersonation, GSS_C_NO_CREDENTIAL, attempted);
}

}  // namespace behalf
