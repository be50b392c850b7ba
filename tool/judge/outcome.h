// What an operation answered, and whether two answers are the same but for noise.
#pragma once

#include <string>
#include <vector>

#include "judge/leg.h"

namespace behalf::tool {

struct Outcome {
  bool ended = false;
  long returned = 0;
  std::string output;
  std::string answer = {};       // what was returned, in words, when that is no integer
  std::size_t output_after = 0;  // a digest of what was printed after `output`
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
Outcome outcome_of(const Call& call);
std::string describe(const Outcome& outcome);
// So that it can be seen in what it is another than the one beside which it is shown.
std::string describe(const Outcome& outcome, const Outcome& beside);

// A text of which two runs gave two versions: what they do not share is noise, and is masked.
class MaskedText {
 public:
  MaskedText(const std::string& first, const std::string& second);

  // False when the two differ in more than can be masked.
  bool agrees() const { return agrees_; }
  bool matches(const std::string& text) const;
  void borrow_noise(const MaskedText& other);

 private:
  std::vector<std::string> words_;
  std::vector<bool> noise_;
  bool agrees_ = true;
};

// The right answer, made of two equal runs.
class Reference {
 public:
  Reference(const Outcome& first, const Outcome& second);

  // False when the two runs differ in more than can be masked: nothing can be compared with them.
  bool agrees() const { return agrees_; }
  bool matches(const Outcome& outcome) const {
    return returned_the_same(outcome) && output_.matches(outcome.output) && outcome.output_after == first_.output_after;
  }
  // The same but for what was printed.
  bool returned_the_same(const Outcome& outcome) const;
  // Takes what is noise in another user's answer for noise in this one, where the two have the same shape.
  void borrow_noise(const Reference& other);
  const Outcome& outcome() const { return first_; }

 private:
  Outcome first_;
  MaskedText answer_, output_;
  bool agrees_ = true;
};

}  // namespace behalf::tool
