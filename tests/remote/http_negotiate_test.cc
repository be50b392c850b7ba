// Negotiate by a real KDC and curl(1): whose each request is, on whatever connection, and which are nobody's.
#include "behalf/http_negotiate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "behalf/call_context.h"
#include "behalf/impersonation.h"
#include "behalf/kerberos.h"
#include "children/household.h"
#include "http_client.h"
#include "realm.h"
#include "refused.h"
#include "remote/kerberos/gss.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using http::Request;
using http::Response;
using http::ServerOptions;

const std::string hers = "3001 alice impersonation";
const std::string his = "3002 bob impersonation";

// What a handler finds out about who it is.
Response who(const Request&) {
  const Token client = *CallContext::current().client();
  return {.body = std::to_string(::geteuid()) + ' ' + client.name() + ' ' + std::string(to_string(client.level()))};
}

void must_be(const std::string& got, const std::string& wanted, const char* what) {
  must(got == wanted, std::string(what) + ": " + got + " instead of " + wanted);
}

struct Site {
  explicit Site(http::Handler handler = who, Level takes = Level::impersonation) {
    Descriptor listener = http::listen_loopback(0);
    port = http::port_of(listener);
    server.emplace(std::move(listener), http::negotiate(Realm::keytab("HTTP"), "HTTP@localhost", {.takes = takes}),
                   std::move(handler), ServerOptions{.refusal_takes = 1ms, .log = [this](std::string_view line) {
                                                       const std::lock_guard lock(mutex);
                                                       log += std::string(line) + '\n';
                                                     }});
  }
  bool has_logged(const std::string& words) {
    const std::lock_guard lock(mutex);
    return log.find(words) != std::string::npos;
  }

  std::uint16_t port = 0;
  std::mutex mutex;
  std::string log;
  std::optional<http::Server> server;
};

std::string at_site(const std::function<void()>& body, const Realm::Options& options = {}) {
  return in_own_process([&] {
    const Household household;
    const Realm realm(options);
    Realm::log_in("alice", alice_id);
    Realm::log_in("bob", bob_id);
    start(ServiceKind::root);
    on_thread(body);
  });
}

// What curl(1) prints that the user runs, at that path of the site, as often as there are paths: bodies, each with its
// status and how many connections it made.
std::string curl(uid_t uid, const std::string& cache, const Site& site, const std::string& options,
                 const std::string& paths = "/") {
  const std::string id = std::to_string(uid);
  std::string command = "setpriv --reuid=" + id + " --regid=" + id + " --clear-groups env KRB5CCNAME=" + cache +
                        " curl -4 -s -m 20 -w '|%{http_code} %{num_connects};' " + options;
  for (const char each : paths) {
    if (each == '/') command += " http://localhost:" + std::to_string(site.port) + '/';
    command += each == '/' ? "" : std::string(1, each);
  }
  FILE* const said = ::popen(command.c_str(), "r");
  must(said != nullptr, "popen");
  std::string all;
  // NOLINTNEXTLINE(bugprone-infinite-loop): it is made anew each time
  for (std::array<char, 4096> piece{}; const std::size_t got = std::fread(piece.data(), 1, piece.size(), said);)
    all.append(piece.data(), got);
  ::pclose(said);
  return all;
}

constexpr const char* negotiating = "--negotiate -u :";

// A token as a browser would make it, of whoever's cache that is.
std::string token_of(const std::string& user, const std::string& service = "HTTP@localhost", OM_uint32 flags = 0) {
  detail::Name name;
  detail::import_service(service, name);
  detail::Credential tickets;
  detail::acquire_tickets(Realm::cache(user), "test: ", tickets);
  char oid[] = "\x2b\x06\x01\x05\x05\x02";
  gss_OID_desc spnego{sizeof oid - 1, oid};
  detail::Context context;
  detail::Buffer token;
  OM_uint32 minor = 0;
  const OM_uint32 major =
      gss_init_sec_context(&minor, tickets, &context, name, &spnego, GSS_C_MUTUAL_FLAG | flags, GSS_C_INDEFINITE,
                           GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, nullptr, &token.buffer, nullptr, nullptr);
  must(!GSS_ERROR(major), "a token");
  return std::string(token.view());
}

std::string get_with(const std::string& token, const std::string& target = "/") {
  return get(target, {}, "Authorization: Negotiate " + base64(token) + "\r\n");
}

