// behalf: does this operation work when impersonating?
#include <fcntl.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include "cli/catalogue.h"
#include "cli/explain.h"
#include "cli/library.h"
#include "cli/nearest.h"
#include "cli/output.h"
#include "cli/session.h"
#include "judge/inquiry.h"
#include "report/baseline.h"
#include "report/report.h"
#include "report/whole_file.h"
#include "run_as/command_line.h"
#include "stage/daemons.h"
#include "stage/ground.h"
#include "trace/probe.h"

namespace behalf::tool {
namespace {

enum Exit { exit_usage = 64, exit_machine = 69, exit_internal = 70 };

struct Options {
  std::vector<std::string> postures, legs, families, operations, setup, services;
  std::string library, format = "text", output, baseline, suppressions, catalogue, subject, stage;
  double limit = 10, settle = 0.6;
  bool verbose = false;
};

Limits limits_of(const Options& options) {
  Limits limits;
  limits.leg = std::chrono::milliseconds(static_cast<long>(options.limit * 1000));
  limits.settle = std::chrono::milliseconds(static_cast<long>(options.settle * 1000));
  return limits;
}

std::string kernel() {
  utsname name{};
  return uname(&name) == 0 ? name.release : "?";
}

// What the stage stands on, tried out.
Ground ground_for(const Options& options) {
  const auto wanted = options.stage.empty()     ? std::nullopt
                      : options.stage == "root" ? std::optional(GroundKind::root)
                                                : std::optional(GroundKind::userns);
  Ground ground = Ground::find(wanted);
  for (const auto why_not : {why_no_stage, why_no_tracing})
    if (const std::string why = ground.ask(why_not); !why.empty()) throw MachineError(why);
  return ground;
}

Report report_of(const Inquired& inquired, const Ground& ground, double seconds) {
  Report report;
  report.tool = "behalf " BEHALF_VERSION;
  report.kernel = kernel();
  report.stage = to_string(ground.kind());
  report.self_check = inquired.self_check;
  report.self_check_trouble = inquired.self_check_trouble;
  report.seconds = seconds;
  report.notes = inquired.notes;
  return report;
}

Style style_for(const Destination& destination, const Options& options) {
  const char* const no_colour = std::getenv("NO_COLOR");
  return {destination.is_terminal() && (no_colour == nullptr || *no_colour == '\0'), options.verbose,
          destination.width()};
}

// Where the tool was called, for paths relative to it. Empty when it is gone.
std::string directory() {
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

// A way to write a report; `exit` is what the tool will end with.
struct Format {
  std::string name;
  std::string (*write)(const Report& report, const Style& style, int exit);
  bool draws = false;  // needs what was seen in the legs, not only the verdicts
};
using Formats = std::vector<Format>;

const Formats check_formats = {
    {"text", [](const Report& report, const Style& style, int) { return text_of_check(report, style); }},
    {"json", [](const Report& report, const Style&, int) { return json_of(report); }},
    {"sarif", [](const Report& report, const Style&, int exit) { return sarif_of(report, exit, directory()); }},
    {"html", [](const Report& report, const Style&, int) { return html_of_check(report); }, true},
    {"perfetto", [](const Report& report, const Style&, int) { return perfetto_of(report); }, true},
};
const Formats survey_formats = {
    {"text", [](const Report& report, const Style& style, int) { return text_of_survey(report, style); }},
    {"json", [](const Report& report, const Style&, int) { return json_of(report); }},
    {"sarif", [](const Report& report, const Style&, int exit) { return sarif_of(report, exit, directory()); }},
    {"html", [](const Report& report, const Style&, int) { return html_of_survey(report); }},
    {"markdown", [](const Report& report, const Style&, int) { return markdown_of_survey(report); }},
};

const Format& format_named(const Formats& formats, const std::string& name) {
  return *std::find_if(formats.begin(), formats.end(), [&](const Format& format) { return format.name == name; });
}

std::vector<std::string> names_of(const Formats& formats) {
  std::vector<std::string> names;
  for (const Format& format : formats) names.push_back(format.name);
  return names;
}

Inquired ask(const std::vector<Inquiry>& inquiries, const Ground& ground, const Options& options,
             bool keep_records = false) {
  ProgressBar bar;
  InquiryOptions how;
  how.limits = limits_of(options);
  how.legs = options.legs;
  how.keep_records = keep_records;
  how.progress = [&](const Progress& progress) { bar.show(progress.done, progress.total); };
  return inquire(inquiries, ground, how);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::optional<Suppressions> suppressions_for(const Options& options) {
  return options.suppressions.empty() ? std::nullopt : std::optional(read_suppressions(options.suppressions));
}

void suppress_in(Report& report, const Suppressions& suppressions, bool all) {
  suppress(report, suppressions, all, std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  for (const std::string& warning : warnings_of(*report.suppressions)) fmt::print(stderr, "behalf: {}\n", warning);
}

int check(const Options& options) {
  const std::string library = find_library(options.library);
  for (const std::string& call : options.setup) check_exports(library, read_call(call).name);
  std::vector<Prototype> operations;
  for (const std::string& written : options.operations) {
    operations.push_back(read_call(written));
    check_exports(library, operations.back().name);
  }
  check_readable_by_all(library);
  const std::optional<Suppressions> suppressions = suppressions_for(options);
  const Destination destination(options.output);
  const Ground ground = ground_for(options);

  const auto start = std::chrono::steady_clock::now();
  const Placed placed = place_on_stage(library);
  std::vector<Inquiry> inquiries;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    Inquiry inquiry;
    inquiry.name = to_string(operations[i]);
    inquiry.library = options.library;
    inquiry.operation = {placed.path, placed.shown, options.operations[i], options.setup, options.services};
    inquiry.postures = options.postures.empty() ? std::vector<std::string>{"full"} : options.postures;
    inquiries.push_back(std::move(inquiry));
  }
  const Format& format = format_named(check_formats, options.format);
  const Inquired inquired = ask(inquiries, ground, options, format.draws);
  Report report = report_of(inquired, ground, seconds_since(start));
  for (const Answers& answers : inquired.answers) report.operations.push_back({answers, "", {}});
  if (suppressions) suppress_in(report, *suppressions, /*all=*/false);
  destination.write(format.write(report, style_for(destination, options), exit_code(report)));
  return exit_code(report);
}

std::vector<Row> wanted_rows(const Options& options) {
  std::vector<Row> rows = read_catalogue(options.catalogue);
  if (options.families.empty()) return rows;
  for (const std::string& family : options.families) {
    const bool known = std::any_of(rows.begin(), rows.end(),
                                   [&](const Row& row) { return row.family == family || row.name == family; });
    if (known) continue;
    std::vector<std::string> names;
    for (const Row& row : rows)
      if (names.empty() || names.back() != row.family) names.push_back(row.family);
    throw UsageError(fmt::format("no family or operation '{}' in the catalogue: the families are {}", family,
                                 fmt::join(names, ", ")));
  }
  std::erase_if(rows, [&](const Row& row) {
    return std::none_of(options.families.begin(), options.families.end(),
                        [&](const std::string& f) { return row.family == f || row.name == f; });
  });
  return rows;
}

// The set-up call of a row, where it has one.
std::vector<std::string> before(bool has, const std::string& name) {
  return has ? std::vector{"void " + name + "(void)"} : std::vector<std::string>{};
}

int survey(const Options& options) {
  const std::vector<Row> rows = wanted_rows(options);
  std::optional<Baseline> baseline;
  if (!options.baseline.empty()) baseline = read_baseline(options.baseline);
  const std::optional<Suppressions> suppressions = suppressions_for(options);
  const Destination destination(options.output);
  const Ground ground = ground_for(options);

  const auto start = std::chrono::steady_clock::now();
  std::vector<Inquiry> inquiries;
  std::map<std::string, std::size_t> cures;  // row -> its cure's inquiry
  const std::vector<std::string> postures = options.postures.empty() ? all_postures : options.postures;
  for (const Row& row : rows) {
    const Placed placed = place_on_stage(row.library);
    Inquiry inquiry{
        row.name,    row.family,
        row.library, {placed.path, placed.shown, "operation", before(row.has_before, "before"), row.daemons},
        postures,    row.needs_root};
    inquiries.push_back(inquiry);
  }
  for (const Row& row : rows) {
    if (!row.has_cured) continue;
    const Placed placed = place_on_stage(row.library);
    Inquiry inquiry{row.name + "/cured",
                    row.family,
                    row.library,
                    {placed.path, placed.shown, "cured", before(row.has_before_cured, "before_cured"), row.daemons},
                    {},
                    row.needs_root};
    // A cure is for the postures that the library offers.
    for (const std::string& posture : postures)
      if (posture == "full" || posture == "shielded") inquiry.postures.push_back(posture);
    if (inquiry.postures.empty()) continue;
    cures[row.family + "/" + row.name] = inquiries.size();
    inquiries.push_back(inquiry);
  }
  const Inquired inquired = ask(inquiries, ground, options);
  Report report = report_of(inquired, ground, seconds_since(start));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Reported reported{inquired.answers[i], rows[i].title, {rows[i].cure, "", {}}};
    if (const auto cure = cures.find(rows[i].family + "/" + rows[i].name); cure != cures.end()) {
      reported.cure.operation = inquired.answers[cure->second].inquiry.name;
      reported.cure.verdicts = inquired.answers[cure->second].verdicts;
    }
    report.operations.push_back(std::move(reported));
  }
  if (suppressions) suppress_in(report, *suppressions, options.families.empty());
  if (baseline) report.baseline = compare(*baseline, report, options.families, options.postures);
  // A survey's answer is its table: finding that operations fail is what it is for. Only that more of them fail than
  // before is a failure.
  const int exit = !report.self_check ? 2 : report.baseline && got_worse(*report.baseline) ? 1 : 0;
  destination.write(format_named(survey_formats, options.format).write(report, style_for(destination, options), exit));
  return exit;
}

int explain(const Options& options) {
  const Destination destination("");
  destination.write(explanation(options.subject, style_for(destination, options)));
  return 0;
}

// Whether this machine can do it: the canary, and nothing else.
int self_check(const Options& options) {
  const Ground ground = ground_for(options);
  const Inquired inquired = ask({}, ground, options);
  const std::string outcome =
      inquired.self_check ? "passed: the canary was caught in every posture" : "FAILED: " + inquired.self_check_trouble;
  fmt::print("behalf " BEHALF_VERSION " on Linux {}, stage {}: self-check {}\n", kernel(), to_string(ground.kind()),
             outcome);
  return inquired.self_check ? 0 : 2;
}

int run(int argc, char** argv) {
  CLI::App app{
      "Does this operation work when impersonating? behalf runs it as the user herself, and then in a service that\n"
      "impersonates her, in every arrangement in which identity gets lost or leaks.\n",
      "behalf"};
  app.set_version_flag("--version", "behalf " BEHALF_VERSION);
  app.require_subcommand(1);
  Options options;

  std::vector<std::string> leg_names;
  for (const LegPlan& plan : leg_plans()) leg_names.push_back(plan.name);

  CLI::App* const survey_command = app.add_subcommand("survey", "everyday operations, measured on this machine");
  survey_command->add_option("FAMILY", options.families, "families or operations (default: all)");
  survey_command->add_option("--format", options.format, fmt::format("{}", fmt::join(names_of(survey_formats), ", ")))
      ->check(CLI::IsMember(names_of(survey_formats)))
      ->capture_default_str();
  survey_command->add_option("--catalogue", options.catalogue, "a folder of rows of your own, instead of behalf's");
  survey_command->add_option(
      "--baseline", options.baseline,
      "an earlier survey (--format json): say what has changed since, and exit 1 when something got worse");
  survey_command->footer(
      "Examples:\n  behalf survey\n  behalf survey threads queues --posture full\n  behalf survey --format json -o "
      "survey.json\n\n"
      "Exit status: 0 the survey was made, 1 something got worse than in the baseline, 2 the tool's check of\nitself "
      "failed, 64 usage, 69 this machine cannot do it, 70 internal.");

  CLI::App* const check_command = app.add_subcommand("check", "operations of yours, or of any library");
  check_command
      ->add_option("LIBRARY", options.library, "a shared object: a path, or a name that the dynamic linker knows")
      ->required();
  check_command
      ->add_option("OPERATION", options.operations,
                   "an exported function int NAME(void), or a call written as C (repeat)")
      ->required();
  check_command
      ->add_option("--setup,--before", options.setup,
                   "a call made once as the service, after loading and before any operation (repeat)")
      ->allow_extra_args(false);
  check_command
      ->add_option("--service", options.services,
                   fmt::format("a daemon that the operation talks to, started on the stage (repeat): {}",
                               fmt::join(daemon_names(), ", ")))
      ->allow_extra_args(false)
      ->check(CLI::IsMember(daemon_names()));
  check_command
      ->add_option("--leg", options.legs, fmt::format("only this leg (repeat): {}", fmt::join(leg_names, ", ")))
      ->allow_extra_args(false)
      ->check(CLI::IsMember(leg_names));
  check_command->add_option("--format", options.format, fmt::format("{}", fmt::join(names_of(check_formats), ", ")))
      ->check(CLI::IsMember(names_of(check_formats)))
      ->capture_default_str();
  check_command->add_flag("-v,--verbose", options.verbose, "every finding and every frame");
  check_command->footer(
      "Examples:\n  behalf check ./libmine.so my_operation\n  behalf check ./libmine.so my_operation --posture "
      "effective --leg cold -v\n  behalf check ./libmine.so --setup 'int pool_open(4)' store fetch\n"
      "  behalf check ./libmine.so my_operation --suppressions known.txt --format sarif -o behalf.sarif\n"
      "  behalf check libglib-2.0.so.0 'const char *g_get_home_dir(void)'\n"
      "  behalf check libc.so.6 'int access(\"/srv/root-only.txt\", 4)'\n\n"
      "A call: TYPE NAME(ARGUMENTS); the type is void, an integer's or a pointer's; arguments are integers,\n"
      "\"strings\" and NULL; `...` stands before the variable arguments of a variadic function.\n\n"
      "Exit status: 0 works, or what does not is suppressed, 1 does not work, 2 unclear (of several answers 1 before\n"
      "2 before 0), 64 usage, 69 this machine cannot do it, 70 internal.");

  CLI::App* const explain_command =
      app.add_subcommand("explain", "what a code means, or an operation of the catalogue, and the cure in code");
  explain_command->add_option("CODE|OPERATION", options.subject,
                              "a code of a finding, or an operation that survey knows (default: list the codes)");
  explain_command->footer(
      "Examples:\n  behalf explain\n  behalf explain B102\n  behalf explain pool_made_lazily\n\n"
      "Exit status: 0, 64 usage, 69 the catalogue is missing.");
  CLI::App* const self_check_command = app.add_subcommand(
      "self-check", "can this machine do it? An operation known to lose its identity must be caught");
  self_check_command->footer(
      "Exit status: 0 it can, 2 the canary was not caught, 69 it cannot (says why), 70 internal.");

  // For the list of commands: what is written after it is read by read_run_as().
  app.add_subcommand("run-as", "a command as a user, for good: what a log-in of hers would start");

  for (CLI::App* each : {survey_command, check_command, self_check_command})
    each->add_option(
            "--stage", options.stage,
            "root: made by the machine's root; userns: by anybody who has subordinate ids, in a user namespace, "
            "where some answers are out of reach (default: root as root, else userns)")
        ->check(CLI::IsMember({"root", "userns"}));
  // "nan" is read as one, and is within every range.
  const CLI::Validator number(
      [](const std::string& text) {
        return std::isnan(std::strtod(text.c_str(), nullptr)) ? text + " is no number" : "";
      },
      "");
  for (CLI::App* each : {survey_command, check_command}) {
    each->add_option("--posture", options.postures, "files, effective, full or shielded (repeat)")
        ->allow_extra_args(false)
        ->check(CLI::IsMember(all_postures));
    each->add_option("--suppressions", options.suppressions,
                     "a file of what is known to fail and may, a rule a line: 'code:B402 operation:GLOB function:GLOB "
                     "until 2027-01-31 because REASON', without what it need not name");
    each->add_option("-o,--output", options.output, "write the report to this file");
    each->add_option("--limit", options.limit, "seconds that a leg may take")
        ->check(CLI::Range(0.1, 3600.0))
        ->check(number)
        ->capture_default_str();
    each->add_option("--settle", options.settle, "seconds to wait for late effects that come of their own accord")
        ->check(CLI::Range(0.0, 60.0))
        ->check(number)
        ->capture_default_str();
  }

  std::vector<std::string> commands;
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  if (argc > 1 && argv[1][0] != '-' && std::find(commands.begin(), commands.end(), argv[1]) == commands.end())
    throw UsageError(fmt::format("no subcommand '{}': the nearest is {} (behalf --help lists them)", argv[1],
                                 nearest(argv[1], commands, 1).front()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    fmt::print(stderr, "behalf: {} (behalf {}--help says how)\n", error.what(),
               argc > 1 && argv[1][0] != '-' ? std::string(argv[1]) + " " : "");
    return exit_usage;
  }
  if (self_check_command->parsed()) return self_check(options);
  return survey_command->parsed() ? survey(options) : explain_command->parsed() ? explain(options) : check(options);
}

// What bin/behalf does not do itself: a session of PAM's is around the command (tool/run_as/main.cc).
int run_as_with_sessions(int argc, char** argv) {
  try {
    const std::optional<RunAs> wanted = read_run_as(argc, argv);
    if (wanted) return run_as(*wanted, open_pam_session);
    fmt::print("{}", run_as_help);
    return 0;
  } catch (const RunAsUsage& error) {
    throw UsageError(fmt::format("{} (behalf run-as --help says how)", error.what()));
  }
}

// A descriptor 0, 1 or 2 that is closed would be taken by the first file that is opened.
bool fill_standard_descriptors() {
  const bool closed_output = fcntl(1, F_GETFD) < 0;
  for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR))
    if (fd > 2) {
      close(fd);
      break;
    }
  return closed_output;
}

}  // namespace
}  // namespace behalf::tool

