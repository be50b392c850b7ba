#include <stdexcept>
#include <utility>

#include "behalf/error.h"
#include "behalf/http.h"
#include "remote/http/basic_credentials.h"

namespace behalf::http {

Authenticator peers() {
  return [](const Request&, const Client& client) -> Answer {
    try {
      return {.user = Token::of_peer(client.socket), .holds = Answer::Holds::connection};
    } catch (const Error& error) {
      return {.status = 403, .why = "nothing is done here for whoever you are on this machine", .tried = error.what()};
    }
  };
}

Authenticator basic(PasswordChecker checker, const std::string& realm) {
  for (const unsigned char each : realm) {
    if (each < ' ' || each == 0x7f || each == '"' || each == '\\')
      throw std::invalid_argument("behalf: http: a realm has no quotes, backslashes or control characters");
  }
  const std::string challenge = "Basic realm=\"" + realm + "\", charset=\"UTF-8\"";
  return [checker = std::move(checker), challenge](const Request& request, const Client&) -> Answer {
    const auto field = request.field("Authorization");
    if (!field) return {.challenge = challenge, .why = "say who you are"};
    const auto said = detail::basic_credentials(*field);
    if (!said)
      return {.challenge = challenge, .why = "that is no Basic credential", .tried = "an unreadable credential"};
    std::optional<Token> user = checker(said->name, said->password);
    if (!user) return {.challenge = challenge, .why = "the name or the password is wrong", .tried = said->name};
    return {.user = std::move(user), .holds = Answer::Holds::credential};
  };
}

}  // namespace behalf::http
