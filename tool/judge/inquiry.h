// The whole question: operations, postures and legs, planned, run and judged.
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "judge/schedule.h"
#include "judge/verdict.h"

namespace behalf::tool {

// The arrangements of an operation, in the order in which they are reported.
const std::vector<LegPlan>& leg_plans();
inline const std::vector<std::string> all_postures = {"files", "effective", "full", "shielded"};

struct Inquiry {
  std::string name;  // to be reported under
  std::string family;
  std::string library;  // as the user gave it
  Operation operation;
  std::vector<std::string> postures;
  std::string needs_root = {};  // why it cannot be judged without; empty: it can, as far as is known
};

struct Answers {
  Inquiry inquiry;
  std::vector<Verdict> verdicts;  // one a posture, in the order asked
};

struct InquiryOptions {
  Limits limits;
  std::vector<std::string> legs;  // empty: all
  bool keep_records = false;      // with the verdicts, for reports that draw them
  std::function<void(const Progress&)> progress;
};

struct Inquired {
  bool self_check = false;  // the canary was caught in every posture that was asked about
  std::string self_check_trouble;
  std::vector<Answers> answers;
  std::vector<std::string> notes;  // what the answers lack, and why: names that could not be read
};

// This machine cannot run legs at all, and why.
class CannotRun : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Runs everything; of no inquiry, the canary in every posture. Where the canary was not caught, nothing is said to
// work. Throws CannotRun before anything long has begun.
Inquired inquire(const std::vector<Inquiry>& inquiries, const Ground& ground, const InquiryOptions& options);

}  // namespace behalf::tool
