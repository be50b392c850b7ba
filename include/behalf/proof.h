// Proof of identity to another process, by an engine that both ends know: MUNGE (munge.h), Kerberos. What grpc.h and
// other protocols send along with a call.
//
//   behalf::grpc_channel(target, credentials, {.prove = behalf::munge_prover("notes", service_uid)});
//   behalf::GrpcCallers callers({.verify = behalf::munge_verifier("notes")});
//
// A proof is good once, and shown soon; what lasts longer (a ticket) is given in exchange for it.
#pragma once

#include <functional>
#include <string>

#include "behalf/level.h"
#include "behalf/sender.h"

namespace behalf {

// Called as whom it is for, for each proof. Throws Error where there is none to be had.
using Prove = std::function<std::string(Level granted)>;

// Whose proof it is, of the level that was granted. Called as the service, once for each proof. Throws Error of reason
// refused_by_receiver where it is no proof, is shown a second time or too late, or is meant for somebody else.
using Verify = std::function<Sender(const std::string& proof)>;

}  // namespace behalf