class Negotiate : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Realm::is_there()) GTEST_SKIP() << "no KDC on this machine";
    if (::access("/usr/bin/curl", X_OK) != 0) GTEST_SKIP() << "no curl on this machine";
  }
};

TEST_F(Negotiate, has_each_of_curl_s_requests_handled_as_whoever_runs_it) {
  EXPECT_EQ(at_site([] {
              const Site site;
              for (int i = 0; i < 3; ++i) {
                must_be(curl(alice_id, Realm::cache("alice"), site, negotiating), hers + "|200 1;", "alice");
                must_be(curl(bob_id, Realm::cache("bob"), site, negotiating), his + "|200 1;", "bob");
              }
              // On one connection curl proves with each request, since it is told to.
              must_be(curl(alice_id, Realm::cache("alice"), site, negotiating, "///"),
                      hers + "|200 1;" + hers + "|200 0;" + hers + "|200 0;", "on one connection");
            }),
            "");
}

TEST_F(Negotiate, lets_nobody_in_without_tickets_nor_with_those_of_who_is_no_account) {
  EXPECT_EQ(at_site(
                [] {
                  std::atomic<int> handled{0};
                  const Site site([&](const Request& request) {
                    ++handled;
                    return who(request);
                  });
                  const auto must_be_refused = [&](uid_t uid, const std::string& cache, const char* options,
                                                   const char* status) {
                    const std::string said = curl(uid, cache, site, options);
                    must(said.find(std::string("|") + status) != std::string::npos, cache + ": " + said);
                  };
                  must_be_refused(alice_id, "FILE:/home/kdc/none", negotiating, "401");
                  must_be_refused(alice_id, Realm::cache("alice"), "", "401");
                  must_be_refused(alice_id, Realm::log_in("mallory", alice_id), negotiating, "403");
                  must_be_refused(alice_id, Realm::log_in("alice@OTHER.TEST", alice_id), negotiating, "403");
                  must_equal(handled.load(), 0, "handled");
                },
                {.neighbour = true}),
            "");
}

TEST_F(Negotiate, has_each_request_on_a_connection_prove_for_itself) {
  EXPECT_EQ(at_site([] {
              Site site;
              HttpClient proxy(site.port);
              for (int i = 0; i < 10; ++i) {
                const HttpAnswer answer = proxy.ask(get_with(token_of("alice")));
                must_be(answer.body, hers, "alice");
                must(answer.head.find("WWW-Authenticate: Negotiate o") != std::string::npos, "proves itself");
                must(answer.head.find("Persistent-Auth: false") != std::string::npos, "says so");
                must_be(proxy.ask(get_with(token_of("bob"))).body, his, "bob");
                const HttpAnswer nobody = proxy.ask(get("/"));
                must_equal(nobody.status, 401, "nobody");
                must(nobody.head.find("WWW-Authenticate: Negotiate\r\n") != std::string::npos, "challenge");
                must(nobody.head.find("Persistent-Auth") == std::string::npos, "what another was told");
              }
              // Before the last was answered.
              std::string all;
              for (int i = 0; i < 40; ++i) all += get_with(token_of(i % 3 == 0 ? "alice" : "bob"));
              proxy.say(all);
              for (int i = 0; i < 40; ++i) must_be(proxy.hear().body, i % 3 == 0 ? hers : his, "pipelined");
            }),
            "");
}

// The first message of SPNEGO whose guess is an engine that nobody has, and Kerberos the second choice.
std::string with_a_wrong_guess() {
  return std::string(
      "\x60\x29\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x1f\x30\x1d\xa0\x13\x30\x11\x06\x04\x2a\x03\x04\x05"
      "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\xa2\x06\x04\x04WHAT",
      43);
}

