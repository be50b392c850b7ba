#include <memory>
#include <utility>

#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "behalf/kerberos.h"
#include "identity/errors.h"
#include "remote/kerberos/gss.h"
#include "remote/kerberos/own_tickets.h"
#include "remote/kerberos/ticket_cache.h"

namespace behalf {

namespace {

using detail::Buffer;
using detail::Credential;
using detail::in_words;
using detail::Name;

// Who is to be presented, as the realm knows them; the account that this principal is here must be the same.
void import_user(const std::string& principal, const Token& user, const std::string& attempted, Name& name) {
  gss_buffer_desc text = detail::as_buffer(principal);
  OM_uint32 minor = 0;
  OM_uint32 major = gss_import_name(&minor, &text, GSS_C_NT_USER_NAME, &name);
  if (principal.empty() || GSS_ERROR(major)) {
    throw Error(Error::Reason::invalid_id, attempted + "'" + principal + "' is no name of a principal");
  }
  Buffer account;
  major = gss_localname(&minor, name, gss_mech_krb5, &account.buffer);
  if (!GSS_ERROR(major) && account.view() == user.name()) return;
  throw Error(Error::Reason::refused_by_receiver,
              attempted + "the principal '" + principal + "' is " +
                  (GSS_ERROR(major) ? "no account" : "the account '" + std::string(account.view()) + "'") + " here");
}

class Trusted {
 public:
  Trusted(const std::string& keytab, const std::string& service, KerberosDelegatedOptions options)
      : service_(service), options_(std::move(options)), tickets_(keytab, service) {}

  Token delegate(const Token& user) {
    const std::string attempted =
        "behalf: delegate " + detail::describe(*user.data()) + " to " + service_ + " by Kerberos: ";
    if (user.level() < Level::impersonation) {
      throw Error(Error::Reason::level_too_low,
                  attempted + "the token is of level " + std::string(to_string(user.level())));
    }
    if (user.is_service()) throw Error(Error::Reason::invalid_id, attempted + "presents itself as it is");
    const AsService self;
    Name name;
    import_user(options_.principal_of ? options_.principal_of(user) : user.name(), user, attempted, name);
    const auto cache = tickets_.get(attempted);
    Credential own;
    detail::acquire_tickets(cache->name(), attempted, own);
    Credential hers;
    OM_uint32 minor = 0;
    const OM_uint32 major = gss_acquire_cred_impersonate_name(&minor, own, name, GSS_C_INDEFINITE, GSS_C_NO_OID_SET,
                                                              GSS_C_INITIATE, &hers, nullptr, nullptr);
    if (GSS_ERROR(major)) throw Error(Error::Reason::not_there, attempted + in_words(major, minor));
    detail::Tickets tickets = detail::keep(hers);
    // A ticket that is not forwardable is for the service itself alone, and nothing says so before it is presented.
    if (!detail::can_be_presented(tickets)) {
      throw Error(Error::Reason::not_permitted,
                  attempted +
                      "the realm gives a ticket that may not be presented further. There, the service needs "
                      "ok_to_auth_as_delegate, and the user must not be exempt from it (allow_forwardable)");
    }
    return Token(detail::with_tickets(*user.data(), std::move(tickets)));
  }

 private:
  const std::string service_;
  const KerberosDelegatedOptions options_;
  detail::OwnTickets tickets_;
};

}  // namespace

Delegate kerberos_delegated(const std::string& keytab, const std::string& service, raise_level_t,
                            const KerberosDelegatedOptions& options) {
  const auto trusted = std::make_shared<Trusted>(keytab, service, options);
  return [trusted](const Token& user) { return trusted->delegate(user); };
}

}  // namespace behalf
