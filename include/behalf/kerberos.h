// Kerberos as proof of identity: between machines that have a realm in common. Stands on MIT Kerberos' GSS-API.
//
//   const behalf::Prove prove = behalf::kerberos_prover("notes@files.example.org");       // the client
//   const behalf::Verify verify = behalf::kerberos_verifier("/etc/notes/keytab", "notes");  // the server
//
// Where a user's tickets are is looked up by the real uid, and in an environment variable of the process
// (krb5_cc_default(3)): a service that impersonates presents its own. So the cache is named here, for each identity.
// The realm proves a principal; which account that is, the server's auth_to_local rules say (krb5.conf(5)).
//
// At level `delegation` the server can present the client to the next one, with tickets that belong to the client's
// token: they are in the memory of the process, in a cache of that token's own, for as long as there is a copy of it at
// that level, and a prover that is called as that client takes them. They come by either way:
//
//   behalf::kerberos_verifier(keytab, "notes", {.takes = behalf::Level::delegation});          // she forwards hers
//   behalf::kerberos_delegated(keytab, "notes@files.example.org", behalf::raise_level)(alice);  // the realm trusts us
//
// Two tokens of one user that came with different tickets are different identities, for whoever keeps things by them
// (per_identity<T>, a pool of connections), and has a copy for as long.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "behalf/level.h"
#include "behalf/of_thread.h"
#include "behalf/powers.h"
#include "behalf/proof.h"
#include "behalf/token.h"

struct gss_ctx_id_struct;  // a gss_ctx_id_t of <gssapi/gssapi.h> points to one

namespace behalf {

// Where an identity's tickets are: the name of a credential cache (krb5_cc_resolve(3)). None: those that came with it
// (kerberos_tickets()), and otherwise where kinit(1) puts them: FILE:/tmp/krb5cc_UID, where that file is the user's
// own. The user is shown as whom the tickets are for, so name a place that nobody else can write to.
using KerberosCacheOf = std::function<std::string(const Token&)>;

struct KerberosProverOptions {
  KerberosCacheOf cache_of{};