TEST_F(Negotiate, refuses_a_token_that_was_shown_or_is_another_service_s_or_is_none_and_a_second_leg) {
  EXPECT_EQ(at_site([] {
              Site site;
              HttpClient client(site.port);
              const std::string once = token_of("alice");
              must_equal(client.ask(get_with(once)).status, 200, "once");
              must_equal(client.ask(get_with(once)).status, 401, "shown again");
              must_equal(HttpClient(site.port).ask(get_with(once)).status, 401, "shown again, on another connection");
              must_equal(client.ask(get_with(token_of("alice", "notes@localhost"))).status, 401, "another service's");
              std::string altered = token_of("alice");
              altered[altered.size() - 30] = static_cast<char>(altered[altered.size() - 30] ^ 1);
              must_equal(client.ask(get_with(altered)).status, 401, "altered");
              must_equal(client.ask(get_with(token_of("alice").substr(0, 300))).status, 401, "a part of it");
              must_equal(client.ask(get_with(std::string("NTLMSSP\0\1\0\0\0\7\x82\x08\xa2", 16))).status, 401, "NTLM");
              must_equal(client.ask(get_with(with_a_wrong_guess())).status, 401, "several legs");
              must(site.has_logged("a handshake of several legs"), site.log);
              for (const char* const none : {"Negotiate", "Negotiate ", "Negotiate  !", "Negotiate =",
                                             "Negotiator QUJD", "Basic YWxpY2U6c2VjcmV0", "Negotiate QUJD", ""}) {
                must_equal(client.ask(get("/", {}, std::string("Authorization: ") + none + "\r\n")).status, 401, none);
              }
              must_be(client.ask(get_with(token_of("bob"))).body, his, "and on");
            }),
            "");
}

TEST_F(Negotiate, lets_a_handler_go_on_to_the_next_service_as_who_forwarded_tickets) {
  EXPECT_EQ(at_site([] {
              static const Prove to_other = kerberos_prover("other@localhost");
              static const Verify at_other = kerberos_verifier(Realm::keytab("other"), "other@localhost");
              static std::string cache;
              const auto go_on = [](const Request& request) -> Response {
                Response response = who(request);
                cache = kerberos_tickets(*CallContext::current().client()).value_or("");
                if (!cache.empty())
                  response.body += " there " + at_other(to_other(Level::impersonation)).token()->name();
                return response;
              };
              const Site takes(go_on, Level::delegation);
              const std::string always = std::string(negotiating) + " --delegation always";
              must_be(curl(alice_id, Realm::cache("alice"), takes, always), "3001 alice delegation there alice|200 1;",
                      "alice");
              const std::string policy = std::string(negotiating) + " --delegation policy";
              must_be(curl(bob_id, Realm::cache("bob"), takes, policy), "3002 bob delegation there bob|200 1;", "bob");
              must_be(curl(alice_id, Realm::cache("alice"), takes, negotiating), hers + "|200 1;", "without");
              const Site takes_none(go_on);
              must_be(curl(alice_id, Realm::cache("alice"), takes_none, always), hers + "|200 1;", "not taken");
            }),
            "");
}

TEST_F(Negotiate, holds_what_was_forwarded_no_longer_than_the_request_though_its_connection_stays) {
  EXPECT_EQ(at_site([] {
              std::string cache;
              Site site(
                  [&](const Request&) -> Response {
                    cache = kerberos_tickets(*CallContext::current().client()).value();
                    return {};
                  },
                  Level::delegation);
              HttpClient client(site.port);
              must_equal(client.ask(get_with(token_of("alice", "HTTP@localhost", GSS_C_DELEG_FLAG))).status, 200,
                         "asks");
              const auto is_there = [&] {
                return !refused(Error::Reason::not_there, [&] {
                  detail::Credential tickets;
                  detail::acquire_tickets(cache, "test: ", tickets);
                });
              };
              for (int left = 200; is_there() && left > 0; --left) std::this_thread::sleep_for(10ms);
              must(!is_there(), "held");
              must_equal(client.ask(get("/")).status, 401, "the connection is there");
            }),
            "");
}

TEST_F(Negotiate, tells_curl_to_prove_again_after_a_refusal_of_the_handler_s_too) {
  EXPECT_EQ(at_site([] {
              const Site site([](const Request&) -> Response { throw http::Refusal(404, "not there"); });
              const std::string said = curl(alice_id, Realm::cache("alice"), site, std::string(negotiating), "//");
              must_be(said, "404: not there\n|404 1;404: not there\n|404 0;", "both");
            }),
            "");
}

TEST_F(Negotiate, is_not_to_be_had_without_keys) {
  EXPECT_EQ(at_site([] {
              Descriptor listener = http::listen_loopback(0);
              const std::uint16_t port = http::port_of(listener);
              const http::Server server(std::move(listener), http::negotiate("/home/kdc/no_keytab", "HTTP@localhost"),
                                        who);
              must_equal(HttpClient(port).ask(get_with(token_of("alice"))).status, 503, "without keys");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
