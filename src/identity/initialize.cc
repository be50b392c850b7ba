#include "behalf/initialize.h"

#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include <cerrno>
#include <mutex>
#include <system_error>

#include "behalf/error.h"
#include "identity/accounts.h"
#include "identity/errors.h"
#include "identity/initialize_to_exec.h"
#include "identity/self_test.h"
#include "identity/service.h"
#include "identity/thread_memo.h"

namespace behalf {

namespace detail {

namespace {

[[noreturn]] void refuse(Error::Reason reason, const std::string& why, int error_number = 0) {
  throw Error(reason, "behalf: initialize: " + why, error_number);
}

void check(const std::optional<Failure>& failure) {
  if (!failure) return;
  refuse(Error::Reason::platform, std::string{failure->call} + ": " + error_words(failure->error), failure->error);
}

std::optional<SpareAccount> spare_account(const Options& options) {
  if (options.shield_account.empty()) return options.shield;
  const Account account = account_of(options.shield_account);
  return SpareAccount{account.uid, account.gid};
}

void check_spare(const SpareAccount& spare, const Credentials& own) {
  if (spare.uid == no_id || spare.gid == no_id) refuse(Error::Reason::invalid_id, "the spare account has the id -1");
  if (spare.uid == 0 || spare.gid == 0) {
    refuse(Error::Reason::invalid_id, "the spare account is root or in root's group; it must own nothing");
  }
  if (spare.uid == own.uid.effective) {
    refuse(Error::Reason::invalid_id, "the spare account is the service's own; it must be one that owns nothing");
  }
}

void clear_ambient() {
  const long result = system_calls().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);
  if (result >= 0) return;
  const auto error = static_cast<int>(-result);
  refuse(Error::Reason::platform, "clear the ambient capabilities: prctl: " + error_words(error), error);
}

void cut_permitted(Capabilities keep, ThreadState& state) {
  const Capabilities left = state.powers.permitted & (keep | switching_capabilities);
  const CapabilitySets cut{state.credentials.effective & left, left, state.powers.inheritable & left};
  if (const long result = set_capabilities(system_calls(), cut); result < 0) {
    const auto error = static_cast<int>(-result);
    refuse(Error::Reason::platform, "cut the permitted capabilities: capset: " + error_words(error), error);
  }
  check(read_thread(system_calls(), state));
  if (state.powers.permitted != left) {
    refuse(Error::Reason::platform, "cut the permitted capabilities: capset: it had no effect");
  }
}

void empty_bounding_set() {
  for (unsigned long capability = 0;; ++capability) {
    const long dropped = system_calls().prctl(PR_CAPBSET_DROP, capability, 0);
    if (dropped == -EINVAL && capability > 0) return;  // there are no more
    if (dropped >= 0 && system_calls().prctl(PR_CAPBSET_READ, capability, 0) == 0) continue;
    const int error = dropped < 0 ? static_cast<int>(-dropped) : 0;
    refuse(error == EPERM ? Error::Reason::not_permitted : Error::Reason::platform,
           "empty the bounding set: prctl: " + (error == 0 ? std::string{"it had no effect"}
                                                : error == EPERM
                                                    ? error_words(error) + ". The service needs CAP_SETPCAP for it"
                                                    : error_words(error)),
           error);
  }
}

// A service without an account is as good as any: in containers that is the rule.
Account own_account(const Credentials& own) {
  try {
    return account_of(own.uid.effective);
  } catch (const Error&) {
    return {};
  }
}

TokenPtr service_token(const Credentials& own, const Account& account) {
  TokenData data;
  data.kind = TokenData::Kind::service;
  data.uid = own.uid.effective;
  data.gid = own.gid.effective;
  data.wear = own;
  data.name = account.name;
  data.home = account.home;
  data.shell = account.shell;
  return finish(std::move(data));
}

std::mutex one_at_a_time;

// What the process is, once that has been looked at and cut.
Service service_as_found(const Options& options) {
  if (service() != nullptr) refuse(Error::Reason::already_initialized, "it has been called before; once is enough");

  clear_ambient();
  ThreadState state;
  check(read_thread(system_calls(), state));
  if (options.empty_bounding_set) empty_bounding_set();
  if (options.keep_capabilities) cut_permitted(*options.keep_capabilities, state);
  if ((state.credentials.effective & switching_capabilities) != switching_capabilities) {
    refuse(Error::Reason::not_permitted,
           "CAP_SETUID and CAP_SETGID are not both effective. Run the service as root, or give its account the two "
           "(systemd: AmbientCapabilities=CAP_SETUID CAP_SETGID)");
  }
  if (state.credentials.uid.fs != state.credentials.uid.effective ||
      state.credentials.gid.fs != state.credentials.gid.effective) {
    refuse(Error::Reason::platform,
           "the calling thread is impersonating already: its file-system ids are others than "
           "its effective ones (setfsuid(2))");
  }

  Service found;
  found.own = state.credentials;
  found.powers = state.powers;
  found.fences = options.fences;
  found.on_cannot_give_back = options.on_cannot_give_back;
  found.spare = spare_account(options);
  if (found.spare) check_spare(*found.spare, found.own);
  return found;
}

std::string hexadecimal(Capabilities set) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = digits[(set >> (60 - 4 * i)) & 15];
  return text;
}

Report report_of(const Service& service, std::vector<Probe> tried) {
  Report report{service.own.uid,          service.own.gid,        service.own.groups,       service.own.effective,
                service.powers.permitted, service.powers.adjusts, service.session_keyrings, {}};
  utsname kernel{};
  if (::uname(&kernel) == 0) report.probes.push_back({"kernel", std::string{kernel.release} + " " + kernel.machine});
  report.probes.push_back({"the service", describe(*service.token)});
  report.probes.push_back({"permitted capabilities", hexadecimal(service.powers.permitted)});
  report.probes.push_back({"ambient capabilities", "cleared"});
  report.probes.push_back({"capabilities at a change of uid 0", service.powers.adjusts
                                                                    ? "adjusted by the kernel"
                                                                    : "left alone (SECBIT_NO_SETUID_FIXUP): set by "
                                                                      "the library"});
  report.probes.push_back({"shielded posture", service.spare ? "spare account uid " + std::to_string(service.spare->uid)
                                                             : "refused: no spare account"});
  for (Probe& probe : tried) report.probes.push_back(std::move(probe));
  return report;
}

}  // namespace

}  // namespace detail

