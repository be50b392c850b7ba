// Client certificates by an authority of the test's own, curl(1) and a client that does what it should not: whose each
// request is, on whatever connection, which are nobody's, and what TLS may take.
#include "behalf/http_tls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "authority.h"
#include "behalf/call_context.h"
#include "behalf/impersonation.h"
#include "children/household.h"
#include "refused.h"
#include "service_threads.h"
#include "tls_client.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using http::Certificate;
using http::Request;
using http::Response;
using http::ServerOptions;
using http::TlsOptions;
using Clients = http::TlsOptions::Clients;

const std::string hers = "3001 alice";
const std::string his = "3002 bob";
const std::string place = "/home/ca/";
constexpr const char* people = "CN=People,O=Test";

// What a handler finds out about who it is.
Response who(const Request&) {
  return {.body = std::to_string(::geteuid()) + ' ' + CallContext::current().client()->name()};
}

void must_be(const std::string& got, const std::string& wanted, const std::string& what) {
  must(got == wanted, what + ": " + got + " instead of " + wanted);
}

Says person(const std::string& name) {
  return {.subject = {{"O", "Test"}, {"CN", name}}};
}

http::AccountOf alice_and_bob() {
  return http::listed({{.authority = people, .subject = "CN=Alice Arnold,O=Test", .account = "alice"},
                       {.authority = people, .subject = "CN=Bob Brown,O=Test", .account = "bob"}});
}

