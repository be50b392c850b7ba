// The chain: HTTP front end -> worker pool -> gRPC -> D-Bus -> helper with a cached known folder -> database and files.
#include <behalf/initialize.h>
#include <behalf/munge.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "archive.h"
#include "clerk.h"
#include "front.h"

namespace {

using Words = std::map<std::string, std::string>;

std::string content(const std::string& file) {
  if (file.empty()) return {};
  std::ifstream stream(file);
  if (!stream) throw std::invalid_argument("cannot read " + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void complain(std::string_view line) {
  std::fprintf(stderr, "chain: %.*s\n", static_cast<int>(line.size()), line.data());
}

// With all signals blocked that end the program: what waits for them.
void wait_for_the_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  int signal = 0;
  sigwait(&ends, &signal);
}

// Where MUNGE vouches, calls leave the machine, and whoever reads a ticket on the way has it.
void must_be_private(Words& words, const char* by) {
  if (words["--munge"].empty() || !words[by].empty()) return;
  throw std::invalid_argument(std::string("with --munge calls leave the machine: give ") + by + " for TLS, too");
}

void front(Words& words) {
  must_be_private(words, "--authority");
  chain::FrontOptions options{.clerk = words["--clerk"],
                              .authority = content(words["--authority"]),
                              .forgets = chain::hop_named(words["--forget"])};
  options.channel.office = words["--office"];
  if (!words["--munge"].empty()) options.channel.prove = behalf::munge_prover("chain", 0, {.socket = words["--munge"]});
  chain::Front front(options);
  // A handler waits for the others: that is none for the threads at the sockets.
  behalf::http::Server server(
      behalf::http::listen_unix(words["--socket"]), behalf::http::peers(), std::ref(front),
      {.connections = 4096, .slow = [](const behalf::http::Request&) { return true; }, .log = complain});
  wait_for_the_end();
  server.stop(std::chrono::seconds(10));
}

void clerk(Words& words) {
  must_be_private(words, "--certificate");
  chain::ClerkOptions options{.listen = words["--listen"],
                              .certificate = content(words["--certificate"]),
                              .key = content(words["--key"]),
                              .forgets = chain::hop_named(words["--forget"])};
  if (!words["--bus"].empty()) options.bus = words["--bus"];
  options.callers.office = words["--office"];
  if (!options.callers.office.empty()) std::filesystem::remove(options.callers.office);  // one that was killed left it
  if (!words["--munge"].empty()) options.callers.verify = behalf::munge_verifier("chain", {.socket = words["--munge"]});
  if (!words["--good-for"].empty()) options.callers.good_for = std::chrono::seconds(std::stoul(words["--good-for"]));
  options.callers.on_refused = complain;
  const chain::Clerk clerk(options);
  wait_for_the_end();
}

void archive(Words& words) {
  chain::ArchiveOptions options{.forgets = chain::hop_named(words["--forget"])};
  if (!words["--bus"].empty()) options.bus = words["--bus"];
  chain::Shelf shelf(words["--database"], chain::Shelf::insert, options.forgets);
  const chain::Archive archive(shelf, options);
  wait_for_the_end();
}

struct Part {
  void (*run)(Words& words);
  std::vector<std::string> words;
};

const std::map<std::string, Part>& parts() {
  static const std::map<std::string, Part> all = {
      {"front", {front, {"--socket", "--clerk", "--office", "--munge", "--authority", "--forget"}}},
      {"clerk",
       {clerk, {"--listen", "--office", "--munge", "--good-for", "--certificate", "--key", "--bus", "--forget"}}},
      {"archive", {archive, {"--bus", "--database", "--forget"}}},
  };
  return all;
}

constexpr const char* usage =
    "usage: chain front   --socket PATH --clerk TARGET (--office PATH | --munge SOCKET --authority FILE) [--forget "
    "HOP]\n"
    "       chain clerk   --listen TARGET (--office PATH | --munge SOCKET --certificate FILE --key FILE)\n"
    "                     [--good-for SECONDS] [--bus ADDRESS] [--forget HOP]\n"
    "       chain archive [--bus ADDRESS] --database CONNECTION [--forget HOP]\n"
    "\n"
    "Hops, and what is forgotten at them:\n";

int say_usage() {
  std::fputs(usage, stderr);
  for (const chain::HopData& each : chain::hops()) {
    std::fprintf(stderr, "  %-9.*s %.*s\n", static_cast<int>(each.name.size()), each.name.data(),
                 static_cast<int>(each.forgotten.size()), each.forgotten.data());
  }
  return 64;
}

}  // namespace

int main(int argc, char** argv) {
  const auto part = argc > 1 ? parts().find(argv[1]) : parts().end();
  if (part == parts().end()) return say_usage();
  Words words;
  for (const std::string& word : part->second.words) words[word];
  for (int i = 2; i < argc; i += 2) {
    const auto at = words.find(argv[i]);
    if (at == words.end() || i + 1 == argc) return say_usage();
    at->second = argv[i + 1];
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    behalf::initialize({});
    behalf::grpc_warm_up();
    part->second.run(words);
    return 0;
  } catch (const sdbus::Error& error) {
    complain(error.getName() + ": " + error.getMessage());
  } catch (const std::invalid_argument& error) {
    complain(error.what());
    return 64;
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return 70;
}
