// Kerberos as proof of identity: between machines that have a realm in common. Stands on MIT Kerberos' GSS-API.
//
//   const behalf::Prove prove = behalf::kerberos_prover("notes@files.example.org");       // the client
//   const behalf::Verify verify = behalf::kerberos_verifier("/etc/notes/keytab", "notes");  // the server
//
// Where a user's tickets are is looked up by the real uid, and in an environment variable of the process
// (krb5_cc_default(3)): a service that impersonates presents its own. So the cache is named here, for each identity.
// The realm proves a principal; which account that is, the server's auth_to_local rules say (krb5.conf(5)).
#pragma once

#include <functional>
#include <string>

#include "behalf/proof.h"
#include "behalf/token.h"

namespace behalf {

struct KerberosProverOptions {
  // Where that identity's tickets are. By default where kinit(1) puts them: FILE:/tmp/krb5cc_UID.
  std::function<std::string(const Token&)> cache_of{};
};

// To a service, as "SERVICE@HOST". The function's errors: Error of reason not_there where the identity has no tickets
// (any more) or the realm does not answer, with what Kerberos says; not_usable.
// Thread-safe. Cost of a proof: that of a file; for a service that is new to the identity an exchange with the KDC.
[[nodiscard]] Prove kerberos_prover(std::string service, const KerberosProverOptions& options = {});

// For that service of this host, whose keys are in the keytab. A client may ask for level `impersonation` at most:
// tickets to be presented further are not taken.
// The function's errors: Error of reason refused_by_receiver where the proof is none, is expired, too early or was
// shown before (to this machine), is for another service, or its level is not the one that was sealed; where its
// principal is no account here; those of Token::for_user(). Thread-safe. Cost: that of two files, and
// Token::for_user().
[[nodiscard]] Verify kerberos_verifier(std::string keytab, std::string service);

}  // namespace behalf
