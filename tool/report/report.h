// Verdicts for people and for programs. Everything here reads verdicts and writes text; nothing runs an operation.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "judge/inquiry.h"
#include "report/baseline.h"
#include "report/suppressions.h"

namespace behalf::tool {

// A cure of the catalogue, and what became of it when it was run.
struct Cure {
  std::string words;
  std::string operation;  // empty: not run
  std::vector<Verdict> verdicts;
};

struct Reported {
  Answers answers;
  std::string title;  // of the row; empty for a check
  Cure cure;
};

struct Report {
  std::string tool;  // "behalf 0.1.0"
  std::string kernel;
  std::string stage = "root";
  bool self_check = false;
  std::string self_check_trouble;
  double seconds = 0;
  std::vector<std::string> notes;  // what the report lacks, and why
  std::vector<Reported> operations;
  std::optional<Comparison> baseline;        // with an earlier report, where one was given
  std::optional<Suppressions> suppressions;  // where they were given
};

struct Style {
  bool colour = false;
  bool verbose = false;
  int width = 100;
};

std::string text_of_check(const Report& report, const Style& style);
std::string text_of_survey(const Report& report, const Style& style);
std::string markdown_of_survey(const Report& report);
std::string json_of(const Report& report);

// SARIF 2.1.0. Paths below `directory` are written relative to it; `exit_code` is what the tool will end with.
std::string sarif_of(const Report& report, int exit_code, const std::string& directory);

// One file each, with everything in it. The check's draws the legs whose records were kept with the verdicts.
std::string html_of_check(const Report& report);
std::string html_of_survey(const Report& report);

// A trace for ui.perfetto.dev, as bytes: the legs whose records were kept with the verdicts.
std::string perfetto_of(const Report& report);

// works: 0, fails: 1, unclear: 2 (the worst of all postures). What fails and is suppressed whole is 0, or 2 where there
// is a reason for unclear too.
int exit_code(const Report& report);

}  // namespace behalf::tool
