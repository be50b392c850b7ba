// A front end to a machine's services, each request as its user: whether alice may stop one is judged by polkit, and by
// her right, not by this program's.
//
//   administration --socket PATH [--bus ADDRESS] [--manager NAME] [--log FILE] [--forget blanket]
//
// A user is who connects to the Unix socket. `--forget blanket` is the mistake that the example is about: the manager
// is then called as this program, whoever asks.
#include <behalf/http.h>
#include <behalf/initialize.h>
#include <behalf/log.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string>

#include "front_end.h"

namespace {

using behalf::http::Request;
using behalf::http::Response;

constexpr const char* usage =
    "usage: administration --socket PATH [--bus ADDRESS] [--manager NAME] [--log FILE] [--forget blanket]\n";

std::optional<std::map<std::string, std::string>> words_of(int argc, char** argv) {
  std::map<std::string, std::string> words = {
      {"--socket", ""}, {"--bus", ""}, {"--manager", ""}, {"--log", ""}, {"--forget", ""}};
  for (int i = 1; i < argc; i += 2) {
    const auto at = words.find(argv[i]);
    if (at == words.end() || i + 1 == argc) return std::nullopt;
    at->second = argv[i + 1];
  }
  if (words["--socket"].empty() || (!words["--forget"].empty() && words["--forget"] != "blanket")) return std::nullopt;
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  auto words = words_of(argc, argv);
  if (!words) {
    std::fputs(usage, stderr);
    return 64;
  }
  // Blocked before there are threads, and waited for at the end.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    behalf::initialize({});
    FrontEndOptions options;
    if (!(*words)["--bus"].empty()) options.bus = (*words)["--bus"];
    if (!(*words)["--manager"].empty()) options.manager = (*words)["--manager"];
    if (!(*words)["--forget"].empty()) options.blanket.cloaking = behalf::Cloaking::none;
    FrontEnd front_end(options);
    std::optional<behalf::Log> log;
    if (!(*words)["--log"].empty()) log.emplace((*words)["--log"]);
    const auto note = [&](std::string_view line) {
      try {
        if (log) log->write(line);
      } catch (const std::exception&) {  // a log that cannot be written to stops nobody's work
      }
    };
    behalf::http::Server server(
        behalf::http::listen_unix((*words)["--socket"]), behalf::http::peers(),
        [&](const Request& request) {
          Response response = front_end(request);
          note("done " + std::string(request.method) + " " + std::string(request.target));  // the log says for whom
          return response;
        },
        // Each waits for another process.
        {.slow = [](const Request&) { return true; }, .log = note});
    int signal = 0;
    sigwait(&ends, &signal);
    return server.stop(std::chrono::seconds(10)) ? 0 : 75;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "administration: %s\n", error.what());
    return 70;
  }
}
