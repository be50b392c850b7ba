#include "judge/shared_state.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

struct Part {
  std::string_view what;
  std::string State::*value;
};
constexpr Part parts[] = {
    {"the working directory", &State::directory},    {"the umask", &State::mask},
    {"the environment", &State::environment},        {"a limit", &State::limits},
    {"the set of ignored signals", &State::ignored}, {"the set of handled signals", &State::caught},
};

// The first line of `text` that is not in `other`.
std::string first_difference(const std::string& text, const std::string& other) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (("\n" + other + "\n").find("\n" + line + "\n") == std::string::npos) return line;
    at = end + 1;
  }
  return "without it";
}

// True when it is so again after the call.
bool put_back(const Call& call, const SharedChange& change) {
  const auto* const part =
      std::find_if(std::begin(parts), std::end(parts), [&](const Part& one) { return one.what == change.what; });
  return part != std::end(parts) && call.after.*(part->value) == change.before;
}

}  // namespace

std::vector<Alteration> alterations(const LegRecord& leg, std::size_t number) {
  const Call& call = leg.calls[number];
  std::vector<Alteration> found;
  for (const SharedChange& change : leg.shared_changes)
    if (change.window == static_cast<int>(number))
      found.push_back(
          {fmt::format("{} stays {}", change.what, change.before),
           fmt::format("{} is {}{}", change.what, change.now, put_back(call, change) ? " while the call runs" : ""),
           &change});
  if (call.after.threads.empty()) return found;  // the leg ended before it was looked at
  for (const Part& part : parts) {
    const std::string &before = call.before.*part.value, &after = call.after.*part.value;
    if (before != after)
      found.push_back({fmt::format("{} stays {}", part.what, first_difference(before, after)),
                       fmt::format("{} is {}", part.what, first_difference(after, before)), nullptr});
  }
  return found;
}

}  // namespace behalf::tool
