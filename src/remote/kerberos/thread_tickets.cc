#include <utility>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "behalf/kerberos.h"
#include "identity/give_back_failure.h"
#include "remote/kerberos/gss.h"
#include "remote/kerberos/ticket_cache.h"
#include "remote/kerberos/ticket_place.h"

namespace behalf {

namespace {

const char* text_of(const std::optional<std::string>& place) noexcept {
  return place ? place->c_str() : nullptr;
}

// What the thread would have if nobody had said anything: the thread is left so, and not with that name, which may be
// another one by then.
bool is_default(const char* place) {
  krb5_context context = nullptr;
  if (krb5_init_context(&context) != 0) return false;
  const char* const name = krb5_cc_default_name(context);
  const bool is = name != nullptr && std::string_view(name) == place;
  krb5_free_context(context);
  return is;
}

void put_back_to(const char* place) noexcept {
  OM_uint32 minor = 0;
  if (!GSS_ERROR(gss_krb5_ccache_name(&minor, place, nullptr))) return;
  detail::end_process(
      "behalf: the tickets that other libraries of this thread find cannot be put back to what they were. The process "
      "ends, before other work is taken for their user\n");
}

}  // namespace

ThreadTickets::ThreadTickets(const KerberosCacheOf& cache_of) {
  const Carried worn_now;
  if (worn_now.data() != nullptr && !Token(worn_now.data()).is_service()) {
    detail::TicketPlace place = detail::place_of_tickets(Token(worn_now.data()), cache_of);
    kept_ = worn_now.data();
    if (!place.can_be_used) {
      auto empty = std::make_shared<const detail::TicketCache>();
      place.name = empty->name();
      kept_ = std::move(empty);
    }
    place_ = std::move(place.name);
  }
  begin();
}

void ThreadTickets::take() {
  OM_uint32 minor = 0;
  const char* before = nullptr;
  const OM_uint32 major = gss_krb5_ccache_name(&minor, text_of(place_), &before);
  if (GSS_ERROR(major)) {
    throw Error(Error::Reason::platform, "behalf: let other libraries of this thread find the tickets in " +
                                             place_.value_or("the default place") + ": " +
                                             detail::in_words(major, minor));
  }
  before_.reset();
  if (before == nullptr || is_default(before)) return;
  try {
    before_ = before;
  } catch (...) {  // the scope has not begun, and nobody would end it
    put_back_to(before);
    throw;
  }
}

void ThreadTickets::put_back() noexcept {
  put_back_to(text_of(before_));
}

}  // namespace behalf
