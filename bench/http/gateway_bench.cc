// The gateway of examples/files, for bench/http/compare to ask:
//
//   behalf_bench_http PORT FOLDER users      each request as its user
//   behalf_bench_http PORT FOLDER service    the same server, the same questions, and no impersonation
//
// Two users, by Basic: alice (4101) and bob (4102), whose password is "x". They need no accounts.
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <string>

#include "behalf/http.h"
#include "behalf/initialize.h"
#include "gateway.h"

int main(int argc, char** argv) {
  const std::string how = argc == 4 ? argv[3] : "";
  if (how != "users" && how != "wire" && how != "service") {
    std::fputs("usage: behalf_bench_http PORT FOLDER users|wire|service\n", stderr);
    return 64;
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  try {
    behalf::initialize({});
    Gateway gateway(argv[2]);
    const bool as_users = how != "service";
    using Check = behalf::http::ServerOptions::Check;
    const auto checker = [as_users](const std::string& name,
                                    const std::string& password) -> std::optional<behalf::Token> {
      if (password != "x" || (name != "alice" && name != "bob")) return std::nullopt;
      if (!as_users) return behalf::Token::of_process();
      const uid_t id = name == "alice" ? 4101 : 4102;
      return behalf::Token::from_ids(id, id, {id, 4200}, name);
    };
    behalf::http::Server server(behalf::http::listen_loopback(static_cast<std::uint16_t>(std::stoul(argv[1]))),
                                behalf::http::basic(checker, "bench"), std::ref(gateway),
                                {.connections_per_user = 1024,
                                 .slow = Gateway::is_slow,
                                 .service_may_ask = !as_users,
                                 .check = how == "users"  ? behalf::http::ServerOptions{}.check
                                          : how == "wire" ? Check::wire
                                                          : Check::memo});
    int signal = 0;
    sigwait(&ends, &signal);
    const behalf::http::ServerCounts counts = server.counts();
    std::fprintf(stderr, "%s: %llu requests, %llu switches\n", how.c_str(),
                 static_cast<unsigned long long>(counts.requests), static_cast<unsigned long long>(counts.switches));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "behalf_bench_http: %s\n", error.what());
    return 70;
  }
}