// A server whose people are those of an authority of its own: alice, bob, and carol who is nobody here.
struct Site {
  struct With {
    http::Handler handler = who;
    http::Authenticator authenticator = http::certificates(alice_and_bob());
    ServerOptions server{};
    TlsOptions tls{};
    bool knows_revocations = false;
  };
  Site() : Site(With()) {}
  explicit Site(With with, const std::function<void(int socket)>& prepare = {}) : authority(made()) {
    authority.certify(place + "server",
                      {.subject = {{"CN", "localhost"}}, .usage = "serverAuth", .alternative_names = "DNS:localhost"});
    authority.certify(place + "alice", person("Alice Arnold"));
    authority.certify(place + "bob", person("Bob Brown"));
    authority.certify(place + "carol", person("Carol Clark"));
    authority.list();
    if (with.tls.certificate.empty()) with.tls.certificate = place + "server.pem";
    if (with.tls.key.empty()) with.tls.key = place + "server.key";
    if (with.tls.authorities.empty() && with.tls.clients != Clients::not_asked)
      with.tls.authorities = place + "people.pem";
    if (with.knows_revocations) with.tls.revoked = place + "people.crl";
    tls.emplace(with.tls);
    with.server.through = tls->channels();
    with.server.log = [this](std::string_view line) {
      const std::lock_guard lock(mutex);
      log += std::string(line) + (::geteuid() == 0 ? "\n" : " LOGGED BY SOMEBODY ELSE\n");
    };
    Descriptor listener = http::listen_loopback(0);
    if (prepare) prepare(listener.get());
    port = http::port_of(listener);
    server.emplace(std::move(listener), std::move(with.authenticator), std::move(with.handler), with.server);
  }
  static Authority made() {
    ::mkdir(place.c_str(), 0755);
    return {place + "people", {.subject = {{"O", "Test"}, {"CN", "People"}}}};
  }
  std::string logged() {
    const std::lock_guard lock(mutex);
    return log;
  }
  // It may take a moment.
  bool has_logged(const std::string& words) {
    for (int left = 200; left > 0; --left) {
      if (logged().find(words) != std::string::npos) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  Authority authority;
  std::optional<http::Tls> tls;
  std::uint16_t port = 0;
  std::mutex mutex;
  std::string log;
  std::optional<http::Server> server;
};

std::string at_home(const std::function<void()>& body) {
  return in_own_process([&] {
    const Household household;
    start(ServiceKind::root);
    on_thread(body);
  });
}

// What that client is told, "" where it is not let in.
std::string asked(TlsClient& client) {
  if (!client.is_open()) return "";
  const HttpAnswer answer = client.ask(get("/"));
  if (answer.status == 0) return "";
  return answer.status == 200 ? answer.body : std::to_string(answer.status);
}
std::string asked(const Site& site, const std::string& name) {
  TlsClient client(site.port, name.empty() ? name : place + name);
  return asked(client);
}

std::function<void(SSL*)> only(int version) {
  return [version](SSL* tls) {
    SSL_set_min_proto_version(tls, version);
    SSL_set_max_proto_version(tls, version);
  };
}

TEST(A_client_certificate, has_each_request_on_its_connection_handled_as_whose_account_it_is) {
  EXPECT_EQ(at_home([] {
              const Site site;
              for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
                TlsClient alice(site.port, place + "alice", only(version));
                TlsClient bob(site.port, place + "bob", only(version));
                for (int i = 0; i < 5; ++i) {
                  must_be(alice.ask(get("/")).body, hers, "alice");
                  must_be(bob.ask(get("/")).body, his, "bob");
                }
                // Before the last was answered.
                std::string all;
                for (int i = 0; i < 300; ++i) all += get("/" + std::to_string(i));
                alice.say(all);
                bob.say(all);
                for (int i = 0; i < 300; ++i) {
                  must_be(alice.hear().body, hers, "alice, pipelined");
                  must_be(bob.hear().body, his, "bob, pipelined");
                }
              }
              must_equal(site.server->counts().asked, std::uint64_t{4}, "asked once for each connection");
              must_all_be_the_service();
            }),
            "");
}

// What curl(1) prints, with that certificate, at that path of the site as often as there are slashes.
std::string curl(const Site& site, const std::string& options, const std::string& paths = "/") {
  std::string command =
      "curl -4 -s -m 20 --cacert " + place + "people.pem -w '|%{http_code} %{num_connects};' " + options;
  for (std::size_t i = 0; i < paths.size(); ++i) command += " https://localhost:" + std::to_string(site.port) + '/';
  FILE* const said = ::popen(command.c_str(), "r");
  must(said != nullptr, "popen");
  std::string all;
  // NOLINTNEXTLINE(bugprone-infinite-loop): it is made anew each time
  for (std::array<char, 4096> piece{}; const std::size_t got = std::fread(piece.data(), 1, piece.size(), said);)
    all.append(piece.data(), got);
  ::pclose(said);
  return all;
}

// It goes to another thread after so many requests, while that one has still a piece of a file to send for it.
TEST(A_client_certificate, is_its_own_user_s_still_where_its_connection_moves_to_another_thread_in_the_middle) {
  EXPECT_EQ(at_home([] {
              constexpr int large = 2'500'000;
              constexpr int before_it_moves = 16;
              const auto gives_room = [](int socket) {
                for (const int buffer : {SO_SNDBUFFORCE, SO_RCVBUFFORCE}) {
                  const int room = 16 * large;
                  must(::setsockopt(socket, SOL_SOCKET, buffer, &room, sizeof room) == 0, "room");
                }
              };
              std::atomic<int> waiting{0};
              std::atomic<int> gone_on{0};
              Site site({.handler =
                             [&](const Request& request) {
                               Response response{.body = std::to_string(::gettid())};
                               if (request.target == "/large") response.body.resize(large);
                               if (request.target == "/waits") {
                                 const int round = ++waiting;
                                 while (gone_on < round) std::this_thread::yield();
                               }
                               return response;
                             },
                         .server = {.threads = 2}},
                        gives_room);
              TlsClient probe(site.port, place + "alice");
              std::string home;
              for (int i = 0; i < 2 * before_it_moves; ++i) {
                home = probe.ask(get("/")).body;
                std::this_thread::sleep_for(2ms);  // it does not move while it is asked again
              }
              for (int round = 1; round <= 20; ++round) {
                std::vector<std::unique_ptr<TlsClient>> elsewhere;
                std::vector<std::unique_ptr<TlsClient>> there;
                while (elsewhere.size() < 2) {
                  auto client = std::make_unique<TlsClient>(site.port, place + "alice", nullptr, gives_room);
                  auto& where = client->ask(get("/")).body == home ? there : elsewhere;
                  where.push_back(std::move(client));
                }
                there.clear();
                TlsClient& moves = *elsewhere[0];
                for (int i = 2; i < before_it_moves; ++i) must(moves.ask(get("/")).body != home, "moved too early");
                moves.say(get("/large"));
                elsewhere[1]->say(get("/waits"));
                while (waiting < round) std::this_thread::yield();
                const char begun = 0x17;  // of a record that comes later
                must(::send(moves.raw(), &begun, 1, MSG_NOSIGNAL) == 1, "send");
                std::this_thread::sleep_for(5ms);
                ++gone_on;
                must_equal(moves.hear().body.size(), std::size_t{large}, "the file");
                std::this_thread::sleep_for(5ms);
              }
              must_be(probe.ask(get("/")).body, home, "and serves on");
            }),
            "");
}

TEST(A_client_certificate, is_whose_request_curl_makes_and_without_there_is_none) {
  if (::access("/usr/bin/curl", X_OK) != 0) GTEST_SKIP() << "no curl on this machine";
  EXPECT_EQ(at_home([] {
              const Site site;
              const auto with = [](const std::string& name) {
                return "--cert " + place + name + ".pem --key " + place + name + ".key";
              };
              must_be(curl(site, with("alice")), hers + "|200 1;", "alice");
              must_be(curl(site, with("bob"), "///"), his + "|200 1;" + his + "|200 0;" + his + "|200 0;", "bob");
              must_be(curl(site, with("bob") + " --tls-max 1.2"), his + "|200 1;", "bob, by TLS 1.2");
              must_be(curl(site, with("carol")), "403: nothing is done here for whoever you are\n|403 1;", "carol");
              must_be(curl(site, ""), "|000 1;", "nobody");
              must_be(curl(site, "--tls-max 1.2"), "|000 1;", "nobody, by TLS 1.2");
              must_be(curl(site, with("alice") + " -d @/etc/passwd"), hers + "|200 1;", "a body");
            }),
            "");
}

TEST(A_client_certificate, that_does_not_hold_opens_no_connection) {
  EXPECT_EQ(at_home([] {
              std::atomic<int> handled{0};
              Site site({.handler =
                             [&](const Request& request) {
                               ++handled;
                               return who(request);
                             },
                         .knows_revocations = true});
              // What alice's would be, but for one thing.
              const auto certify = [&](const std::string& name, const std::function<void(Says&)>& but) {
                Says says = person("Alice Arnold");
                but(says);
                site.authority.certify(place + name, says);
              };
              certify("expired", [](Says& says) { says.until = -10; });
              certify("not_yet", [](Says& says) { says.from = 600; });
              certify("server's", [](Says& says) { says.usage = "serverAuth"; });
              certify("for_mail", [](Says& says) { says.usage = "emailProtection"; });
              certify("for_nothing", [](Says& says) { says.usage = ""; });
              certify("for_any", [](Says& says) { says.usage = "anyExtendedKeyUsage"; });
              certify("revoked", [](Says&) {});
              site.authority.revoke(place + "revoked");
              site.authority.list();
              site.tls->read_anew();
              // One that calls itself as the site's does, and one that signs itself.
              Authority other(place + "other", {.subject = {{"O", "Test"}, {"CN", "People"}}});
              other.certify(place + "other's", person("Alice Arnold"));
              const Authority alice(place + "herself", person("Alice Arnold"));
              // Whoever has a certificate is no authority.
              const Authority bob = site.authority.appoint(place + "bobs_office", person("Bob Brown"));
              const std::array<std::pair<const char*, const char*>, 11> cases = {
                  {{"", "peer did not return a certificate"},
                   {"expired", "certificate has expired"},
                   {"not_yet", "certificate is not yet valid"},
                   {"server's", "unsuitable certificate purpose"},
                   {"for_mail", "unsuitable certificate purpose"},
                   {"for_nothing", "unsuitable certificate purpose"},
                   {"for_any", "unsuitable certificate purpose"},
                   {"revoked", "certificate revoked"},
                   {"other's", "unable to get local issuer certificate"},
                   {"herself", "self-signed certificate"},
                   {"bobs_office", "unsuitable certificate purpose"}}};
              for (const auto& [name, why] : cases) {
                for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
                  TlsClient client(site.port, *name == 0 ? name : place + name, only(version));
                  must_be(asked(client), "", name);
                  must(client.alert().find("alert") != std::string::npos, std::string(name) + ": " + client.alert());
                }
                must(site.has_logged(why), std::string(name) + ": " + site.logged());
              }
              must(site.has_logged("(tried: the certificate of CN=Alice Arnold,O=Test)"), site.logged());
              must(site.logged().find("SOMEBODY ELSE") == std::string::npos, "the log is the service's");
              must_be(asked(site, "alice"), hers, "and on");
              must_equal(handled.load(), 1, "handled");
            }),
            "");
}

