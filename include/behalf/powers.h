// The dangerous powers: empty tags that a caller must spell out, so that one search of a code base finds every use.
//
//   behalf::Token backup = behalf::Token::for_user("backup", behalf::allow_low_ids);
//
// A power lifts one refusal and no other. What no power lifts: the id -1, uid 0, gid 0, the service's own account and
// the spare account.
#pragma once

namespace behalf {

// Token makers: ids below the fences' smallest uid and gid.
struct allow_low_ids_t {
  explicit constexpr allow_low_ids_t() = default;
};
inline constexpr allow_low_ids_t allow_low_ids{};

// Impersonation: wear `full` on the main thread, whose ids are what others see of the process and to which a user's
// kill(-1) is then delivered (kill(2): the real or saved id of the target decides).
struct allow_main_thread_t {
  explicit constexpr allow_main_thread_t() = default;
};
inline constexpr allow_main_thread_t allow_main_thread{};

// Token::with_posture: s/u/s. access(2), a shell and the signal checks see the service.
struct posture_effective_t {
  explicit constexpr posture_effective_t() = default;
};
inline constexpr posture_effective_t posture_effective{};

// Token::with_posture: s/s/s and fsuid u. Everything but file access sees the service.
struct posture_files_t {
  explicit constexpr posture_files_t() = default;
};
inline constexpr posture_files_t posture_files{};

// Token::with_capabilities: capabilities that stay effective while the token is worn.
struct allow_capabilities_t {
  explicit constexpr allow_capabilities_t() = default;
};
inline constexpr allow_capabilities_t allow_capabilities{};

// Token::with_level: a level above the one the token was made with.
struct raise_level_t {
  explicit constexpr raise_level_t() = default;
};
inline constexpr raise_level_t raise_level{};

}  // namespace behalf
