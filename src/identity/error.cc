#include <cerrno>
#include <cstdio>
#include <cstring>

#include "identity/errors.h"

namespace behalf::detail {

namespace {

struct Advice {
  int error_number;
  Error::Reason reason;
  const char* what_to_do;
};

constexpr Advice advices[] = {
    {EPERM, Error::Reason::not_permitted,
     "The thread needs CAP_SETUID and CAP_SETGID among its permitted capabilities, and the service's uid as its saved "
     "uid; in a user namespace setgroups must be allowed (user_namespaces(7))"},
    {EINVAL, Error::Reason::not_permitted,
     "In a user namespace every id worn must be mapped: see /proc/self/uid_map and gid_map (user_namespaces(7))"},
    {EAGAIN, Error::Reason::out_of_resources, "The kernel is short of a resource for this user; try again later"},
    {ENOMEM, Error::Reason::out_of_resources, "The kernel is out of memory; try again later"},
    {0, Error::Reason::platform,
     "The kernel reported success and yet the thread is not what was asked for: a security module, a seccomp filter or "
     "code that changes credentials by other means interferes"},
};

constexpr Advice other_advice = {-1, Error::Reason::platform, "This system call is not expected to fail so"};

const Advice& advice_for(int error_number) {
  for (const Advice& advice : advices) {
    if (advice.error_number == error_number) return advice;
  }
  return other_advice;
}

struct Kind {
  int error_number;
  Error::Reason reason;
};

constexpr Kind kinds[] = {
    {ENOENT, Error::Reason::not_there},        {ENOTDIR, Error::Reason::not_there},
    {EPERM, Error::Reason::not_permitted},     {EACCES, Error::Reason::not_permitted},
    {EROFS, Error::Reason::not_permitted},     {EAGAIN, Error::Reason::out_of_resources},
    {ENOMEM, Error::Reason::out_of_resources}, {EMFILE, Error::Reason::out_of_resources},
    {ENFILE, Error::Reason::out_of_resources}, {ENOSPC, Error::Reason::out_of_resources},
    {EDQUOT, Error::Reason::out_of_resources},
};

}  // namespace

Error::Reason reason_of(int error_number) noexcept {
  for (const Kind& kind : kinds) {
    if (kind.error_number == error_number) return kind.reason;
  }
  return Error::Reason::platform;
}

std::string describe(const TokenData& token) {
  const std::string ids = "uid " + std::to_string(token.uid) + ", gid " + std::to_string(token.gid);
  if (token.kind == TokenData::Kind::service) return "the service (" + ids + ")";
  if (token.kind == TokenData::Kind::found) {
    return "the thread as it was found (uids " + describe(token.wear.uid) + ", gids " + describe(token.wear.gid) + ")";
  }
  return token.name.empty() ? ids : token.name + " (" + ids + ")";
}

std::string describe(const Ids& ids) {
  return "r/e/s/fs " + std::to_string(ids.real) + '/' + std::to_string(ids.effective) + '/' +
         std::to_string(ids.saved) + '/' + std::to_string(ids.fs);
}

std::string error_words(int error_number) {
  const char* words = ::strerrordesc_np(error_number);
  return words != nullptr ? words : "errno " + std::to_string(error_number);
}

Error switch_error(const TokenData& from, const TokenData& to, const Failure& failure) {
  const Advice& advice = advice_for(failure.error);
  const std::string why = failure.error != 0 ? error_words(failure.error) : "it had no effect";
  return Error(advice.reason,
               "behalf: impersonate " + describe(to) + " in the " + std::string{to_string(to.posture)} +
                   " posture, as " + describe(from) + ": " + failure.call + ": " + why +
                   ". The thread is as it was before. " + advice.what_to_do,
               failure.error);
}

void describe_stranded(char* line, std::size_t size, const TokenData* to, const Failure& failure) noexcept {
  const char* why = failure.error != 0 ? ::strerrordesc_np(failure.error) : "it had no effect";
  const long uid = to != nullptr ? static_cast<long>(to->uid) : -1;
  (void)std::snprintf(line, size,
                      "behalf: a thread could not be given back to uid %ld: %s: %s. The process ends, since nobody can "
                      "say who the thread is\n",
                      uid, failure.call, why != nullptr ? why : "unknown error");
}

}  // namespace behalf::detail