TEST(A_client_certificate, that_is_nobody_s_or_root_s_or_an_unknown_account_s_is_refused) {
  EXPECT_EQ(
      at_home([] {
        std::atomic<int> handled{0};
        Site site({.handler =
                       [&](const Request& request) {
                         ++handled;
                         return who(request);
                       },
                   .authenticator = http::certificates([](const Certificate& shown) -> std::optional<std::string> {
                     if (shown.subject == "CN=Alice Arnold,O=Test") return "root";
                     if (shown.subject == "CN=Bob Brown,O=Test") return "nobody-of-that-name";
                     return std::nullopt;
                   })});
        for (const char* const name : {"alice", "bob", "carol"}) must_be(asked(site, name), "403", name);
        must(site.has_logged("the certificate of CN=Carol Clark,O=Test by CN=People,O=Test is nobody's"),
             site.logged());
        must_equal(handled.load(), 0, "handled");
      }),
      "");
}

TEST(A_client_certificate, is_an_account_s_by_its_common_name_where_its_authority_alone_may_say_so) {
  EXPECT_EQ(
      at_home([] {
        Site::made();
        // Two are asked; the second has appointed one that calls itself as the first.
        Authority second(place + "second", {.subject = {{"O", "Test"}, {"CN", "Partners"}}});
        Authority impostor = second.appoint(place + "impostor", {.subject = {{"O", "Test"}, {"CN", "People"}}});
        std::ofstream(place + "both.pem") << std::ifstream(place + "second.pem").rdbuf();
        Site site({.authenticator = http::certificates(http::common_name_is_account(people)),
                   .tls = {.authorities = place + "both.pem"}});
        std::ofstream(place + "both.pem")
            << std::ifstream(place + "people.pem").rdbuf() << std::ifstream(place + "second.pem").rdbuf();
        site.tls->read_anew();
        const auto is = [&](Authority& by, const Says& says) {
          by.certify(place + "somebody", says);
          return asked(site, "somebody");
        };
        must_be(is(site.authority, person("alice")), hers, "alice");
        must_be(is(second, person("alice")), "403", "by the second");
        must_be(is(impostor, person("alice")), "403", "by one that calls itself as the first");
        must_be(is(site.authority, {.subject = {{"CN", "alice"}, {"CN", "bob"}}}), "403", "two");
        must_be(is(site.authority, {.subject = {{"O", "alice"}}}), "403", "none");
        must_be(is(site.authority, person("root")), "403", "root");
        must_be(is(site.authority, person("3001")), "403", "a number");
        must_be(is(site.authority, person(std::string("alice\0.evil", 11))), "403", "with an end within");
        must_be(is(site.authority, {.subject = {{"CN", std::string("bob\0", 4)}, {"CN", "alice"}}}), "403",
                "with an end within, and another");
        must_be(is(site.authority, person("ALICE")), "403", "in capitals");
        // Whom the first appoints speaks for it.
        Authority office = site.authority.appoint(place + "office", {.subject = {{"O", "Test"}, {"CN", "Office"}}});
        must_be(is(office, person("bob")), his, "by whom it has appointed");
      }),
      "");
}

