#include "behalf/thread.h"

#include <future>
#include <system_error>

#include "behalf/error.h"
#include "identity/worker_signals.h"
#include "transfer/wearer.h"

namespace behalf::detail {

namespace {

void destroy_errand(void* errand) noexcept {
  delete static_cast<Errand*>(errand);
}

void live(const Carried& who, Errand* errand, const std::stop_token& stop, std::promise<void> worn) {
  Wearer wearer;
  try {
    wearer.wear(who);
  } catch (...) {
    destroy_as(who, destroy_errand, errand);
    return worn.set_exception(std::current_exception());
  }
  // It is worn to the end of the thread, so that its thread-local objects are destroyed as the user.
  wearer.keep_until_the_end();
  worn.set_value();
  const std::unique_ptr<Errand> own(errand);
  [&]() noexcept { own->run(stop); }();
}

}  // namespace

std::thread start_thread(const Carried& who, std::unique_ptr<Errand> errand, std::stop_token stop) {
  std::promise<void> worn;
  std::future<void> is_worn = worn.get_future();
  std::thread started;
  try {
    const AsServiceIfAny self;  // clone(2) copies the credentials of the thread that calls it
    const SignalsBlocked meanwhile;
    started = std::thread(live, who, errand.get(), std::move(stop), std::move(worn));
  } catch (const std::system_error& error) {
    destroy_as(who, destroy_errand, errand.release());
    throw Error(Error::Reason::out_of_resources, std::string{"behalf: start a thread: "} + error.what(),
                error.code().value());
  } catch (...) {
    destroy_as(who, destroy_errand, errand.release());
    throw;
  }
  (void)errand.release();
  try {
    is_worn.get();
  } catch (...) {
    started.join();
    throw;
  }
  return started;
}

}  // namespace behalf::detail
