#include "stand_in_service.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "child.h"

namespace behalf::testing {

namespace {

template <class... Arguments>
void call(const char* name, long number, Arguments... arguments) {
  must(::syscall(number, arguments...) >= 0, std::string{"preparing: "} + name + ": " + std::strerror(errno));
}

void capabilities(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (unsigned word = 0; word < 2; ++word) {
    const auto part = [word](std::uint64_t set) { return static_cast<std::uint32_t>(set >> (32 * word)); };
    data[word] = {part(effective), part(permitted), part(inheritable)};
  }
  call("capset", SYS_capset, &header, data);
}

constexpr std::uint64_t bit(int capability) {
  return std::uint64_t{1} << capability;
}
constexpr std::uint64_t switching = bit(CAP_SETUID) | bit(CAP_SETGID);

constexpr std::uint64_t over_files = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                                     bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_LINUX_IMMUTABLE) | bit(CAP_MKNOD) |
                                     bit(CAP_MAC_OVERRIDE);

Ids ids(Posture posture, std::uint32_t service, std::uint32_t user) {
  switch (posture) {
    case Posture::files:
      return {service, service, service, user};
    case Posture::effective:
      return {service, user, service, user};
    case Posture::full:
      return {user, user, service, user};
    case Posture::shielded:
      return {spare_id, user, service, user};
  }
  return {};
}

}  // namespace

std::string to_words(ServiceKind kind) {
  constexpr const char* words[] = {"root", "account", "root with NO_SETUID_FIXUP"};
  return words[static_cast<std::size_t>(kind)];
}

void make_thread(const RawState& state) {
  // Without fix-ups the ids can be set freely and the capabilities at the end.
  call("prctl", SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0L, 0L, 0L);
  call("setgroups", SYS_setgroups, state.groups.size(), state.groups.data());
  call("setresgid", SYS_setresgid, state.gid.real, state.gid.effective, state.gid.saved);
  call("setfsgid", SYS_setfsgid, state.gid.fs);
  call("setresuid", SYS_setresuid, state.uid.real, state.uid.effective, state.uid.saved);
  call("setfsuid", SYS_setfsuid, state.uid.fs);
  call("prctl", SYS_prctl, PR_SET_SECUREBITS, state.securebits, 0L, 0L, 0L);
  capabilities(state.effective, state.permitted, 0);
}

void become(ServiceKind kind) {
  const std::uint64_t all = kernel_view().permitted;
  switch (kind) {
    case ServiceKind::root:
      make_thread({{}, {}, {0, 5}, all, all, 0});
      break;
    case ServiceKind::unfixed:
      make_thread({{}, {}, {0, 5}, all, all, SECBIT_NO_SETUID_FIXUP});
      break;
    case ServiceKind::account: {
      const Ids id{account_id, account_id, account_id, account_id};
      const std::uint64_t had = switching | bit(CAP_DAC_OVERRIDE);
      make_thread({id, id, {account_id}, had, had, 0});
      capabilities(had, had, switching);
      for (const long capability : {CAP_SETUID, CAP_SETGID}) {
        call("prctl", SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0L, 0L);
      }
      break;
    }
  }
}

void start(ServiceKind kind, Options options) {
  become(kind);
  if (!options.shield) options.shield = SpareAccount{spare_id, spare_id};
  initialize(options);
}

Token alice() {
  return Token::from_ids(alice_id, alice_id, {devs, alice_id}, "alice");
}
Token bob() {
  return Token::from_ids(bob_id, bob_id, {bob_id, staff}, "bob");
}

Token in_posture(const Token& token, Posture posture) {
  if (posture == Posture::files) return token.with_posture(posture_files);
  if (posture == Posture::effective) return token.with_posture(posture_effective);
  return token.with_posture(posture);
}

KernelView expected(const KernelView& service, const Token& token, Posture posture) {
  KernelView view = service;
  view.uid = ids(posture, service.uid.effective, token.uid());
  view.gid = ids(posture, service.gid.effective, token.gid());
  view.groups = token.groups();
  view.effective = posture == Posture::files ? service.effective & ~over_files : 0;
  return view;
}

}  // namespace behalf::testing
