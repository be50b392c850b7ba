#include <strings.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "behalf/error.h"
#include "behalf/http_negotiate.h"
#include "remote/base64.h"
#include "remote/kerberos/gss.h"

namespace behalf::http {

namespace {

using behalf::detail::Buffer;
using behalf::detail::Context;
using behalf::detail::Credential;
using behalf::detail::in_words;
using behalf::detail::Name;

constexpr std::string_view scheme = "Negotiate";

// The token in the field, of which there is nothing where it is another scheme's or no base64.
std::optional<std::string> token_in(std::string_view field) {
  if (field.size() <= scheme.size() || ::strncasecmp(field.data(), scheme.data(), scheme.size()) != 0 ||
      field[scheme.size()] != ' ')
    return std::nullopt;
  field.remove_prefix(scheme.size());
  while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
  return behalf::detail::from_base64(field);
}

Answer unknown(const char* why, std::string tried = {}) {
  return {.challenge = std::string(scheme), .why = why, .tried = std::move(tried)};
}

Answer who_shows(const std::string& token, const std::string& keytab, const std::string& service, Level takes) {
  const std::string attempted = "behalf: http: let in by Negotiate: ";
  Credential keys;
  behalf::detail::acquire_keys(keytab, service, attempted, keys, behalf::detail::Engines::kerberos_by_spnego);
  Context context;
  Name client;
  Buffer answer;
  Credential tickets;
  gss_buffer_desc shown = behalf::detail::as_buffer(token);
  OM_uint32 minor = 0;
  OM_uint32 flags = 0;
  const OM_uint32 major =
      gss_accept_sec_context(&minor, &context, keys, &shown, GSS_C_NO_CHANNEL_BINDINGS, &client, nullptr,
                             &answer.buffer, &flags, nullptr, takes == Level::delegation ? &tickets : nullptr);
  if (major == GSS_S_CONTINUE_NEEDED)
    return unknown("one token must say who you are, by Kerberos", "a handshake of several legs");
  if (major != GSS_S_COMPLETE) return unknown("that token does not say who you are", in_words(major, minor));
  try {
    // Without an own wish of the client's, what it let be kept is all that there is to go by.
    const bool forwarded = tickets != GSS_C_NO_CREDENTIAL && (flags & GSS_C_DELEG_FLAG) != 0;
    const Level level = forwarded ? Level::delegation : std::min(takes, Level::impersonation);
    Answer known{.user = behalf::detail::user_of(client, level, tickets, attempted), .holds = Answer::Holds::request};
    // Clients take it that a connection which let them in once does so again, unless they are told.
    known.fields.push_back({"Persistent-Auth", "false"});
    if (answer.buffer.length != 0) {
      known.fields.push_back(
          {"WWW-Authenticate", std::string(scheme) + ' ' + behalf::detail::to_base64(answer.view())});
    }
    return known;
  } catch (const Error& error) {
    constexpr std::array for_good = {Error::Reason::refused_by_receiver, Error::Reason::unknown_user,
                                     Error::Reason::refused_by_fence, Error::Reason::invalid_id};
    if (std::find(for_good.begin(), for_good.end(), error.reason()) == for_good.end()) throw;
    return {.status = 403, .why = "nothing is done here for whoever you are", .tried = error.what()};
  }
}

}  // namespace

Authenticator negotiate(const std::string& keytab, const std::string& service, const NegotiateOptions& options) {
  return [keytab, service, takes = options.takes](const Request& request, const Client&) -> Answer {
    const auto field = request.field("Authorization");
    if (!field) return unknown("say who you are");
    const std::optional<std::string> token = token_in(*field);
    if (!token) return unknown("that is no token of Negotiate", "an unreadable credential");
    return who_shows(*token, keytab, service, takes);
  };
}

}  // namespace behalf::http
