// pam_checker(): Basic authentication by the machine's own passwords, or whatever its administrator has put into PAM.
//
//   behalf::http::Server server(behalf::http::listen_loopback(8080),
//                               behalf::http::basic(behalf::http::pam_checker("gateway"), "files"), handler);
//
// A component of its own: link behalf::http_pam, which stands on libpam.
#pragma once

#include <string>

#include "behalf/http.h"

namespace behalf::http {

// A checker that asks /etc/pam.d/SERVICE whether the password is right (pam_authenticate(3)) and the account may be
// used now (pam_acct_mgmt(3)), and takes the user whom the modules name then (PAM_USER). A module that asks for more
// than a name and a password is refused. The modules' own delay after a wrong password is not waited for: the server
// has the client wait (ServerOptions::refusal_takes), and its thread goes on.
//
// The checker: errors: Error of reason platform where PAM cannot be asked; those of Token::for_user(). Thread-safe as
// far as the modules are (pam_unix(8) is). Cost: what the modules do; a password hash takes milliseconds on purpose.
[[nodiscard]] PasswordChecker pam_checker(const std::string& service);

}  // namespace behalf::http