Report initialize(const Options& options) {
  using namespace detail;
  const std::lock_guard lock(one_at_a_time);
  Service service = service_as_found(options);
  service.token = service_token(service.own, own_account(service.own));
  SelfTest tried;
  try {
    tried = self_test(service);
  } catch (const std::system_error& error) {
    refuse(Error::Reason::out_of_resources, std::string{"start a thread for the self-test: "} + error.what(),
           error.code().value());
  }
  if (!tried.broken.empty()) {
    refuse(Error::Reason::platform,
           "self-test: " + tried.broken + ". The library rests on this, so nobody is impersonated on this machine");
  }
  service.session_keyrings = tried.session_keyrings;
  watch_forks();
  Report report = report_of(service, std::move(tried.probes));
  publish(std::move(service));
  return report;
}

void detail::initialize_to_exec() {
  const std::lock_guard lock(one_at_a_time);
  Service service = service_as_found({});
  service.token = service_token(service.own, {});  // nobody will ask for its name
  const long keyring =
      system_calls().keyctl(KEYCTL_GET_KEYRING_ID, static_cast<unsigned long>(KEY_SPEC_SESSION_KEYRING), 0);
  service.session_keyrings = keyring != -ENOSYS && keyring != -EPERM;
  publish(std::move(service));
}

}  // namespace behalf