TEST(A_client_certificate, says_what_its_authority_has_written_and_listed_names_are_taken_to_the_letter) {
  EXPECT_EQ(at_home([] {
              std::mutex mutex;
              std::vector<Certificate> all;
              Site site({.authenticator = http::certificates([&](const Certificate& shown) {
                           const std::lock_guard lock(mutex);
                           all.push_back(shown);
                           return std::optional<std::string>("alice");
                         })});
              Says says{.subject = {{"O", "Test, Ltd"}, {"CN", "\xc3\x84nne"}},
                        .alternative_names =
                            "email:anne@example.org,URI:spiffe://example.org/anne,DNS:a.example.org,"
                            "email:second@example.org,IP:127.0.0.1"};
              site.authority.certify(place + "anne", says);
              must_be(asked(site, "anne"), hers, "anne");
              must_equal(all.size(), std::size_t{1}, "asked");
              const Certificate anne = all.front();
              must_be(anne.subject, "CN=\\C3\\84nne,O=Test\\, Ltd", "subject");
              must_be(anne.authority, people, "authority");
              must_equal(anne.sha256.size(), std::size_t{64}, "sha256");
              must(anne.common_names == std::vector<std::string>{"\xc3\x84nne"}, "common names");
              must(anne.emails == std::vector<std::string>{"anne@example.org", "second@example.org"}, "emails");
              must(anne.uris == std::vector<std::string>{"spiffe://example.org/anne"}, "uris");
              must(anne.dns_names == std::vector<std::string>{"a.example.org"}, "dns names");
              says.subject = {{"O", "Test"}, {"CN", std::string("alice\0.evil", 11)}};
              site.authority.certify(place + "anne", says);
              must_be(asked(site, "anne"), "403", "with an end within");
              const auto account = alice_and_bob();
              Certificate shown{.subject = "CN=Alice Arnold,O=Test", .authority = people};
              must_be(account(shown).value(), "alice", "listed");
              shown.authority = "CN=People, O=Test";
              must(!account(shown), "another authority's");
              shown = {.subject = "CN=alice arnold,O=Test", .authority = people};
              must(!account(shown), "another's");
              must(!account({}), "nothing");
            }),
            "");
}

TEST(A_client_certificate, is_asked_about_once_where_the_answer_holds_for_ever) {
  EXPECT_EQ(at_home([] {
              Site site({.tls = {.holds = std::chrono::milliseconds::max()}});
              TlsClient alice(site.port, place + "alice");
              for (int i = 0; i < 5; ++i) must_be(asked(alice), hers, "alice");
              must_equal(site.server->counts().asked, std::uint64_t{1}, "questions");
            }),
            "");
}

