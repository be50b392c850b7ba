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

// As much of a text as is shown, in one line: its beginning, or where the other is different, when that is further on.
std::string excerpt(const std::string& text, const std::string& other) {
  constexpr std::size_t most = 160, before = 40;
  const auto same = std::mismatch(text.begin(), text.end(), other.begin(), other.end()).first - text.begin();
  const auto different = static_cast<std::size_t>(same);
  const std::size_t from = text != other && different > most - before ? different - before : 0;
  std::string shown;
  for (const char character : text.substr(from, most)) shown += character == '\n' ? "; " : std::string(1, character);
  return (from > 0 ? "..." : "") + shown + (text.size() - from > most ? "..." : "");
}

}  // namespace

Outcome outcome_of(const Call& call) {
  return {call.ended, call.returned, call.output, call.answer, call.output_after};
}

std::string describe(const Outcome& outcome) {
  return describe(outcome, outcome);
}

std::string describe(const Outcome& outcome, const Outcome& beside) {
  if (!outcome.ended) return "did not return";
  const std::string text = "returned " + (outcome.answer.empty() ? std::to_string(outcome.returned)
                                                                 : excerpt(outcome.answer, beside.answer));
  if (outcome.output.empty()) return text;
  std::string printed = outcome.output, other = beside.output;
  const auto without_end = [](const std::string& of) { return of.substr(0, of.find_last_not_of('\n') + 1); };
  if (printed == other || without_end(printed) != without_end(other)) {
    printed = without_end(printed);
    other = without_end(other);
  }
  const bool later = outcome.output == beside.output && outcome.output_after != beside.output_after;
  return fmt::format("{}, printed \"{}\"{}", text, excerpt(printed, other),
                     later ? ", and after the first MiB what the other did not" : "");
}

MaskedText::MaskedText(const std::string& first, const std::string& second) : words_(words_of(first)) {
  const auto others = words_of(second);
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
  // A text without a word, such as an empty string in quotes, is one when both runs gave the same.
  agrees_ = agrees_ && (anything_left || first == second);
}

void MaskedText::borrow_noise(const MaskedText& other) {
  if (noise_.size() != words_.size() || other.noise_.size() != noise_.size()) return;
  for (std::size_t i = 0; i < noise_.size(); ++i) noise_[i] = noise_[i] || other.noise_[i];
}

bool MaskedText::matches(const std::string& text) const {
  const auto words = words_of(text);
  if (words.size() != words_.size() || noise_.size() != words_.size()) return false;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (!noise_[i] && words[i] != words_[i]) return false;
  return true;
}

Reference::Reference(const Outcome& first, const Outcome& second)
    : first_(first), answer_(first.answer, second.answer), output_(first.output, second.output) {
  agrees_ = first.ended == second.ended && first.returned == second.returned && answer_.agrees() && output_.agrees() &&
            first.output_after == second.output_after;
}

void Reference::borrow_noise(const Reference& other) {
  answer_.borrow_noise(other.answer_);
  output_.borrow_noise(other.output_);
}

bool Reference::returned_the_same(const Outcome& outcome) const {
  return outcome.ended == first_.ended && outcome.returned == first_.returned && answer_.matches(outcome.answer);
}

}  // namespace behalf::tool
