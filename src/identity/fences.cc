#include "identity/fences.h"

#include <algorithm>

namespace behalf::detail {

std::optional<Refusal> fence_refusal(const Service& service, uid_t uid, gid_t gid, const std::vector<gid_t>& groups,
                                     bool low_ids) {
  const auto number = [](std::uint32_t id) { return std::to_string(id); };
  const auto invalid = [](std::string why) { return Refusal{Error::Reason::invalid_id, std::move(why)}; };
  const auto fence = [](std::string why) { return Refusal{Error::Reason::refused_by_fence, std::move(why)}; };
  const Fences& fences = service.fences;

  if (uid == no_id) return invalid("-1 is not a uid: the kernel takes it as \"leave unchanged\" (setresuid(2))");
  if (gid == no_id) return invalid("-1 is not a gid: the kernel takes it as \"leave unchanged\" (setresgid(2))");
  if (uid == 0) return fence("uid 0 is never impersonated; AsService is the way to be the service");
  if (gid == 0) return fence("gid 0 is never given to a user");
  if (uid == service.own.uid.effective) return fence("this is the service's own uid; AsService is the way to be it");
  if (service.spare && uid == service.spare->uid) return fence("this is the spare account, which is nobody");
  if (!low_ids && uid < fences.min_uid) {
    return fence("uid " + number(uid) + " is below the smallest that may be impersonated, " + number(fences.min_uid) +
                 " (Fences::min_uid; behalf::allow_low_ids lifts it)");
  }
  if (!low_ids && gid < fences.min_gid) {
    return fence("gid " + number(gid) + " is below the smallest primary group, " + number(fences.min_gid) +
                 " (Fences::min_gid; behalf::allow_low_ids lifts it)");
  }
  for (const gid_t group : groups) {
    if (group == no_id) return invalid("-1 is not a group");
    if (group == 0) return fence("gid 0 is never given to a user, and is among the supplementary groups");
    const auto& allowed = fences.allowed_groups;
    if (allowed && group != gid && std::find(allowed->begin(), allowed->end(), group) == allowed->end()) {
      return fence("supplementary group " + number(group) + " is not among Fences::allowed_groups");
    }
  }
  return std::nullopt;
}

}  // namespace behalf::detail