TEST(A_client_certificate, that_was_revoked_or_has_run_out_is_nobody_s_on_the_connection_it_has_opened) {
  EXPECT_EQ(at_home([] {
              Site site({.tls = {.holds = 200ms}, .knows_revocations = true});
              TlsClient alice(site.port, place + "alice");
              TlsClient bob(site.port, place + "bob");
              must_be(asked(alice), hers, "alice");
              must_be(asked(bob), his, "bob");
              site.authority.certify(place + "soon", [] {
                Says says = person("Alice Arnold");
                says.until = 3;
                return says;
              }());
              TlsClient soon(site.port, place + "soon");
              must_be(asked(soon), hers, "while it holds");
              site.authority.revoke(place + "alice");
              site.authority.list();
              site.tls->read_anew();
              must_be(asked(alice), "403", "revoked");
              must_be(asked(site, "alice"), "", "revoked, on another connection");
              must_be(asked(bob), his, "bob");
              must_be(asked(soon), hers, "soon to run out");
              must(site.has_logged("certificate revoked: CN=Alice Arnold,O=Test"), site.logged());
              std::this_thread::sleep_for(4s);
              must_be(asked(soon), "403", "run out");
              must(site.has_logged("certificate has expired: CN=Alice Arnold,O=Test"), site.logged());
              must_be(asked(bob), his, "bob, still");
              // Lists that are no longer in force say nothing of anybody.
              site.authority.list(-100, -50);
              site.tls->read_anew();
              must_be(asked(bob), "403", "by a list that has run out");
              must_be(asked(site, "bob"), "", "by a list that has run out, on another connection");
              // What cannot be read changes nothing.
              site.authority.list();
              site.tls->read_anew();
              ::unlink((place + "people.crl").c_str());
              must(refused(Error::Reason::not_usable, [&] { site.tls->read_anew(); }), "no lists");
              must_be(asked(bob), his, "bob, after that");
              must_be(asked(site, "alice"), "", "alice, after that");
            }),
            "");
}

TEST(A_client_certificate, is_looked_for_in_the_list_of_each_who_signed_a_certificate_of_its_chain) {
  EXPECT_EQ(at_home([] {
              Site::made();
              Authority root(place + "root", {.subject = {{"CN", "Root"}}});
              Authority office = root.appoint(place + "office", {.subject = {{"CN", "Office"}}});
              Authority desk = office.appoint(place + "desk", {.subject = {{"CN", "Desk"}}});
              office.certify(place + "by_office", person("alice"));
              office.certify(place + "gone", person("alice"));
              desk.certify(place + "by_desk", person("alice"));
              root.certify(place + "by_root", person("alice"));
              office.revoke(place + "gone");
              office.list();
              desk.list();
              const auto lists = [](const std::string& first, const std::string& second) {
                std::ofstream all(place + "all.crl");
                all << std::ifstream(place + first).rdbuf();
                if (!second.empty()) all << std::ifstream(place + second).rdbuf();
              };
              lists("office.crl", "");
              // The office is the authority, and not the root above it, which has no list here.
              Site site({.authenticator = http::certificates(http::common_name_is_account("CN=Office")),
                         .tls = {.authorities = place + "office.pem", .revoked = place + "all.crl"}});
              // Behind its own certificate there is the office's: who is asked has that one already.
              const auto with_office = [](const std::string& name) {
                std::ofstream(place + name + ".pem", std::ios::app) << std::ifstream(place + "office.pem").rdbuf();
              };
              with_office("by_desk");
              must_be(asked(site, "by_office"), hers, "by the office");
              must_be(asked(site, "gone"), "", "revoked by the office");
              must(site.has_logged("certificate revoked"), site.logged());
              must_be(asked(site, "by_root"), "", "by the root above");
              must_be(asked(site, "by_desk"), "", "by whom it has appointed, without a list");
              must(site.has_logged("unable to get certificate CRL"), site.logged());
              lists("office.crl", "desk.crl");
              site.tls->read_anew();
              must_be(asked(site, "by_desk"), hers, "by whom it has appointed");
              office.revoke(place + "desk");
              office.list();
              lists("office.crl", "desk.crl");
              site.tls->read_anew();
              must_be(asked(site, "by_desk"), "", "by whom it has dismissed");
              must_be(asked(site, "by_office"), hers, "and on");
            }),
            "");
}

