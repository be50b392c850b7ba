#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>
#include <utility>

#include "behalf/error.h"
#include "behalf/http_tls.h"
#include "remote/http/tls_channel.h"

namespace behalf::http {

namespace {

detail::Judged shown_by(const Client& client) {
  const auto* const channel = dynamic_cast<const detail::TlsChannel*>(client.channel);
  if (channel == nullptr) return {.certificate = {}, .why = "the connection is not over TLS"};
  return channel->certificate();
}

Answer nobody(std::string tried) {
  return {.status = 403, .why = "nothing is done here for whoever you are", .tried = std::move(tried)};
}

Answer who_shows(const Certificate& certificate, const AccountOf& account_of) {
  const std::optional<std::string> account = account_of(certificate);
  if (!account)
    return nobody("the certificate of " + certificate.subject + " by " + certificate.authority + " is nobody's");
  try {
    return {.user = Token::for_user(*account), .holds = Answer::Holds::connection};
  } catch (const Error& error) {
    constexpr std::array for_good = {Error::Reason::unknown_user, Error::Reason::refused_by_fence,
                                     Error::Reason::invalid_id};
    if (std::find(for_good.begin(), for_good.end(), error.reason()) == for_good.end()) throw;
    return nobody("the certificate of " + certificate.subject + ": " + error.what());
  }
}

}  // namespace

std::optional<Certificate> certificate_of(const Client& client) {
  return shown_by(client).certificate;
}

Authenticator certificates(AccountOf account_of) {
  if (!account_of) throw std::invalid_argument("behalf: http: certificates are told apart by a function");
  return [account_of = std::move(account_of)](const Request&, const Client& client) -> Answer {
    const detail::Judged judged = shown_by(client);
    if (judged.certificate) return who_shows(*judged.certificate, account_of);
    return {.status = 403, .why = "connect with a certificate that says who you are", .tried = judged.why};
  };
}

AccountOf listed(std::vector<Listed> all) {
  std::map<std::pair<std::string, std::string>, std::string> accounts;
  for (Listed& each : all) {
    if (each.authority.empty() || each.subject.empty() || each.account.empty())
      throw std::invalid_argument("behalf: http: a listed certificate has an authority, a subject and an account");
    const std::string subject = each.subject;
    const bool is_new =
        accounts.try_emplace({std::move(each.authority), std::move(each.subject)}, std::move(each.account)).second;
    if (!is_new) throw std::invalid_argument("behalf: http: " + subject + " is listed twice");
  }
  return [accounts = std::move(accounts)](const Certificate& certificate) -> std::optional<std::string> {
    const auto found = accounts.find({certificate.authority, certificate.subject});
    if (found == accounts.end()) return std::nullopt;
    return found->second;
  };
}

AccountOf common_name_is_account(std::string authority) {
  if (authority.empty()) throw std::invalid_argument("behalf: http: whose common names are accounts is to be said");
  return [authority = std::move(authority)](const Certificate& certificate) -> std::optional<std::string> {
    if (certificate.authority != authority || certificate.common_names.size() != 1) return std::nullopt;
    return certificate.common_names.front();
  };
}

}  // namespace behalf::http