  // Which services are given tickets to present the user further: such a service can do in the user's name whatever she
  // can, until they expire. Those of which the realm says that they are trusted with that (ok-as-delegate), or whoever
  // is called at level `delegation`.
  enum class Forwards { to_trusted, to_any } forwards = Forwards::to_trusted;
};

// To a service, as "SERVICE@HOST". Level `delegation` forwards the user's tickets to it.
// The function's errors: Error of reason not_there where the identity has no tickets (any more) or the realm does not
// answer, or does not let this identity be presented to that service, with what Kerberos says; not_permitted where
// the tickets cannot be forwarded, or the service is not trusted with them; power_needed where `delegation` is asked
// for, and the user is of a lower level; not_usable.
// Thread-safe. Cost of a proof: that of a file (with delegated tickets, of none); for a service that is new to the
// identity, and for each at level `delegation`, an exchange with the KDC.
[[nodiscard]] Prove kerberos_prover(std::string service, const KerberosProverOptions& options = {});

struct KerberosVerifierOptions {
  // The highest level that a client may ask for. With `delegation` the service holds its clients' tickets.
  Level takes = Level::impersonation;
};

// For that service of this host, whose keys are in the keytab.
// The function's errors: Error of reason refused_by_receiver where the proof is none, is expired, too early or was
// shown before (to this machine), is for another service, or its level is not the one that was sealed or higher than
// this service takes; where it says `delegation` and there are no tickets in it, or somebody else's; where its
// principal is no account here; those of Token::for_user(); not_usable. Thread-safe. Cost: that of two files, and
// Token::for_user().
[[nodiscard]] Verify kerberos_verifier(std::string keytab, std::string service,
                                       const KerberosVerifierOptions& options = {});

// The client of a security context of GSS-API that a service has established by itself, as its accepting end: by SASL,
// or a protocol of its own. At level `impersonation`; tickets that came along stay the service's.
//
//   gss_accept_sec_context(&minor, &context, keys, &shown, ...);                 // until it says GSS_S_COMPLETE
//   const behalf::Impersonation as{behalf::kerberos_client(context)};
//
// Errors: Error of reason refused_by_receiver where the context is not established or is the initiating end's, its
// client is anonymous or no account here, or it is none of Kerberos; those of Token::for_user(). Thread-safe, as far as
// the context is. Cost: Token::for_user().
[[nodiscard]] Token kerberos_client(gss_ctx_id_struct* context);

// Where the tickets are that came with that identity: the name of a credential cache (krb5_cc_resolve(3)) in the memory
// of this process, for other uses of them. It is there as long as a copy of the token is. Nothing where none came.
// Errors: none. Thread-safe. Cost: no system call.
[[nodiscard]] std::optional<std::string> kerberos_tickets(const Token& of);

// Until the end of the scope, the tickets of whoever the thread wears are those that other libraries find for it by
// GSS-API where they are not told where to look (libpq, libcurl, libldap with SASL): by themselves they take those of
// the real uid, or of $KRB5CCNAME, which are the service's.
//
//   const behalf::Impersonation as{alice};
//   const behalf::ThreadTickets hers;
//   curl_easy_perform(handle);           // CURLAUTH_NEGOTIATE: alice
//
// They are those of whom the thread wears when the scope begins: who is worn within it has a scope of their own around
// what asks for tickets. Where an identity has none, none are found. The service has its own, by the default. What such
// a library keeps further, a connection say, is for that identity alone: per_identity.h. In the body of a task the
// scope belongs to the coroutine, as a ThreadDirectory does; what is handed on (bind(), a pool) begins without.
//
// Errors: those of `cache_of`; Error of reason platform. Thread-safe: concerns the calling thread alone. Cost: that of
// reading krb5.conf(5), and of a look at the file where the tickets are in one. Rests on: gss_krb5_ccache_name() of MIT
// Kerberos, which is of the thread, and goes before $KRB5CCNAME. Without such a scope a thread that wears a user, who
// may not read the service's cache, may end in a crash: krb5_cccol_have_content() of MIT's 1.20 frees what it never
// set.
class [[nodiscard]] ThreadTickets final : private detail::OfThread {
 public:
  [[nodiscard]] explicit ThreadTickets(const KerberosCacheOf& cache_of = {});
  ~ThreadTickets() { end(); }

 private:
  void take() override;
  void put_back() noexcept override;

  std::shared_ptr<const void> kept_;  // what the cache is there for as long as
  std::optional<std::string> place_;  // nothing: the default
  std::optional<std::string> before_;
};

// Makes of a user's token the same at level `delegation`.
using Delegate = std::function<Token(const Token& user)>;

struct KerberosDelegatedOptions {
  // Whom the realm knows that user as. By default the account's name, in the default realm.
  std::function<std::string(const Token&)> principal_of{};
};

// For users that the service knows by other means (a peer, a password): the realm gives it a ticket to itself in the
// user's name (S4U2Self), with which it can present the user to the services that the realm allows it to, and to no
// others (S4U2Proxy, constrained delegation): an administrator has said so there. The service is named "SERVICE@HOST",
// and its keys are in the keytab. The realm takes the service's word for who the user is, hence raise_level.
//
// The function's errors: Error of reason level_too_low where the token only identifies; invalid_id where it is nobody's
// that the realm could know; refused_by_receiver where the principal is another account here; not_permitted where the
// realm does not let this service present that user further; not_there where it does not answer, with what Kerberos
// says; not_usable. Thread-safe. Cost: an exchange with the KDC, two where the service's own tickets have expired; keep
// the token.
[[nodiscard]] Delegate kerberos_delegated(const std::string& keytab, const std::string& service, raise_level_t,
                                          const KerberosDelegatedOptions& options = {});

}  // namespace behalf