TEST(TLS, brings_back_nothing_of_an_earlier_connection_and_speaks_no_old_version_and_does_not_begin_anew) {
  EXPECT_EQ(at_home([] {
              const Site site;
              for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
                TlsClient first(site.port, place + "alice", only(version));
                must_be(asked(first), hers, "first");
                SSL_SESSION* const session = SSL_get1_session(first.tls());
                must(SSL_SESSION_has_ticket(session) == 0, "a ticket");
                TlsClient second(site.port, {}, [&](SSL* tls) {
                  only(version)(tls);
                  SSL_set_session(tls, session);
                });
                must_be(asked(second), "", "without a certificate, by an earlier connection's session");
                TlsClient third(site.port, place + "bob", [&](SSL* tls) {
                  only(version)(tls);
                  SSL_set_session(tls, session);
                });
                must_be(asked(third), his, "bob, by alice's session");
                must(SSL_session_reused(third.tls()) == 0, "resumed");
                SSL_SESSION_free(session);
              }
              TlsClient again(site.port, place + "alice", only(TLS1_2_VERSION));
              must_be(asked(again), hers, "before");
              SSL_renegotiate(again.tls());
              must(SSL_do_handshake(again.tls()) != 1, "renegotiated");
              ERR_clear_error();
              const auto old = [&](const std::string& ciphers, int version) {
                return TlsClient(site.port, place + "alice",
                                 [&](SSL* tls) {
                                   only(version)(tls);
                                   SSL_set_security_level(tls, 0);
                                   must(SSL_set_cipher_list(tls, ciphers.c_str()) == 1, ciphers);
                                 })
                    .is_open();
              };
              must(!old("ALL:@SECLEVEL=0", TLS1_1_VERSION), "TLS 1.1");
              must(!old("ALL:@SECLEVEL=0", TLS1_VERSION), "TLS 1.0");
              must(!old("aNULL:@SECLEVEL=0", TLS1_2_VERSION), "anonymous");
              must(!old("ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-SHA256", TLS1_2_VERSION), "not authenticated");
              must(!TlsClient(site.port, place + "alice",
                              [](SSL* tls) {
                                SSL_set_alpn_protos(tls,
                                                    reinterpret_cast<const unsigned char*>("\x03"
                                                                                           "ftp"),
                                                    4);
                              })
                        .is_open(),
                   "another protocol");
            }),
            "");
}

TEST(TLS, carries_large_files_and_bodies_for_slow_clients_and_hurried_ones) {
  EXPECT_EQ(at_home([] {
              std::string large;
              while (large.size() < 9'000'000) large += std::to_string(large.size()) + ',';
              std::ofstream(Household::home("alice") + "/large") << large;
              must(::chown((Household::home("alice") + "/large").c_str(), alice_id, alice_id) == 0, "chown");
              const auto send_file = [&](const Request& request) -> Response {
                if (request.target == "/shrunk") {
                  Response response{.file = Descriptor(::open("/home/alice/large", O_RDONLY | O_CLOEXEC)),
                                    .length = large.size() + 100};
                  if (!response.file) throw http::Refusal(403, "you may not");
                  return response;
                }
                if (request.method == "PUT") return {.body = std::string(request.body)};
                if (request.target != "/large") return who(request);
                Response response{.file = Descriptor(::open("/home/alice/large", O_RDONLY | O_CLOEXEC)),
                                  .offset = 5,
                                  .length = large.size() - 5};
                if (!response.file) throw http::Refusal(403, "you may not");
                return response;
              };
              const Site site({.handler = send_file, .server = {.threads = 1, .write_time = 1s}});
              TlsClient alice(site.port, place + "alice");
              TlsClient bob(site.port, place + "bob");
              must_equal(bob.ask(get("/large")).status, 403, "bob may not");
              for (int i = 0; i < 2; ++i) must(alice.ask(get("/large")).body == large.substr(5), "the file");
              // While one has not been read, others are served; and it comes whole, for who reads at last.
              alice.say(get("/large"));
              std::this_thread::sleep_for(300ms);
              must_be(bob.ask(get("/")).body, his, "bob meanwhile");
              must(alice.hear().body == large.substr(5), "the file, late");
              const std::string body = large.substr(0, 1'000'000);
              must(alice.ask("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
                             "\r\n\r\n" + body)
                           .body == body,
                   "a body there and back");
              // One that is not read for too long is cut off, without a word that it is whole.
              alice.say(get("/large"));
              std::this_thread::sleep_for(1500ms);
              must(alice.hear().body.size() < large.size() - 5, "cut off");
              must(!alice.was_told_the_end(), "said to be whole");
              // A file that is shorter than was said is none.
              TlsClient again(site.port, place + "alice");
              const HttpAnswer shrunk = again.ask(get("/shrunk"));
              must(shrunk.body.size() == large.size() && !again.was_told_the_end(), "a file that has become shorter");
              // Who goes away in the middle takes nobody along.
              {
                TlsClient gone(site.port, place + "alice");
                gone.say(get("/large") + get("/large"));
                gone.hang_up_without_a_word();  // so that what is sent after it has gone is EPIPE
              }
              TlsClient last(site.port, place + "alice");
              must_be(last.ask(get("/", {}, "Connection: close\r\n")).body, hers, "and on");
              must(last.is_over() && last.was_told_the_end(), "the end is said");
              must_all_be_the_service();
            }),
            "");
}

