#include "judge/outcome.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

// Runs of letters and digits, and every other character by itself: what differs between two runs is a number, a name
// or an address, never the text around it.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  bool open = false;
  for (const char character : text) {
    const bool joins = std::isalnum(static_cast<unsigned char>(character)) != 0;
    if (joins && open)
      words.back() += character;
    else
      words.emplace_back(1, character);
    open = joins;
  }
  return words;
}

}  // namespace

Outcome outcome_of(const Call& call) {
  return {call.ended, call.returned, call.output};
}

std::string describe(const Outcome& outcome) {
  if (!outcome.ended) return "did not return";
  std::string text = fmt::format("returned {}", outcome.returned);
  if (outcome.output.empty()) return text;
  std::string shown;
  for (const char character : outcome.output.substr(0, outcome.output.find_last_not_of('\n') + 1))
    shown += character == '\n' ? std::string("; ") : std::string(1, character);
  constexpr std::size_t most = 160;
  if (shown.size() > most) shown = shown.substr(0, most) + "...";
  return text + ", printed \"" + shown + "\"";
}

Reference::Reference(const Outcome& first, const Outcome& second) : first_(first) {
  agrees_ = first.ended == second.ended && first.returned == second.returned;
  words_ = words_of(first.output);
  const auto others = words_of(second.output);
  if (words_.size() != others.size()) {
    agrees_ = false;
    return;
  }
  bool anything_left = words_.empty();
  for (std::size_t i = 0; i < words_.size(); ++i) {
    noise_.push_back(words_[i] != others[i]);
    const bool words = std::isalnum(static_cast<unsigned char>(words_[i][0])) != 0 &&
                       std::isalnum(static_cast<unsigned char>(others[i][0])) != 0;
    if (noise_.back() && !words) agrees_ = false;  // the text around words is no noise
    anything_left = anything_left || (!noise_.back() && std::isalnum(static_cast<unsigned char>(words_[i][0])));
  }
  agrees_ = agrees_ && anything_left;
}

void Reference::borrow_noise(const Reference& other) {
  if (noise_.size() != words_.size() || other.noise_.size() != noise_.size()) return;
  for (std::size_t i = 0; i < noise_.size(); ++i) noise_[i] = noise_[i] || other.noise_[i];
}

bool Reference::matches(const Outcome& outcome) const {
  if (outcome.ended != first_.ended || outcome.returned != first_.returned) return false;
  const auto words = words_of(outcome.output);
  if (words.size() != words_.size()) return false;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!noise_[i] && words[i] != words_[i]) return false;
  return true;
}

}  // namespace behalf::tool
