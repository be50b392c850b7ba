// A file gateway: each user's files over HTTP, each request as its user.
//
//   files (--socket PATH | --port PORT) [--root FOLDER] [--pam SERVICE] [--body BYTES] [--threads N] [--log FILE]
//
// On a Unix socket a user is who connects; with --pam, and on a port of the loopback, who the password says (Basic, for
// behind a proxy that has TLS). Without --root each user sees her home.
#include <behalf/http.h>
#include <behalf/http_pam.h>
#include <behalf/initialize.h>
#include <behalf/log.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <string>

#include "gateway.h"

namespace {

constexpr const char* usage =
    "usage: files (--socket PATH | --port PORT) [--root FOLDER] [--pam SERVICE] [--body BYTES] [--threads N] [--log "
    "FILE]\n";

std::optional<std::map<std::string, std::string>> words_of(int argc, char** argv) {
  std::map<std::string, std::string> words = {{"--socket", ""}, {"--port", ""},    {"--root", ""}, {"--pam", ""},
                                              {"--body", ""},   {"--threads", ""}, {"--log", ""}};
  for (int i = 1; i < argc; i += 2) {
    const auto at = words.find(argv[i]);
    if (at == words.end() || i + 1 == argc) return std::nullopt;
    at->second = argv[i + 1];
  }
  if (words["--socket"].empty() == words["--port"].empty()) return std::nullopt;
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
    std::string& socket = (*words)["--socket"];
    std::string& pam = (*words)["--pam"];
    std::optional<behalf::Log> log;
    if (!(*words)["--log"].empty()) log.emplace((*words)["--log"]);
    Gateway gateway((*words)["--root"]);
    behalf::http::ServerOptions options;
    options.body_bytes = (*words)["--body"].empty() ? 64 << 20 : std::stoull((*words)["--body"]);
    if (!(*words)["--threads"].empty()) options.threads = static_cast<unsigned>(std::stoul((*words)["--threads"]));
    options.slow = Gateway::is_slow;
    options.log = [&](std::string_view line) {
      try {
        if (log) log->write(line);
      } catch (const std::exception&) {  // a log that cannot be written to stops nobody's work
      }
    };
    behalf::Descriptor listener =
        socket.empty() ? behalf::http::listen_loopback(static_cast<std::uint16_t>(std::stoul((*words)["--port"])))
                       : behalf::http::listen_unix(socket);
    const bool by_password = socket.empty() || !pam.empty();
    behalf::http::Server server(
        std::move(listener),
        by_password ? behalf::http::basic(behalf::http::pam_checker(pam.empty() ? "files" : pam), "files")
                    : behalf::http::peers(),
        std::ref(gateway), options);
    int signal = 0;
    sigwait(&ends, &signal);
    return server.stop(std::chrono::seconds(10)) ? 0 : 75;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "files: %s\n", error.what());
    return 70;
  }
}