TEST(TLS, cuts_off_handshakes_that_take_too_long_and_bounds_how_many_there_are) {
  EXPECT_EQ(at_home([] {
              Site site({.server = {.header_time = 500ms}, .tls = {.handshakes = 3}});
              const auto began = std::chrono::steady_clock::now();
              HttpClient silent(site.port);
              HttpClient half(site.port);
              half.say("\x16\x03\x01\x02");
              HttpClient dribbles(site.port);
              dribbles.say(std::string("\x16\x03\x01\x40\0\x01", 6));
              std::jthread dribbling([&](const std::stop_token& stop) {
                for (char each = 1; !stop.stop_requested(); each = 1) {
                  dribbles.say({&each, 1});
                  std::this_thread::sleep_for(20ms);
                }
              });
              std::this_thread::sleep_for(100ms);
              must_be(asked(site, "alice"), "", "one too many");
              must(site.has_logged("too many handshakes"), site.logged());
              must(silent.is_over() && half.is_over() && dribbles.is_over(), "they end");
              must(std::chrono::steady_clock::now() - began < 5s, "in time");
              must(site.has_logged("the handshake takes too long"), site.logged());
              must_be(asked(site, "alice"), hers, "and on");
              // Not one more than there were is counted, whatever became of them.
              for (int i = 0; i < 12; ++i)
                must_be(asked(site, i % 2 == 0 ? "" : "alice"), i % 2 == 0 ? "" : hers, "on");
              // Who has shaken hands and says nothing is cut off as anybody is.
              TlsClient mute(site.port, place + "alice");
              must(mute.is_open() && mute.is_over(), "mute");
              must_equal(site.server->stop(1s), true, "stops");
            }),
            "");
}

TEST(TLS, shakes_hands_as_the_service_and_is_not_waited_for_at_the_end) {
  EXPECT_EQ(at_home([] {
              Site site({.server = {.threads = 1, .keeps = 60s}});
              TlsClient alice(site.port, place + "alice");
              HttpClient other(site.port);
              must_be(asked(alice), hers, "alice, whom the thread goes on wearing");
              other.say(std::string("\x16\x03\x01\x40\0\x01", 6));
              must_all_be_the_service();
              must(site.server->stop(5s), "waits for a handshake");
              must(other.is_over(), "it is over");
            }),
            "");
}

TEST(TLS, takes_nothing_else_for_it) {
  EXPECT_EQ(at_home([] {
              std::atomic<int> handled{0};
              Site site({.handler = [&](const Request& request) {
                ++handled;
                return who(request);
              }});
              HttpClient plain(site.port);
              const HttpAnswer answer = plain.ask(get("/"));
              must_equal(answer.status, 0, "plain HTTP");
              must(site.has_logged("http request"), site.logged());
              for (const std::string& bytes :
                   {std::string("\x16\x03\x01\x7f\xff\x01", 6), std::string(70'000, '\x16'), std::string(40'000, '\0'),
                    std::string("\x15\x03\x03\0\x02\x02\x28", 7), std::string("\x17\x03\x03\0\x05hello", 10)}) {
                HttpClient client(site.port);
                client.say(bytes);
                client.say_no_more();
                for (int left = 10; left > 0 && !client.is_over(); --left) (void)client.hear();
              }
              // A record that does not come whole, and one that has been altered.
              {
                TlsClient alice(site.port, place + "alice");
                must_be(asked(alice), hers, "before");
                must(::send(alice.raw(), "\x17\x03\x03\0\x40half", 9, MSG_NOSIGNAL) == 9, "send");
                alice.hang_up_without_a_word();
                must(alice.is_over(), "half a record");
              }
              {
                TlsClient alice(site.port, place + "alice");
                must_be(asked(alice), hers, "before");
                const std::string record = std::string("\x17\x03\x03\0\x40", 5) + std::string(64, 'x');
                must(::send(alice.raw(), record.data(), record.size(), MSG_NOSIGNAL) == 69, "send");
                must_equal(alice.ask(get("/")).status, 0, "an altered record");
              }
              // A request that ends with the connection and not by its own word is none.
              {
                TlsClient alice(site.port, place + "alice");
                alice.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
                alice.hang_up_without_a_word();
                must_equal(alice.hear().status, 0, "half a request");
              }
              must_equal(handled.load(), 2, "handled");
              must_be(asked(site, "bob"), his, "and on");
            }),
            "");
}

