// MUNGE as proof of identity: between the machines of a cluster, which have their users in common. Stands on libmunge.
//
//   const behalf::Prove prove = behalf::munge_prover("notes", 990);   // the client: for the service with uid 990
//   const behalf::Verify verify = behalf::munge_verifier("notes");    // that service
//
// The local munged asks the kernel who connects and seals the uid and gid of that; each munged of the cluster can open
// it, once. It proves nothing more: groups, name and home are those of the receiver's account database.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "behalf/proof.h"

namespace behalf {

struct MungeOptions {
  // munged's socket. Empty: the one that libmunge knows; neither the environment nor $HOME is asked.
  std::string socket{};
  // How long a proof can be shown. 0: as munged has it, five minutes.
  std::chrono::seconds good_for{0};
};

// For an audience that both ends have agreed on, and a service that runs as that uid: nobody else can open it.
// The function's errors: Error of reason not_there where munged does not answer, not_permitted, platform.
// Thread-safe. Cost of a proof: a connection to munged.
[[nodiscard]] Prove munge_prover(std::string audience, uid_t service, const MungeOptions& options = {});

// The function's errors: Error of reason refused_by_receiver where the proof is none, is expired, was shown before (to
// this machine's munged) or is for another audience or another uid; unknown_user, incomplete_groups, refused_by_fence,
// inside_impersonation as of Token::for_uid(); not_there where munged does not answer.
// Thread-safe. Cost: a connection to munged, and Token::for_uid().
[[nodiscard]] Verify munge_verifier(std::string audience, const MungeOptions& options = {});

}  // namespace behalf
