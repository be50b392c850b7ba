#include "run_as/command_line.h"

#include <getopt.h>

#include <cstdlib>
#include <cstring>

namespace behalf::tool {
namespace {

enum Option { help = 'h', directory = 1000, environment, umask_, timeout_, pty, pam, no_new_privileges, bounding_set };
constexpr option options[] = {
    {"help", no_argument, nullptr, help},
    {"directory", required_argument, nullptr, directory},
    {"env", required_argument, nullptr, environment},
    {"umask", required_argument, nullptr, umask_},
    {"timeout", required_argument, nullptr, timeout_},
    {"pty", no_argument, nullptr, pty},
    {"pam", no_argument, nullptr, pam},
    {"no-new-privileges", no_argument, nullptr, no_new_privileges},
    {"keep-bounding-set", no_argument, nullptr, bounding_set},
    {},
};

std::string octal(const std::string& mask) {
  if (mask.empty() || mask.size() > 4 || mask.find_first_not_of("01234567") != std::string::npos)
    throw RunAsUsage("--umask: '" + mask + "' is no mask in octal");
  return mask;
}

double seconds(const char* text) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= 0.001 && value <= 1e9))
    throw RunAsUsage("--timeout: '" + std::string(text) + "' is no number of seconds from 0.001 on");
  return value;
}

}  // namespace

const char* const run_as_help =
    R"(A command as a user, for good: what a log-in of hers would start.
Usage: behalf run-as [OPTIONS] USER [--] COMMAND...

  USER                 by name; never root
  COMMAND...           and its arguments; looked for in the user's PATH. No shell is run

  -h,--help            this
  --directory DIR      where it begins (default: the user's home)
  --env NAME=VALUE     besides or in place of those of a log-in (repeat)
  --umask OCTAL        default: 022, or what the session of PAM's has
  --timeout SECONDS    that it may take (default: any)
  --pty                give it a terminal of its own, and be in between
  --pam                in a session of PAM's, by /etc/pam.d/behalf: limits, environment, logind (where built with libpam)
  --no-new-privileges  set-user-ID programs are programs like any other (prctl(2))
  --keep-bounding-set  let set-user-ID programs (sudo, su, ping) have their capabilities, as after a log-in

Examples:
  behalf run-as alice -- id
  behalf run-as --timeout 60 --env LANG=de_DE.UTF-8 alice make -C project
  behalf run-as --pty alice -- bash -l

All ids and groups are the user's, environment, home and umask those of a log-in of hers, the session keyring
is fresh; no capability, no descriptor but 0, 1 and 2, and no way back is left.

Exit status: the command's own, 128+N where signal N ended it; 124 it took too long, 125 it could not be
started as that user, 126 it could not be executed, 127 it was not found, 64 usage.
)";

std::optional<RunAs> read_run_as(int argc, char** argv) {
  RunAs wanted;
  opterr = 0;
  for (;;) {
    const int at = optind;
    // + ends the options at the first word that is none: the user.
    const int found = getopt_long(argc, argv, "+:h", options, nullptr);
    if (found == -1) break;
    switch (found) {
      case help:
        return std::nullopt;
      case directory:
        wanted.directory = optarg;
        break;
      case environment:
        wanted.environment.emplace_back(optarg);
        break;
      case umask_:
        wanted.umask = octal(optarg);
        break;
      case timeout_:
        wanted.timeout = seconds(optarg);
        break;
      case pty:
        wanted.terminal = true;
        break;
      case pam:
        wanted.session = true;
        break;
      case no_new_privileges:
        wanted.no_new_privileges = true;
        break;
      case bounding_set:
        wanted.keep_bounding_set = true;
        break;
      case ':':
        throw RunAsUsage(std::string(argv[at]) + ": its value is missing");
      default:
        throw RunAsUsage(std::string(argv[at]) + " is no option of run-as, or of several, or takes no value");
    }
  }
  if (optind >= argc) throw RunAsUsage("USER is required, and COMMAND");
  wanted.user = argv[optind];
  int first = optind + 1;
  if (first < argc && std::strcmp(argv[first], "--") == 0) ++first;
  if (first >= argc) throw RunAsUsage("COMMAND is required");
  wanted.command.assign(argv + first, argv + argc);
  return wanted;
}

}  // namespace behalf::tool