TEST(TLS, lets_keys_be_changed_and_does_not_do_that_for_ever) {
  EXPECT_EQ(
      at_home([] {
        const Site site({.server = {.threads = 1}});
        TlsClient alice(site.port, place + "alice", only(TLS1_3_VERSION));
        for (int i = 0; i < 3; ++i) {
          must(SSL_key_update(alice.tls(), SSL_KEY_UPDATE_REQUESTED) == 1, "change");
          must_be(asked(alice), hers, "after a change");
        }
        TlsClient flood(site.port, place + "bob", only(TLS1_3_VERSION));
        must_be(asked(flood), his, "before");
        const WithoutSigpipe safe;
        int changes = 0;
        for (; changes < 1'000'000; ++changes) {
          if (SSL_key_update(flood.tls(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(flood.tls()) != 1)
            break;
        }
        ERR_clear_error();
        must(changes < 1'000'000, "for ever");
        must_be(asked(alice), hers, "and on");
      }),
      "");
}

TEST(TLS, goes_without_certificates_where_it_is_told_so_and_an_authenticator_may_know_another_way) {
  EXPECT_EQ(at_home([] {
              const http::Authenticator by_password = http::basic(
                  [](const std::string& name, const std::string& password) -> std::optional<Token> {
                    if (password != "secret") return std::nullopt;
                    return Token::for_user(name);
                  },
                  "test");
              const http::Authenticator by_certificate = http::certificates(alice_and_bob());
              const auto either = [&](const Request& request, const http::Client& client) {
                return http::certificate_of(client) ? by_certificate(request, client) : by_password(request, client);
              };
              Site site({.authenticator = either, .tls = {.clients = Clients::may_show}});
              TlsClient nobody(site.port);
              must_equal(nobody.ask(get("/")).status, 401, "nobody");
              must_be(nobody.ask(get("/", "bob:secret")).body, his, "by a password");
              must_equal(nobody.ask(get("/")).status, 401, "nobody again");
              must_be(asked(site, "alice"), hers, "by a certificate");
              Authority other(place + "other", {.subject = {{"CN", "Other"}}});
              other.certify(place + "other's", person("Alice Arnold"));
              must_be(asked(site, "other's"), "", "one that does not hold");
              Site strict({.tls = {.clients = Clients::may_show}});
              must_be(asked(strict, ""), "403", "none, where it is by certificate alone");
              Site without({.authenticator = either, .tls = {.clients = Clients::not_asked}});
              TlsClient alice(without.port, place + "alice");
              must_equal(alice.ask(get("/")).status, 401, "one that nobody asked for");
              must_be(alice.ask(get("/", "alice:secret")).body, hers, "by a password");
              // Certificates without TLS are nobody's.
              Descriptor listener = http::listen_loopback(0);
              const std::uint16_t port = http::port_of(listener);
              const http::Server plain(std::move(listener), by_certificate, who);
              must_equal(HttpClient(port).ask(get("/")).status, 403, "without TLS");
            }),
            "");
}

TEST(TLS, is_not_to_be_had_without_what_it_stands_on) {
  EXPECT_EQ(at_home([] {
              const Site site;
              const TlsOptions good{.certificate = place + "server.pem",
                                    .key = place + "server.key",
                                    .authorities = place + "people.pem",
                                    .revoked = place + "people.crl"};
              const auto is_refused = [&](const char* what, const std::function<void(TlsOptions&)>& but) {
                TlsOptions options = good;
                but(options);
                must(refused(Error::Reason::not_usable, [&] { const http::Tls tls(options); }), what);
              };
              { const http::Tls tls(good); }
              is_refused("no certificate", [](TlsOptions& options) { options.certificate = place + "none"; });
              is_refused("no key", [](TlsOptions& options) { options.key = place + "none"; });
              is_refused("another's key", [](TlsOptions& options) { options.key = place + "alice.key"; });
              is_refused("no authorities", [](TlsOptions& options) { options.authorities = place + "none"; });
              is_refused("a key for authorities", [](TlsOptions& options) { options.authorities = options.key; });
              is_refused("no lists", [](TlsOptions& options) { options.revoked = place + "none"; });
              is_refused("certificates for lists", [](TlsOptions& options) { options.revoked = options.authorities; });
              ::chmod(good.key.c_str(), 0644);
              is_refused("a key for everybody", [](TlsOptions&) {});
              ::chmod(good.key.c_str(), 0640);
              { const http::Tls tls(good); }
              const auto is_wrong = [&](const char* what, const std::function<void(TlsOptions&)>& but) {
                TlsOptions options = good;
                but(options);
                try {
                  const http::Tls tls(options);
                } catch (const std::invalid_argument&) {
                  return;
                }
                must(false, what);
              };
              is_wrong("nobody's word", [](TlsOptions& options) { options.authorities.clear(); });
              is_wrong("not asked", [](TlsOptions& options) { options.clients = Clients::not_asked; });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