int main(int argc, char** argv) {
  using namespace behalf::tool;
  signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error like any other
  const bool closed_output = fill_standard_descriptors();
  try {
    const bool to_file = std::any_of(argv, argv + argc, [](const char* word) {
      return std::string(word).starts_with("-o") || std::string(word).starts_with("--output");
    });
    if (argc > 1 && std::string(argv[1]) == "run-as") return run_as_with_sessions(argc - 1, argv + 1);
    if (closed_output && !to_file)
      throw MachineError("standard output is closed: give the report a place with -o FILE");
    const int exit = run(argc, argv);
    // What was not written as a report was: help, versions, the self-check's answer.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw MachineError("cannot write to standard output: it is full, or nobody reads it; give it another place");
    return exit;
  } catch (const UsageError& error) {
    fmt::print(stderr, "behalf: {}\n", error.what());
    return exit_usage;
  } catch (const FileError& error) {
    fmt::print(stderr, "behalf: {}\n", error.what());
    return exit_usage;
  } catch (const MachineError& error) {
    fmt::print(stderr, "behalf: {}\n", error.what());
    return exit_machine;
  } catch (const NoGround& error) {
    fmt::print(stderr, "behalf: {}\n", error.what());
    return exit_machine;
  } catch (const CannotRun& error) {
    fmt::print(stderr, "behalf: this machine cannot do it: {}\n", error.what());
    return exit_machine;
  } catch (const std::exception& error) {
    fmt::print(stderr, "behalf: internal error: {}\n", error.what());
    return exit_internal;
  }
}
