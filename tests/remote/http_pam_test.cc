// Basic by PAM: the machine's own modules, with a service file and passwords of the test's.
#include "behalf/http_pam.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "children/household.h"
#include "http_client.h"
#include "refused.h"

namespace behalf::testing {
namespace {

// crypt(5) of "sesame:7".
constexpr const char* hash =
    "$6$behalf$UU2Jn6jm8KEEZEN/cg4m3HHPrwNC9/AcjP6.thC5FgucNhJvOxUAYNAzPz0tzwiqDz/X.MqFn/4cdEmkkBrD40";

void with_passwords() {
  std::ofstream("/home/shadow") << "alice:" << hash << ":19000:0:99999:7:::\nbob:" << hash << ":19000:0:99999:7::1:\n";
  must(::mount("/home/shadow", "/etc/shadow", nullptr, MS_BIND, nullptr) == 0, "mount over /etc/shadow");
  must(::mount("none", "/etc/pam.d", "tmpfs", 0, "mode=0755") == 0, "mount over /etc/pam.d");
  std::ofstream("/etc/pam.d/gateway") << "auth required pam_unix.so\naccount required pam_unix.so\n";
  std::ofstream("/etc/pam.d/broken") << "auth required pam_nowhere.so\n";
  std::ofstream("/etc/pam.d/other") << "auth required pam_deny.so\naccount required pam_deny.so\n";
}

TEST(The_checker_of_PAM, takes_a_right_password_of_an_account_that_may_be_used_and_no_other) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              with_passwords();
              start(ServiceKind::root);
              on_thread([] {
                const http::PasswordChecker check = http::pam_checker("gateway");
                const std::optional<Token> her = check("alice", "sesame:7");
                must(her.has_value() && *her == Token::for_user("alice"), "alice");
                must(!check("alice", "sesame").has_value(), "a wrong password");
                must(!check("alice", "").has_value(), "none");
                must(!check("nobody-here", "sesame:7").has_value(), "an unknown user");
                must(!check("", "sesame:7").has_value(), "no name");
                must(!check("bob", "sesame:7").has_value(), "an account that has expired");
                must(!http::pam_checker("unheard-of")("alice", "sesame:7").has_value(), "a service that is not there");
                must_refuse(Error::Reason::platform, [] { (void)http::pam_checker("broken")("alice", "sesame:7"); });
              });
            }),
            "");
}

TEST(The_checker_of_PAM, lets_many_in_at_once_by_the_server) {
  EXPECT_EQ(in_own_process([] {
              const Household household;
              with_passwords();
              start(ServiceKind::root);
              on_thread([] {
                Descriptor listener = http::listen_loopback(0);
                const std::uint16_t port = http::port_of(listener);
                http::Server server(
                    std::move(listener), http::basic(http::pam_checker("gateway"), "test"),
                    [](const http::Request&) -> http::Response { return {.body = std::to_string(::geteuid())}; },
                    {.refusal_takes = std::chrono::milliseconds(1)});
                std::vector<std::thread> clients;
                std::atomic<int> wrong{0};
                for (int i = 0; i < 8; ++i) {
                  clients.emplace_back([&, i] {
                    HttpClient client(port);
                    const bool right = i % 2 == 0;
                    for (int j = 0; j < 3; ++j) {
                      const HttpAnswer answer = client.ask(get("/", right ? "alice:sesame:7" : "alice:sesame:8"));
                      if (right ? answer.body != "3001" : answer.status != 401) ++wrong;
                    }
                  });
                }
                for (std::thread& each : clients) each.join();
                must_equal(wrong.load(), 0, "wrong");
              });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
