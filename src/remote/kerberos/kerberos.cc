#include "behalf/kerberos.h"

#include <optional>
#include <string_view>
#include <utility>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/impersonation.h"
#include "identity/errors.h"
#include "remote/base64.h"
#include "remote/kerberos/gss.h"
#include "remote/kerberos/ticket_place.h"

namespace behalf {

namespace {

using detail::Buffer;
using detail::Context;
using detail::Credential;
using detail::in_words;
using detail::Name;
using Forwards = KerberosProverOptions::Forwards;

// "LEVEL TOKEN": the level is said before it, and sealed in it.
constexpr std::string_view binding = "behalf1 ";

// Both ends say it for themselves, and it only fits where they say the same (RFC 2743, 1.1.6).
struct Binding {
  explicit Binding(Level level) : words(std::string(binding) + std::string(to_string(level))) {
    bindings.initiator_addrtype = GSS_C_AF_UNSPEC;
    bindings.acceptor_addrtype = GSS_C_AF_UNSPEC;
    bindings.application_data = detail::as_buffer(words);
  }
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

  std::string words;
  gss_channel_bindings_struct bindings{};
};

OM_uint32 flag_of(Forwards forwards) {
  return forwards == Forwards::to_any ? GSS_C_DELEG_FLAG : GSS_C_DELEG_POLICY_FLAG;
}

std::string attempt(const std::string& service, const std::string& cache, const Token& who) {
  return "behalf: prove by Kerberos to " + service + " that this is " + detail::describe(*who.data()) +
         ", by the tickets in " + cache + ": ";
}

std::string prove(const std::string& service, const std::string& cache, const Token& who, Level granted,
                  Forwards forwards) {
  const std::string attempted = attempt(service, cache, who);
  if (granted == Level::delegation && who.level() < granted && !who.is_service()) {
    throw Error(Error::Reason::power_needed,
                attempted + "the token is of level " + std::string(to_string(who.level())) +
                    ", and is not presented further. Make it with behalf::raise_level, or grant less");
  }
  Name name;
  detail::import_service(service, name);
  Credential credential;
  detail::acquire_tickets(cache, attempted, credential);
  Binding sealed(granted);
  Context context;
  Buffer token;
  OM_uint32 minor = 0;
  OM_uint32 got = 0;
  const OM_uint32 wanted =
      GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | (granted == Level::delegation ? flag_of(forwards) : 0);
  // One message is all that there is: the server proves itself, if it has to, by the channel.
  const OM_uint32 major =
      gss_init_sec_context(&minor, credential, &context, name, gss_mech_krb5, wanted, GSS_C_INDEFINITE,
                           &sealed.bindings, GSS_C_NO_BUFFER, nullptr, &token.buffer, &got, nullptr);
  if (major != GSS_S_COMPLETE) throw Error(Error::Reason::not_there, attempted + in_words(major, minor));
  // Where tickets cannot be forwarded, Kerberos goes on without.
  if (granted == Level::delegation && (got & GSS_C_DELEG_FLAG) == 0) {
    throw Error(Error::Reason::not_permitted,
                attempted + "they cannot be forwarded: they were not made forwardable (kinit -f)" +
                    (forwards == Forwards::to_any
                         ? ""
                         : ", or the realm does not say of the service that it is trusted with them (ok_as_delegate)"));
  }
  return std::string(to_string(granted)) + ' ' + detail::to_base64(token.view());
}

constexpr const char* verifying = "behalf: verify a proof by Kerberos: ";

Error refusal(const std::string& why) {
  return Error(Error::Reason::refused_by_receiver, verifying + why);
}

Sender verify(const std::string& keytab, const std::string& service, Level takes, std::string_view proof) {
  const auto space = proof.find(' ');
  const auto granted = parse_level(proof.substr(0, space));
  const auto token = space == std::string_view::npos ? std::nullopt : detail::from_base64(proof.substr(space + 1));
  if (!granted || !token) throw refusal("it is none");
  if (*granted > takes) {
    throw refusal("it is of level " + std::string(to_string(*granted)) + ", and the highest that is taken here is " +
                  std::string(to_string(takes)));
  }

  Credential keys;
  detail::acquire_keys(keytab, service, verifying, keys);
  Binding sealed(*granted);
  Context context;
  Name client;
  Buffer answer;
  Credential tickets;
  gss_buffer_desc shown = detail::as_buffer(*token);
  OM_uint32 minor = 0;
  OM_uint32 flags = 0;
  const bool forwarded = *granted == Level::delegation;
  const OM_uint32 major = gss_accept_sec_context(&minor, &context, keys, &shown, &sealed.bindings, &client, nullptr,
                                                 &answer.buffer, &flags, nullptr, forwarded ? &tickets : nullptr);
  if (major != GSS_S_COMPLETE) throw refusal(in_words(major, minor));
  // A client that says nothing of what it binds to is taken by the engine as if it fitted.
  if ((flags & GSS_C_CHANNEL_BOUND_FLAG) == 0) throw refusal("its level is not sealed in it");

  Token user = detail::user_of(client, *granted, tickets, verifying);
  return *granted == Level::anonymous ? Sender() : Sender(std::move(user));
}

}  // namespace

Prove kerberos_prover(std::string service, const KerberosProverOptions& options) {
  return [service = std::move(service), options](Level granted) {
    const Carried worn_now;
    const Token who = worn_now.data() == nullptr ? Token::of_process() : Token(worn_now.data());
    const detail::TicketPlace place = detail::place_of_tickets(who, options.cache_of);
    if (!place.can_be_used) {
      throw Error(Error::Reason::not_there, attempt(service, place.name, who) +
                                                "they are not there, or the file is somebody else's. Get some with "
                                                "kinit(1), or say where they are (KerberosProverOptions::cache_of)");
    }
    return prove(service, place.name, who, granted, options.forwards);
  };
}

Verify kerberos_verifier(std::string keytab, std::string service, const KerberosVerifierOptions& options) {
  return [keytab = std::move(keytab), service = std::move(service), options](const std::string& proof) {
    const AsService self;
    return verify(keytab, service, options.takes, proof);
  };
}

std::optional<std::string> kerberos_tickets(const Token& of) {
  if (of.data()->tickets.place.empty()) return std::nullopt;
  return of.data()->tickets.place;
}

}  // namespace behalf
