#include "remote/kerberos/own_tickets.h"

#include "behalf/error.h"

namespace behalf::detail {

namespace {

constexpr std::chrono::seconds before_they_expire{60};  // they are renewed
constexpr std::chrono::seconds to_be_of_use{10};        // where the realm has not answered yet, or does not

// One request to the KDC: the C interface's objects, released at the end of it.
class Request {
 public:
  Request() {
    if (krb5_init_context(&context_) != 0) throw Error(Error::Reason::not_there, "no krb5.conf(5) to read");
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
    const std::string why = std::string("its own tickets: ") + words;
    krb5_free_error_message(context_, words);
    throw Error(Error::Reason::not_there, why);
  }

  krb5_context context_ = nullptr;
  krb5_principal self_ = nullptr;
  krb5_keytab keytab_ = nullptr;
  krb5_get_init_creds_opt* options_ = nullptr;
  krb5_creds got_{};
};

}  // namespace

// By the one who asks the realm. The line of an Error, which is for all who wait, has no beginning yet.
void OwnTickets::renew(std::promise<Place>& told) noexcept {
  try {
    auto fresh = std::make_shared<const TicketCache>();
    // A time of Kerberos has 32 bits without a sign (MIT Kerberos since 1.16).
    const auto end = static_cast<std::uint32_t>(Request().get(keytab_, service_, *fresh));
    const std::lock_guard lock(mutex_);
    until_ = Clock::time_point(std::chrono::seconds(end));
    place_ = fresh;
    renewal_ = {};
    told.set_value(std::move(fresh));
  } catch (...) {
    const std::lock_guard lock(mutex_);
    renewal_ = {};
    if (are_good_for(to_be_of_use)) return told.set_value(place_);
    told.set_exception(std::current_exception());
  }
}

OwnTickets::Place OwnTickets::get(const std::string& attempted) {
  std::promise<Place> told;
  std::shared_future<Place> renewal;
  bool is_here = false;
  {
    const std::lock_guard lock(mutex_);
    const bool is_renewed = renewal_.valid();
    if (are_good_for(is_renewed ? to_be_of_use : before_they_expire)) return place_;
    is_here = !is_renewed;
    if (is_here) renewal_ = told.get_future().share();
    renewal = renewal_;
  }
  if (is_here) renew(told);
  try {
    return renewal.get();
  } catch (const Error& error) {
    if (error.reason() != Error::Reason::not_there) throw;
    throw Error(error.reason(), attempted + error.what());
  }
}

}  // namespace behalf::detail
