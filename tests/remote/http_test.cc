// The HTTP server: who its handlers are, whatever its clients send, and what it refuses.
#include "behalf/http.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "behalf/call_context.h"
#include "behalf/impersonation.h"
#include "children/household.h"
#include "http_client.h"
#include "refused.h"
#include "service_threads.h"

namespace behalf::testing {
namespace {

using namespace std::chrono_literals;
using http::Answer;
using http::Request;
using http::Response;
using http::ServerOptions;

constexpr const char* path = "/home/server";

// What a handler finds out about who it is: "3001/3001 alice"; and the call's client.
Response who(const Request&) {
  const auto client = CallContext::current().client();
  return {.body = std::to_string(::geteuid()) + "/" + std::to_string(::getegid()) + " " +
                  (client ? client->name() : "nobody")};
}

// The lines of a server's log.
class Lines {
 public:
  void add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    all_ += std::string(line) + "\n";
    if (::geteuid() != 0) all_ += "LOGGED BY SOMEBODY ELSE\n";
  }
  bool have(const std::string& words) {
    const std::lock_guard lock(mutex_);
    return all_.find(words) != std::string::npos;
  }

 private:
  std::mutex mutex_;
  std::string all_;
};

// alice and bob have passwords; each question is counted.
struct Accounts {
  std::atomic<int> asked{0};
  std::function<void()> meanwhile = [] {};
  http::Authenticator by_password() {
    return http::basic(
        [this](const std::string& name, const std::string& password) -> std::optional<Token> {
          ++asked;
          meanwhile();
          if (::geteuid() != 0 || (name != "alice" && name != "bob") || password != "pass-" + name) return std::nullopt;
          return Token::for_user(name);
        },
        "test");
  }
};

const std::string her_word = "alice:pass-alice";
const std::string his_word = "bob:pass-bob";
const std::string hers = "3001/3001 alice";
const std::string his = "3002/3002 bob";

// A body in a household, in a process of its own that is the service.
std::string at_home(const std::function<void()>& body) {
  return in_own_process([&] {
    const Household household;
    start(ServiceKind::root);
    on_thread(body);
  });
}

// A server on the loopback for who has a password.
struct ByPassword {
  explicit ByPassword(http::Handler handler = who, ServerOptions options = {}) {
    options.log = [this](std::string_view line) { lines.add(line); };
    Descriptor listener = http::listen_loopback(0);
    port = http::port_of(listener);
    server.emplace(std::move(listener), accounts.by_password(), std::move(handler), std::move(options));
  }
  Lines lines;
  Accounts accounts;
  std::uint16_t port = 0;
  std::optional<http::Server> server;
};

TEST(An_HTTP_request, over_a_Unix_socket_is_handled_by_a_thread_that_is_whoever_connected) {
  EXPECT_EQ(at_home([] {
              http::Server server(http::listen_unix(path), http::peers(), [](const Request& request) -> Response {
                Response response = who(request);
                const AsService self = CallContext::revert_to_self();
                response.body += " and " + std::to_string(::geteuid());
                return response;
              });
              for (const std::string name : {"alice", "bob", "alice"}) {
                std::optional<HttpClient> client;
                {
                  const Impersonation as{Token::for_user(name)};
                  client.emplace(path);
                }
                const std::string wanted = (name == "alice" ? hers : his) + " and 0";
                for (int i = 0; i < 3; ++i) {
                  const HttpAnswer answer = client->ask(get("/"));
                  must(answer.status == 200 && answer.body == wanted, name + ": " + answer.head + answer.body);
                }
              }
              must_equal(server.counts().asked, std::uint64_t{3}, "asked once for each connection");
              must_all_be_the_service();
            }),
            "");
}

TEST(An_HTTP_request, of_root_or_over_a_socket_that_knows_no_peer_is_refused_and_its_handler_does_not_run) {
  EXPECT_EQ(at_home([] {
              Lines lines;
              std::atomic<int> handled{0};
              const auto count = [&](const Request&) {
                ++handled;
                return Response{};
              };
              const ServerOptions options{.log = [&](std::string_view line) { lines.add(line); }};
              http::Server local(http::listen_unix(path), http::peers(), count, options);
              HttpClient root(path);
              must_equal(root.ask(get("/secret")).status, 403, "root");
              must(lines.have("refused 403 GET /secret"), "the log names what was asked");
              Descriptor listener = http::listen_loopback(0);
              const std::uint16_t port = http::port_of(listener);
              http::Server inet(std::move(listener), http::peers(), count, options);
              HttpClient somebody(port);
              must_equal(somebody.ask(get("/")).status, 403, "a peer that is not known");
              must_equal(handled.load(), 0, "handled");
              must(!lines.have("SOMEBODY ELSE"), "the log is the service's");
            }),
            "");
}

// As a child process has it that is being made: what happens at the other end then is nothing of the server's.
TEST(An_HTTP_request, leaves_nothing_behind_of_its_connection_where_somebody_else_has_the_socket_too) {
  EXPECT_EQ(at_home([] {
              std::mutex mutex;
              std::vector<Descriptor> kept;
              Descriptor listener = http::listen_loopback(0);
              const std::uint16_t port = http::port_of(listener);
              const auto keep = [&](const Request&, const http::Client& client) -> Answer {
                const std::lock_guard lock(mutex);
                kept.emplace_back(::fcntl(client.socket, F_DUPFD_CLOEXEC, 0));
                return {.user = Token::for_user("alice")};
              };
              http::Server server(std::move(listener), keep, who, {.threads = 1});
              for (int i = 0; i < 20; ++i) {
                HttpClient client(port);
                must(client.ask(get("/", {}, "Connection: close\r\n")).body == hers, "alice");
                for (int left = 500; server.counts().open != 0 && left > 0; --left) std::this_thread::sleep_for(10ms);
                must_equal(server.counts().open, std::size_t{0}, "open");
                client.say(get("/"));
                client.say_no_more();
                HttpClient next(port);
                must(next.ask(get("/")).body == hers, "alice, on the next");
              }
            }),
            "");
}

TEST(An_HTTP_request, is_its_own_user_s_on_a_connection_that_two_take_turns_on) {
  EXPECT_EQ(at_home([] {
              ByPassword here;
              HttpClient proxy(here.port);
              for (int i = 0; i < 50; ++i) {
                must(proxy.ask(get("/", her_word)).body == hers, "alice");
                must(proxy.ask(get("/", his_word)).body == his, "bob");
              }
              must_equal(here.accounts.asked.load(), 2, "the checker was asked once for each");
              // And without a name it is nobody's, whoever came before.
              const HttpAnswer nobody = proxy.ask(get("/"));
              must_equal(nobody.status, 401, "nobody");
              must(nobody.head.find("WWW-Authenticate: Basic realm=\"test\"") != std::string::npos, "challenge");
              must(proxy.ask(get("/", her_word)).body == hers, "alice, after that");
            }),
            "");
}

TEST(An_HTTP_request, that_is_sent_before_the_last_was_answered_is_answered_after_it_as_its_own_user) {
  EXPECT_EQ(at_home([] {
              ByPassword here([](const Request& request) -> Response {
                Response response = who(request);
                response.body += std::string(request.target) + std::string(request.body);
                return response;
              });
              HttpClient client(here.port);
              std::string all;
              for (int i = 0; i < 200; ++i) {
                const std::string& word = i % 3 == 0 ? her_word : his_word;
                all += i % 2 == 0 ? get("/" + std::to_string(i), word)
                                  : "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " +
                                        base64(word) + "\r\nContent-Length: 3\r\n\r\nabc";
              }
              client.say(all);
              for (int i = 0; i < 200; ++i) {
                const HttpAnswer answer = client.hear();
                const std::string wanted =
                    (i % 3 == 0 ? hers : his) + "/" + std::to_string(i) + (i % 2 == 0 ? "" : "abc");
                must(answer.body == wanted, wanted + ": " + answer.head + answer.body);
              }
            }),
            "");
}

TEST(An_HTTP_credential, is_asked_about_again_when_it_was_forgotten_and_a_wrong_one_waits_alone) {
  EXPECT_EQ(at_home([] {
              ByPassword here(who, {.remembers = 200ms, .refusal_takes = 1500ms});
              HttpClient client(here.port);
              must_equal(client.ask(get("/", her_word)).status, 200, "first");
              std::this_thread::sleep_for(300ms);
              must_equal(client.ask(get("/", her_word)).status, 200, "later");
              must_equal(here.accounts.asked.load(), 2, "asked after its time");
              here.server->forget_credentials();
              must_equal(client.ask(get("/", her_word)).status, 200, "again");
              must_equal(here.accounts.asked.load(), 3, "asked after it was forgotten");

              HttpClient liar(here.port);
              const auto begin = std::chrono::steady_clock::now();
              liar.say(get("/", "alice:wrong"));
              must_equal(client.ask(get("/", his_word)).status, 200, "bob, meanwhile");
              must(std::chrono::steady_clock::now() - begin < 1500ms, "bob waits for the liar");
              must_equal(liar.hear().status, 401, "the liar");
              must(std::chrono::steady_clock::now() - begin >= 1500ms, "the liar does not wait");
              must(here.lines.have("tried: alice"), "the log names who was tried");
              must_equal(liar.ask(get("/", "alice:wrong")).status, 401, "wrong is not remembered as right");
              must_equal(liar.ask(get("/", "alice\n:x")).status, 401, "a name with a control character");
              must(here.lines.have("tried: alice\\x0a"), "the log stays one line");
            }),
            "");
}

TEST(An_HTTP_credential, that_comes_while_the_password_is_changed_is_not_remembered) {
  EXPECT_EQ(at_home([] {
              ByPassword here;
              here.accounts.meanwhile = [&] { here.server->forget_credentials(); };
              HttpClient client(here.port);
              must_equal(client.ask(get("/", her_word)).status, 200, "first");
              must_equal(client.ask(get("/", her_word)).status, 200, "second");
              must_equal(here.accounts.asked.load(), 2, "asked");
            }),
            "");
}

TEST(An_HTTP_authenticator, that_names_the_service_or_who_is_only_identified_or_fails_lets_nobody_in) {
  EXPECT_EQ(at_home([] {
              Lines lines;
              std::atomic<int> handled{0};
              Descriptor listener = http::listen_loopback(0);
              const std::uint16_t port = http::port_of(listener);
              http::Server server(
                  std::move(listener),
                  [](const Request& request, const http::Client&) -> Answer {
                    if (request.target == "/service") return {.user = Token::of_process()};
                    if (request.target == "/look")
                      return {.user = Token::for_user("alice").with_level(Level::identification)};
                    if (request.target == "/teapot") throw http::Refusal(418, "no");
                    throw std::runtime_error("the directory is down");
                  },
                  [&](const Request&) {
                    ++handled;
                    return Response{};
                  },
                  {.log = [&](std::string_view line) { lines.add(line); }});
              must_equal(HttpClient(port).ask(get("/service")).status, 403, "the service");
              must_equal(HttpClient(port).ask(get("/look")).status, 403, "identified");
              must_equal(HttpClient(port).ask(get("/teapot")).status, 418, "refused");
              const HttpAnswer down = HttpClient(port).ask(get("/x"));
              must_equal(down.status, 503, "down");
              must(down.body.find("directory") == std::string::npos, "the client is told too much");
              must(lines.have("the directory is down"), "the log has it");
              must_equal(handled.load(), 0, "handled");
            }),
            "");
}

TEST(An_HTTP_handler, that_throws_or_answers_what_is_no_field_is_a_refusal_and_the_connection_goes_on) {
  EXPECT_EQ(at_home([] {
              ByPassword here([](const Request& request) -> Response {
                if (request.target == "/refuse") throw http::Refusal(404, "not there");
                if (request.target == "/throw") throw std::runtime_error("a secret");
                if (request.target == "/inject") return {.fields = {{"X", "a\r\nSet-Cookie: b"}}};
                return who(request);
              });
              HttpClient client(here.port);
              must_equal(client.ask(get("/refuse", her_word)).status, 404, "refuse");
              const HttpAnswer thrown = client.ask(get("/throw", her_word));
              must(thrown.status == 500 && thrown.body.find("secret") == std::string::npos, "throw");
              must(here.lines.have("a secret"), "the log has it");
              const HttpAnswer injected = client.ask(get("/inject", her_word));
              must(injected.status == 500 && injected.head.find("Cookie") == std::string::npos, "inject");
              must(client.ask(get("/", his_word)).body == his, "and on");
            }),
            "");
}

// Each is sent to a server of its own limits; what it answers, and whether the connection ends.
TEST(An_HTTP_server, refuses_what_is_too_large_or_no_request_or_can_be_read_in_two_ways) {
  EXPECT_EQ(
      at_home([] {
        ByPassword here(who, {.header_bytes = 2048, .body_bytes = 100});
        const std::string with_word = "Host: h\r\nAuthorization: Basic " + base64(her_word) + "\r\n";
        const std::vector<std::pair<std::string, int>> cases = {
            {"GET / HTTP/1.1\r\n" + with_word + "X: " + std::string(4000, 'x') + "\r\n\r\n", 431},
            {"GET / HTTP/1.1\r\n" + with_word + "X: " + std::string(4000, 'x'), 431},
            {"GET /" + std::string(4000, 'x'), 431},
            {"POST / HTTP/1.1\r\n" + with_word + "Content-Length: 101\r\n\r\n", 413},
            {"POST / HTTP/1.1\r\n" + with_word + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') +
                 "\r\n0\r\n\r\n",
             413},
            {"nonsense\r\n\r\n", 400},
            {"GET / HTTP/3.0\r\n" + with_word + "\r\n", 400},
            {"GET / HTTP/1.1\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n" + with_word + "Host: other\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n" + with_word + "Authorization: Basic " + base64(his_word) + "\r\n\r\n", 400},
            {"GET / HTTP/1.1\r\n" + with_word + "X: a\r\n b\r\n\r\n", 400},
            {"POST / HTTP/1.1\r\n" + with_word + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             400},
            {"POST / HTTP/1.1\r\n" + with_word + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
            {"POST / HTTP/1.1\r\n" + with_word + "Transfer-Encoding: gzip\r\n\r\n", 400},
            {"POST / HTTP/1.1\r\n" + with_word + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
            {"POST / HTTP/1.1\r\n" + with_word + "Transfer-Encoding: chunked\r\n\r\n3;a=\"\nb\"\r\nabc\r\n0\r\n\r\n",
             400},
            {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde", 401},
        };
        for (const auto& [text, status] : cases) {
          HttpClient client(here.port);
          const HttpAnswer answer = client.ask(text);
          must_equal(answer.status, status, text.substr(0, 200));
          if (status != 401 || text.find("POST") == 0)
            must(client.is_over(), "the connection goes on after " + text.substr(0, 200));
        }
        must_equal(here.server->counts().requests, std::uint64_t{0}, "handled");
        must(HttpClient(here.port).ask(get("/", her_word)).body == hers, "and serves on");
      }),
      "");
}

TEST(An_HTTP_server, takes_no_user_from_a_trailer_and_bodies_in_any_pieces) {
  EXPECT_EQ(at_home([] {
              ByPassword here([](const Request& request) -> Response {
                Response response = who(request);
                response.body += std::string(request.body);
                for (const Request::Field& field : request.fields) {
                  if (field.name == "Authorization" && field.value == "Basic " + base64(his_word)) response.body += "!";
                }
                return response;
              });
              const std::string text = "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " + base64(her_word) +
                                       "\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\n"
                                       "Authorization: Basic " +
                                       base64(his_word) + "\r\n\r\n";
              HttpClient at_once(here.port);
              must(at_once.ask(text).body == hers + "abcde", "at once");
              HttpClient slowly(here.port);
              for (const char each : text) slowly.say(std::string_view(&each, 1));
              must(slowly.hear().body == hers + "abcde", "byte by byte");
              slowly.say(
                  "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\nAuthorization: "
                  "Basic " +
                  base64(his_word) + "\r\n\r\n");
              must_equal(slowly.hear().status, 100, "continue");
              must(slowly.ask("xy").body == his + "xy!", "after it");
              // One of HTTP/1.0 knows no such answer (RFC 9110, 10.1.1).
              HttpClient old(here.port);
              old.say("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\nAuthorization: Basic " +
                      base64(her_word) + "\r\n\r\n");
              std::this_thread::sleep_for(20ms);
              must(old.ask("xy").body == hers + "xy", "without a 100");
              // A client that shuts its side down after its request is answered.
              for (int i = 0; i < 100; ++i) {  // the end may come with the request, or after it
                HttpClient terse(here.port);
                terse.say(get("/", her_word));
                terse.say_no_more();
                must(terse.hear().body == hers, "said no more");
                must(terse.is_over(), "over");
              }
            }),
            "");
}

TEST(An_HTTP_server, ends_with_who_is_too_slow) {
  EXPECT_EQ(at_home([] {
              ByPassword here(who, {.header_time = 200ms, .body_time = 200ms, .idle_time = 300ms});
              HttpClient silent(here.port);
              HttpClient begun(here.port);
              begun.say("GET / HTT");
              HttpClient in_body(here.port);
              in_body.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nAuthorization: Basic " +
                          base64(her_word) + "\r\n\r\nab");
              HttpClient idle(here.port);
              must_equal(idle.ask(get("/", her_word)).status, 200, "idle, first");
              must_equal(begun.hear().status, 408, "header");
              must_equal(in_body.hear().status, 408, "body");
              must(silent.is_over(), "silent");
              must(idle.is_over(), "idle");
              // A client that sends a byte now and then gets no more time for it.
              HttpClient dripping(here.port);
              const auto begin = std::chrono::steady_clock::now();
              std::thread drip([&] {
                for (int i = 0; i < 150; ++i) {
                  dripping.say("G");
                  std::this_thread::sleep_for(20ms);
                }
              });
              const int status = dripping.hear().status;
              const auto took = std::chrono::steady_clock::now() - begin;
              drip.join();
              must_equal(status, 408, "dripping");
              must(took < 2500ms, "time for each byte");
            }),
            "");
}

TEST(An_HTTP_server, has_so_many_connections_and_no_more_of_one_user) {
  EXPECT_EQ(at_home([] {
              ByPassword here(who, {.connections = 5, .connections_per_user = 2});
              HttpClient first(here.port);
              HttpClient second(here.port);
              must_equal(first.ask(get("/", her_word)).status, 200, "her first");
              must_equal(second.ask(get("/", her_word)).status, 200, "her second");
              HttpClient third(here.port);
              const HttpAnswer refused = third.ask(get("/", her_word));
              must_equal(refused.status, 503, "her third");
              must(third.is_over(), "her third is over");
              HttpClient of_bob(here.port);
              must_equal(of_bob.ask(get("/", his_word)).status, 200, "bob");
              // A connection that is his now is not hers.
              must_equal(second.ask(get("/", his_word)).status, 200, "hers becomes his");
              HttpClient fourth(here.port);
              must_equal(fourth.ask(get("/", her_word)).status, 200, "her second again");
              HttpClient fifth(here.port);
              must_equal(fifth.ask(get("/")).status, 401, "the fifth of all");
              HttpClient sixth(here.port);
              must_equal(sixth.hear().status, 503, "the sixth of all");
            }),
            "");
}

TEST(An_HTTP_server, handles_what_is_slow_elsewhere_as_its_user_and_holds_nobody_up) {
  EXPECT_EQ(at_home([] {
              std::promise<void> go;
              std::shared_future<void> gone = go.get_future().share();
              std::atomic<int> strangers{0};
              ByPassword here(
                  [gone](const Request& request) {
                    if (request.target == "/slow") gone.wait();
                    return who(request);
                  },
                  {.threads = 1, .slow = [&strangers](const Request& request) {
                     const uid_t asks =
                         request.field("Authorization") == "Basic " + base64(her_word) ? alice_id : bob_id;
                     strangers += ::geteuid() == asks ? 0 : 1;
                     return request.target == "/slow";
                   }});
              HttpClient slow(here.port);
              slow.say(get("/slow", her_word) + get("/next", his_word));
              HttpClient quick(here.port);
              for (int i = 0; i < 20; ++i) must(quick.ask(get("/", his_word)).body == his, "quick");
              go.set_value();
              must(slow.hear().body == hers, "slow");
              must(slow.hear().body == his, "what came after it");
              must_equal(strangers.load(), 0, "asked whether it is slow as somebody else");
              must_all_be_the_service();
            }),
            "");
}

TEST(An_HTTP_server, that_is_stopped_finishes_what_has_begun_and_waits_for_so_long) {
  EXPECT_EQ(at_home([] {
              std::promise<void> go;
              std::shared_future<void> gone = go.get_future().share();
              const auto slow = [](const Request& request) { return request.target != "/"; };
              std::atomic<int> begun{0};
              ByPassword here(
                  [&, gone](const Request& request) {
                    if (request.target == "/slow") {
                      ++begun;
                      gone.wait();
                    }
                    return who(request);
                  },
                  {.slow = slow});
              HttpClient idle(here.port);
              must_equal(idle.ask(get("/", her_word)).status, 200, "idle");
              HttpClient busy(here.port);
              busy.say(get("/slow", her_word));
              while (begun == 0) std::this_thread::sleep_for(1ms);
              std::future<bool> stopped = std::async(std::launch::async, [&] { return here.server->stop(10s); });
              must(idle.is_over(), "idle is over");
              go.set_value();
              const HttpAnswer last = busy.hear();
              must(last.body == hers, "the last");
              must(last.head.find("Connection: close") != std::string::npos, "says so");
              must(busy.is_over(), "busy is over");
              must(stopped.get(), "all came to their ends");
              must_equal(here.server->counts().open, std::size_t{0}, "open");

              ByPassword stuck(who);
              HttpClient half(stuck.port);
              half.say("GET / HTTP/1.1\r\n");
              std::this_thread::sleep_for(100ms);
              must(!stuck.server->stop(50ms), "half a request");
              must(half.is_over(), "cut");
            }),
            "");
}

TEST(An_HTTP_server, sends_a_file_from_where_it_is_told_and_no_body_to_who_asks_for_the_head) {
  EXPECT_EQ(at_home([] {
              std::ofstream("/home/alice/f") << std::string(1'000'000, 'a') << "the end";
              ByPassword here([](const Request&) {
                Response response;
                response.file = Descriptor(::open("/home/alice/f", O_RDONLY | O_CLOEXEC));
                response.offset = 999'999;
                response.length = 8;
                return response;
              });
              HttpClient client(here.port);
              must(client.ask(get("/", her_word)).body == "athe end", "part");
              client.expects_no_bodies();
              const HttpAnswer head =
                  client.ask("HEAD / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic " + base64(her_word) + "\r\n\r\n");
              must(head.head.find("Content-Length: 8") != std::string::npos, "length");
              must_equal(client.ask("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").status, 401, "the next is whole");
            }),
            "");
}

TEST(An_HTTP_server, gives_a_client_that_does_not_read_its_time_and_serves_others_meanwhile) {
  EXPECT_EQ(at_home([] {
              ByPassword here(
                  [](const Request& request) -> Response {
                    // NOLINTNEXTLINE(bugprone-string-constructor): so large
                    if (request.target == "/large") return {.body = std::string(20'000'000, 'x')};
                    return who(request);
                  },
                  {.threads = 1, .write_time = 2s});
              HttpClient deaf(here.port);
              deaf.say(get("/large", her_word));
              HttpClient other(here.port);
              for (int i = 0; i < 10; ++i) must(other.ask(get("/", his_word)).body == his, "other");
              for (int tries = 0; here.server->counts().open != 1; ++tries) {
                must(tries < 1000, "it is waited for without end");
                std::this_thread::sleep_for(10ms);
              }
              HttpClient reader(here.port);
              must_equal(reader.ask(get("/large", her_word)).body.size(), std::size_t{20'000'000}, "whole");
            }),
            "");
}

TEST(An_HTTP_server, mixes_up_nobody_among_many_users_on_many_connections) {
  EXPECT_EQ(at_home([] {
              // 50 users, without accounts: an authenticator of the caller's own.
              Descriptor listener = http::listen_loopback(0);
              const std::uint16_t port = http::port_of(listener);
              std::atomic<int> strangers{0};
              http::Server server(
                  std::move(listener),
                  [](const Request& request, const http::Client&) -> Answer {
                    const auto number = static_cast<uid_t>(std::stoul(std::string(*request.field("Authorization"))));
                    return {.user = Token::from_ids(number, number, {number, number + 100}),
                            .holds = Answer::Holds::credential};
                  },
                  [&](const Request& request) -> Response {
                    const std::string number(*request.field("Authorization"));
                    if (number != std::to_string(::geteuid()) || number != std::to_string(::getegid())) ++strangers;
                    return {.body = std::to_string(::geteuid())};
                  },
                  {.threads = 4,
                   .remembers = 20ms,
                   .slow = [](const Request& request) { return request.target == "/slow"; },
                   .slow_threads = 3});
              std::atomic<int> wrong{0};
              std::vector<std::thread> clients;
              for (unsigned i = 0; i < 16; ++i) {
                clients.emplace_back([&, i] {
                  std::optional<HttpClient> client;
                  for (unsigned j = 0; j < 120; ++j) {
                    if (j % 40 == 0) client.emplace(port);
                    std::string batch;
                    for (unsigned k = 0; k < 3; ++k) {
                      const unsigned user = 5000 + (i * 7 + j * 3 + k) % 50;
                      batch +=
                          get((j + k) % 5 == 0 ? "/slow" : "/", "", "Authorization: " + std::to_string(user) + "\r\n");
                    }
                    client->say(batch);
                    for (unsigned k = 0; k < 3; ++k) {
                      if (client->hear().body != std::to_string(5000 + (i * 7 + j * 3 + k) % 50)) ++wrong;
                    }
                  }
                });
              }
              for (std::thread& each : clients) each.join();
              must_equal(wrong.load(), 0, "wrong answers");
              must_equal(strangers.load(), 0, "handlers that were somebody else");
              must_equal(server.counts().requests, std::uint64_t{16 * 120 * 3}, "requests");
              must_all_be_the_service();
            }),
            "");
}

TEST(An_HTTP_server, brings_the_connections_of_a_user_together_on_a_thread_and_loses_nothing_on_the_way) {
  EXPECT_EQ(at_home([] {
              ByPassword here(
                  [](const Request& request) -> Response {
                    return {.body = who(request).body + " " + std::to_string(::gettid())};
                  },
                  {.threads = 2});
              std::vector<std::unique_ptr<HttpClient>> clients;
              for (int i = 0; i < 8; ++i) {
                clients.push_back(std::make_unique<HttpClient>(here.port));
                (void)clients.back()->ask(get("/", her_word));
              }
              std::map<std::string, std::string> threads;  // of each user, where there is one
              for (int round = 0; round < 200; ++round) {
                threads.clear();
                for (std::size_t i = 0; i < clients.size(); ++i) {
                  const std::string& word = i % 4 < 2 ? her_word : his_word;
                  const std::string wanted = i % 4 < 2 ? hers : his;
                  clients[i]->say(get("/", word) + get("/", word));
                  for (int two = 0; two < 2; ++two) {
                    const std::string body = clients[i]->hear().body;
                    must(body.rfind(wanted, 0) == 0, "round " + std::to_string(round) + ": " + body);
                    const std::string thread = body.substr(wanted.size());
                    const auto [at, is_new] = threads.emplace(wanted, thread);
                    if (!is_new && at->second != thread) at->second = "several";
                  }
                }
              }
              must(threads[hers] != "several" && threads[his] != "several", "they are not together");
              must(threads[hers] != threads[his], "all are on one thread");
              must(here.server->stop(10s), "stopped");
              must_equal(here.server->counts().open, std::size_t{0}, "open");
              must_equal(here.server->counts().requests, std::uint64_t{8 + 200 * 8 * 2}, "requests");
            }),
            "");
}

TEST(An_HTTP_server, lets_no_user_wait_for_all_that_another_asks) {
  EXPECT_EQ(at_home([] {
              std::atomic<int> of_alice{0};
              ByPassword here(
                  [&](const Request& request) {
                    if (::geteuid() == alice_id) ++of_alice;
                    return who(request);
                  },
                  {.threads = 1});
              constexpr int many = 4000;
              std::string flood;
              for (int i = 0; i < many; ++i) flood += get("/", her_word);
              HttpClient alice(here.port);
              HttpClient bob(here.port);
              must(alice.ask(get("/", her_word)).body == hers, "alice");
              must(bob.ask(get("/", his_word)).body == his, "bob");
              std::thread sender([&] { alice.say(flood); });
              std::thread reader([&] {
                for (int i = 0; i < many; ++i) (void)alice.hear();
              });
              while (of_alice < 10) std::this_thread::yield();
              must(bob.ask(get("/", his_word)).body == his, "bob, meanwhile");
              const int before_him = of_alice;
              sender.join();
              reader.join();
              must(before_him < many, "bob waited for all " + std::to_string(before_him) + " of hers");
            }),
            "");
}

// In what order one thread handles what comes while it is busy. A request of "/waits" takes until the next go_on().
struct InOrder {
  http::Handler handler() {
    return [this](const Request& request) {
      if (request.target == "/waits") {
        const int before = gone_on;
        ++waiting;
        while (gone_on == before) std::this_thread::yield();
      }
      order += std::string(request.target) + " ";
      return who(request);
    };
  }
  void must_wait() const {
    while (waiting == gone_on) std::this_thread::yield();
  }
  void go_on() { ++gone_on; }

  std::atomic<int> waiting{0};
  std::atomic<int> gone_on{0};
  std::string order;
};

TEST(An_HTTP_server, begins_among_new_connections_with_those_of_whom_its_thread_wore_last) {
  EXPECT_EQ(at_home([] {
              InOrder in;
              ByPassword here(in.handler(), {.threads = 1, .keeps = 10s});
              must(HttpClient(here.port).ask(get("/", her_word)).body == hers, "alice is known");
              HttpClient bob(here.port);
              bob.say(get("/waits", his_word));
              in.must_wait();
              HttpClient alice(here.port);
              alice.say(get("/hers", her_word));
              HttpClient another(here.port);
              another.say(get("/his", his_word));
              in.go_on();
              must(bob.hear().body == his && alice.hear().body == hers && another.hear().body == his,
                   "as who they are");
              must(in.order == "/ /waits /his /hers ", "in another order: " + in.order);
            }),
            "");
}

TEST(An_HTTP_server, handles_what_is_ready_before_it_accepts_more) {
  EXPECT_EQ(at_home([] {
              InOrder in;
              ByPassword here(in.handler(), {.threads = 1, .keeps = 10s});
              HttpClient alice(here.port);
              must(alice.ask(get("/", her_word)).body == hers, "alice is known");
              HttpClient bob(here.port);
              HttpClient bob_again(here.port);
              must(bob_again.ask(get("/", his_word)).body == his, "bob is known");
              bob.say(get("/waits", his_word));
              in.must_wait();
              alice.say(get("/hers", her_word));
              bob_again.say(get("/waits", his_word));
              in.go_on();
              in.must_wait();  // hers is ready, and waits while he is worn
              HttpClient another(here.port);
              another.say(get("/his", his_word));
              in.go_on();
              must(alice.hear().body == hers && another.hear().body == his, "as who they are");
              must(in.order == "/ / /waits /waits /hers /his ", "in another order: " + in.order);
            }),
            "");
}

// Whose next request is there whenever the one before is answered: alice's is sent while hers is handled. Each is as
// large as there is room for, so that nothing says that it is the last.
TEST(An_HTTP_server, accepts_who_comes_beside_somebody_who_asks_without_a_pause) {
  EXPECT_EQ(at_home([] {
              constexpr std::size_t room = 1024;
              std::string more = get("/more", her_word, "Fills: \r\n");
              more.insert(more.size() - 4, room - more.size(), 'x');
              std::optional<HttpClient> greedy;
              std::atomic<bool> goes_on{true};
              std::atomic<int> greedily{0};
              ByPassword here(
                  [&](const Request& request) -> Response {
                    if (request.target == "/more" && goes_on) {
                      ++greedily;
                      greedy->say(more);
                    }
                    return who(request);
                  },
                  {.threads = 1, .header_bytes = room});
              greedy.emplace(here.port);
              std::thread reads([&] {
                while (greedy->hear().status == 200) {
                }
              });
              greedy->say(more);
              while (greedily < 100) std::this_thread::yield();
              int served = 0;
              for (int i = 0; i < 2; ++i) served += HttpClient(here.port).ask(get("/", his_word)).body == his ? 1 : 0;
              // One that had no descriptor for who came listens again after a while.
              rlimit limit{};
              must(::getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
              std::future<bool> comes = std::async(std::launch::async, [&] {
                HttpClient bob(here.port, [&](int) {
                  const rlimit none{.rlim_cur = 3, .rlim_max = limit.rlim_max};
                  (void)::setrlimit(RLIMIT_NOFILE, &none);
                });
                return bob.ask(get("/", his_word)).body == his;
              });
              while (!here.lines.have("accept: ")) std::this_thread::sleep_for(1ms);
              (void)::setrlimit(RLIMIT_NOFILE, &limit);
              const bool is_served = comes.get();
              const bool still = goes_on.exchange(false);
              here.server->stop(1s);
              reads.join();
              must(still, "nobody was greedy");
              must(is_served, "who came when there were no descriptors waits for ever");
              must_equal(served, 2, "served beside");
            }),
            "");
}

// A client whose socket is used by others, too.
struct RawClient : HttpClient {
  using HttpClient::HttpClient;
  using HttpClient::socket;
};

// Where there is room for all of it, her file is no more than a piece before the next request's turn.
TEST(An_HTTP_server, sends_a_large_file_piece_by_piece_and_others_have_their_turn_between_them) {
  EXPECT_EQ(at_home([] {
              constexpr int large = 32 * 1024 * 1024;
              const auto gives_room = [](int socket) {
                for (const int buffer : {SO_SNDBUFFORCE, SO_RCVBUFFORCE}) {
                  const int room = 8 * large;
                  must(::setsockopt(socket, SOL_SOCKET, buffer, &room, sizeof room) == 0, "room");
                }
              };
              std::ofstream("/home/alice/large");
              must(::truncate("/home/alice/large", large) == 0, "a large file");
              InOrder in;
              std::optional<RawClient> first;
              std::atomic<int> sent_before{0};
              const auto handler = [&, others = in.handler()](const Request& request) -> Response {
                Response response = others(request);
                if (request.target == "/large") {
                  response.file = Descriptor(::open("/home/alice/large", O_RDONLY | O_CLOEXEC));
                  response.length = large;
                }
                int sent = 0;
                if (request.target == "/next") must(::ioctl(first->socket(), FIONREAD, &sent) == 0, "FIONREAD");
                sent_before += sent;
                return response;
              };
              Accounts accounts;
              Descriptor listener = http::listen_loopback(0);
              gives_room(listener.get());
              const std::uint16_t port = http::port_of(listener);
              http::Server server(std::move(listener), accounts.by_password(), handler, {.threads = 1});
              first.emplace(port, gives_room);
              HttpClient next(port);
              must(first->ask(get("/", her_word)).body == hers && next.ask(get("/", her_word)).body == hers, "alice");
              HttpClient before(port);
              before.say(get("/waits", her_word));
              in.must_wait();
              first->say(get("/large", her_word));
              next.say(get("/next", her_word));
              in.go_on();
              must(next.hear().body == hers, "the next");
              must_equal(first->hear().body.size(), std::size_t{large}, "the file");
              must(in.order == "/ / /waits /large /next ", "in another order: " + in.order);
              must(sent_before > 0 && sent_before < large / 2,
                   std::to_string(sent_before) + " bytes were sent before the next");
            }),
            "");
}

TEST(An_HTTP_server, takes_the_longest_time_that_can_be_said_for_one_that_never_ends) {
  EXPECT_EQ(at_home([] {
              constexpr auto for_ever = std::chrono::milliseconds::max();
              ByPassword here(who, {.threads = 1,
                                    .header_time = for_ever,
                                    .body_time = for_ever,
                                    .idle_time = for_ever,
                                    .write_time = for_ever,
                                    .remembers = for_ever,
                                    .keeps = for_ever});
              HttpClient alice(here.port);
              alice.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nAuthorization: Basic ");
              std::this_thread::sleep_for(60ms);
              alice.say(base64(her_word) + "\r\n\r\na");
              std::this_thread::sleep_for(60ms);
              alice.say("b");
              must(alice.hear().body == hers, "is given its time");
              std::this_thread::sleep_for(60ms);
              must(alice.ask(get("/", her_word)).body == hers, "and is kept");
              must_equal(here.accounts.asked.load(), 1, "questions");
              must_equal(here.server->counts().switches, std::uint64_t{1}, "switches");
              HttpClient last(here.port);
              last.say("GET / HTTP/1.1\r\n");
              std::this_thread::sleep_for(60ms);
              std::future<bool> stopped = std::async(std::launch::async, [&] { return here.server->stop(for_ever); });
              std::this_thread::sleep_for(60ms);
              last.say("Host: h\r\nAuthorization: Basic " + base64(his_word) + "\r\n\r\n");
              must(last.hear().body == his, "what has begun comes to its end");
              must(stopped.get(), "all did");
            }),
            "");
}

TEST(An_HTTP_server, names_nobody_in_its_log_for_a_request_that_named_nobody) {
  EXPECT_EQ(at_home([] {
              ByPassword here;
              HttpClient turns(here.port);
              must(turns.ask(get("/", her_word)).body == hers, "hers");
              must_equal(turns.ask("GET /evil HTTP/1.1\r\n\r\n").status, 400, "and what is nobody's");
              must(here.lines.have("refused 400 GET /evil"), "is in the log");
              must(!here.lines.have("alice"), "as alice's");
            }),
            "");
}

// The end of the connection comes with the answer; what the client has sent beyond its request resets it after that.
TEST(An_HTTP_server, loses_no_answer_where_the_client_has_sent_more_than_is_read) {
  EXPECT_EQ(at_home([] {
              InOrder in;
              ByPassword here(in.handler(), {.threads = 1});
              for (int i = 0; i < 20; ++i) {
                HttpClient alice(here.port);
                alice.say(get("/waits", her_word, "Connection: close\r\n"));
                in.must_wait();
                alice.say("what nobody reads");
                in.go_on();
                must(alice.hear().body == hers, "the answer");
                must_equal(alice.hear().status, 0, "then the end");
              }
            }),
            "");
}

TEST(An_HTTP_server, ends_a_connection_in_the_packet_of_its_last_answer) {
  EXPECT_EQ(at_home([] {
              ByPassword here;
              for (int i = 0; i < 10; ++i) {
                HttpClient keeps(here.port);
                must(keeps.ask(get("/", her_word)).body == hers, "answered");
                const unsigned without_end = keeps.packets_heard();
                HttpClient closes(here.port);
                must(closes.ask(get("/", her_word, "Connection: close\r\n")).body == hers, "answered");
                must_equal(closes.hear().status, 0, "then the end");
                must_equal(closes.packets_heard(), without_end, "packets");
              }
            }),
            "");
}

TEST(An_HTTP_server, whose_handler_leaves_its_thread_as_somebody_else_ends_the_process) {
  const ChildEnd end = in_child([] {
    const Household household;
    start(ServiceKind::root);
    on_thread([] {
      ByPassword here([](const Request&) -> Response {
        (void)!::syscall(SYS_setresuid, -1, 0, -1);
        return {};
      });
      (void)HttpClient(here.port).ask(get("/", her_word));
      std::fputs("was answered", stderr);
    });
  });
  EXPECT_FALSE(end.exited && end.status == 0);
  EXPECT_EQ(end.said.find("was answered"), std::string::npos) << "before it was known who the thread is";
  EXPECT_NE(end.said.find("a handler did not give its thread back"), std::string::npos) << end.said;
}

// By what only all that the kernel keeps tells, which is asked for before the thread is anybody else.
TEST(An_HTTP_server, whose_handler_leaves_the_real_uid_another_ends_before_anybody_else_is_served) {
  const ChildEnd end = in_child([] {
    const Household household;
    start(ServiceKind::root);
    on_thread([] {
      ByPassword here(
          [](const Request&) -> Response {
            if (::syscall(SYS_geteuid) == bob_id) std::fputs("bob was served", stderr);
            (void)!::syscall(SYS_setresuid, 0, -1, -1);
            return {};
          },
          {.threads = 1, .keeps = 10s});
      HttpClient alice(here.port);
      HttpClient bob(here.port);
      alice.say(get("/", her_word));
      (void)alice.hear();
      (void)bob.ask(get("/", his_word));
    });
  });
  EXPECT_FALSE(end.exited && end.status == 0);
  EXPECT_EQ(end.said.find("bob was served"), std::string::npos) << end.said;
  EXPECT_NE(end.said.find("a handler did not give its thread back"), std::string::npos) << end.said;
}

TEST(A_listening_socket, is_not_made_where_somebody_listens_or_a_file_is_and_replaces_one_that_was_left) {
  EXPECT_EQ(at_home([] {
              std::optional<Descriptor> first = http::listen_unix(path, 0600);
              struct stat found {};
              must(::stat(path, &found) == 0 && (found.st_mode & 0777) == 0600, "mode");
              must_refuse(Error::Reason::busy, [] { (void)http::listen_unix(path); });
              first.reset();
              (void)http::listen_unix(path);
              std::ofstream("/home/file") << "precious";
              EXPECT_ANY_THROW((void)http::listen_unix("/home/file"));
              must(std::filesystem::file_size("/home/file") == 8, "the file is there still");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
