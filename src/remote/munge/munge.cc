#include "behalf/munge.h"

#include <munge.h>

#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "identity/errors.h"

namespace behalf {

namespace {

struct DestroyContext {
  void operator()(munge_ctx_t context) const noexcept { munge_ctx_destroy(context); }
};
using Context = std::unique_ptr<munge_ctx, DestroyContext>;

// What is sealed: "behalf1 LEVEL AUDIENCE".
constexpr std::string_view sealed = "behalf1 ";

Context make_context(const MungeOptions& options) {
  Context context(munge_ctx_create());
  if (context == nullptr) throw std::bad_alloc();
  if (!options.socket.empty() &&
      munge_ctx_set(context.get(), MUNGE_OPT_SOCKET, options.socket.c_str()) != EMUNGE_SUCCESS)
    throw std::bad_alloc();
  if (options.good_for.count() > 0)
    munge_ctx_set(context.get(), MUNGE_OPT_TTL, static_cast<int>(options.good_for.count()));
  return context;
}

[[noreturn]] void fail(const std::string& what, munge_err_t error, munge_ctx_t context) {
  const char* const more = munge_ctx_strerror(context);
  const std::string words = "behalf: " + what + ": " + (more != nullptr ? more : munge_strerror(error));
  switch (error) {
    case EMUNGE_SOCKET:
    case EMUNGE_TIMEOUT:
      throw Error(Error::Reason::not_there, words + ". Is munged running?");
    case EMUNGE_NO_MEMORY:
      throw std::bad_alloc();
    case EMUNGE_BAD_ARG:  // what stands for a credential is none at all
    case EMUNGE_BAD_LENGTH:
    case EMUNGE_BAD_CRED:
    case EMUNGE_BAD_VERSION:
    case EMUNGE_BAD_CIPHER:
    case EMUNGE_BAD_MAC:
    case EMUNGE_BAD_ZIP:
    case EMUNGE_BAD_REALM:
    case EMUNGE_CRED_INVALID:
    case EMUNGE_CRED_EXPIRED:
    case EMUNGE_CRED_REWOUND:
    case EMUNGE_CRED_REPLAYED:
    case EMUNGE_CRED_UNAUTHORIZED:
      throw Error(Error::Reason::refused_by_receiver, words);
    default:
      throw Error(Error::Reason::platform, words);
  }
}

}  // namespace

Prove munge_prover(std::string audience, uid_t service, const MungeOptions& options) {
  return [audience = std::move(audience), service, options](Level granted) {
    const Context context = make_context(options);
    munge_ctx_set(context.get(), MUNGE_OPT_UID_RESTRICTION, service);
    const std::string payload = std::string(sealed) + std::string(to_string(granted)) + ' ' + audience;
    char* credential = nullptr;
    const munge_err_t error =
        munge_encode(&credential, context.get(), payload.data(), static_cast<int>(payload.size()));
    const std::unique_ptr<char, decltype(&std::free)> kept(credential, &std::free);
    if (error != EMUNGE_SUCCESS) fail("prove who calls by MUNGE", error, context.get());
    return std::string(credential);
  };
}

Verify munge_verifier(std::string audience, const MungeOptions& options) {
  return [audience = std::move(audience), options](const std::string& proof) {
    // Opened by the service: for it the proof is meant.
    const AsService self;
    const Context context = make_context(options);
    void* opened = nullptr;
    int size = 0;
    uid_t uid = static_cast<uid_t>(-1);
    gid_t gid = static_cast<gid_t>(-1);
    const munge_err_t error = munge_decode(proof.c_str(), context.get(), &opened, &size, &uid, &gid);
    const std::unique_ptr<void, decltype(&std::free)> kept(opened, &std::free);
    const std::string by = uid == static_cast<uid_t>(-1) ? "" : ", sealed by uid " + std::to_string(uid);
    if (error != EMUNGE_SUCCESS) fail("verify a proof by MUNGE" + by, error, context.get());
    const auto refuse = [&](const char* why) {
      return Error(Error::Reason::refused_by_receiver, "behalf: verify a proof by MUNGE" + by + ": " + why);
    };
    std::string_view payload(static_cast<const char*>(opened), static_cast<std::size_t>(size));
    if (!payload.starts_with(sealed)) throw refuse("what is sealed is no proof of ours");
    payload.remove_prefix(sealed.size());
    const auto space = payload.find(' ');
    const auto granted = parse_level(payload.substr(0, space));
    if (space == std::string_view::npos || !granted) throw refuse("what is sealed is no proof of ours");
    if (payload.substr(space + 1) != audience) throw refuse("it is meant for another audience");
    if (*granted == Level::anonymous) return Sender();
    return Sender(Token::for_uid(uid).with_level(*granted, raise_level));
  };
}

}  // namespace behalf
