#include "remote/kerberos/own_tickets.h"

#include "behalf/error.h"

namespace behalf::detail {

namespace {

constexpr std::chrono::seconds before_they_expire{60};

// One request to the KDC: the C interface's objects, released at the end of it.
class Request {
 public:
  explicit Request(const std::string& attempted) : attempted_(attempted) {
    if (krb5_init_context(&context_) != 0)
      throw Error(Error::Reason::not_there, attempted_ + "no krb5.conf(5) to read");
  }
  ~Request() {
    krb5_free_cred_contents(context_, &got_);
    if (options_ != nullptr) krb5_get_init_creds_opt_free(context_, options_);
    if (keytab_ != nullptr) (void)krb5_kt_close(context_, keytab_);
    krb5_free_principal(context_, self_);
    krb5_free_context(context_);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  // Returns when they expire.
  krb5_timestamp get(const std::string& keytab, const std::string& service, const TicketCache& into) {
    const std::size_t at = service.find('@');
    const std::string host = at == std::string::npos ? "" : service.substr(at + 1);
    check(krb5_sname_to_principal(context_, host.empty() ? nullptr : host.c_str(), service.substr(0, at).c_str(),
                                  KRB5_NT_SRV_HST, &self_));
    if (self_->realm.length == 0) {  // krb5.conf(5) does not say which the host's is
      char* realm = nullptr;
      check(krb5_get_default_realm(context_, &realm));
      const krb5_error_code failure = krb5_set_principal_realm(context_, self_, realm);
      krb5_free_default_realm(context_, realm);
      check(failure);
    }
    check(krb5_kt_resolve(context_, keytab.c_str(), &keytab_));
    check(krb5_get_init_creds_opt_alloc(context_, &options_));
    krb5_get_init_creds_opt_set_forwardable(options_, 1);
    krb5_get_init_creds_opt_set_out_ccache(context_, options_, into.cache());
    check(krb5_get_init_creds_keytab(context_, &got_, self_, keytab_, 0, nullptr, options_));
    return got_.times.endtime;
  }

 private:
  void check(krb5_error_code failure) const {
    if (failure == 0) return;
    const char* const words = krb5_get_error_message(context_, failure);
    const std::string why = attempted_ + "its own tickets: " + words;
    krb5_free_error_message(context_, words);
    throw Error(Error::Reason::not_there, why);
  }

  const std::string& attempted_;
  krb5_context context_ = nullptr;
  krb5_principal self_ = nullptr;
  krb5_keytab keytab_ = nullptr;
  krb5_get_init_creds_opt* options_ = nullptr;
  krb5_creds got_{};
};

}  // namespace

std::shared_ptr<const TicketCache> OwnTickets::get(const std::string& attempted) {
  const std::lock_guard lock(mutex_);
  if (cache_ != nullptr && Clock::now() + before_they_expire < until_) return cache_;
  auto fresh = std::make_shared<const TicketCache>();
  // A time of Kerberos has 32 bits without a sign (MIT Kerberos since 1.16).
  const auto end = static_cast<std::uint32_t>(Request(attempted).get(keytab_, service_, *fresh));
  until_ = Clock::time_point(std::chrono::seconds(end));
  return cache_ = std::move(fresh);
}

}  // namespace behalf::detail
