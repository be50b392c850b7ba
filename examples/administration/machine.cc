// A machine's services for those who may start, stop and look at them, by polkit's rules: what systemd does, small
// enough to be tried.
//
//   machine --units FOLDER [--bus ADDRESS] [--name NAME]
#include <sdbus-c++/sdbus-c++.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "manager.h"
#include "units.h"

int main(int argc, char** argv) {
  std::map<std::string, std::string> words = {
      {"--units", ""}, {"--bus", "unix:path=/run/dbus/system_bus_socket"}, {"--name", "org.behalf.Machine"}};
  for (int i = 1; i + 1 < argc; i += 2)
    if (const auto at = words.find(argv[i]); at != words.end()) at->second = argv[i + 1];
  if (words["--units"].empty()) {
    std::fputs("usage: machine --units FOLDER [--bus ADDRESS] [--name NAME]\n", stderr);
    return 64;
  }
  // Blocked before there are threads, and waited for at the end.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    Units units(words["--units"]);
    const auto connection = sdbus::createSessionBusConnectionWithAddress(words["--bus"]);
    const Manager manager(*connection, words["--name"], units);
    connection->enterEventLoopAsync();
    int signal = 0;
    sigwait(&ends, &signal);
    connection->leaveEventLoop();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "machine: %s\n", error.what());
    return 70;
  }
  return 0;
}
