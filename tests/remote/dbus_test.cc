// D-Bus on a private daemon: whom it sees, and whom a server is told.
#include "behalf/dbus.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "behalf/access_allowed.h"
#include "behalf/impersonation.h"
#include "behalf/thread.h"
#include "children/household.h"
#include "cursed.h"
#include "engines.h"
#include "refused.h"
#include "service_threads.h"

namespace behalf::testing {
namespace {

constexpr const char* clerk = "org.behalf.Clerk";
constexpr const char* desk = "/org/behalf/Desk";
constexpr const char* bus_itself = "org.freedesktop.DBus";
constexpr const char* bus_path = "/org/freedesktop/DBus";
constexpr uid_t daemon_id = account_id;  // a daemon wants an account of its own
const std::vector<const char*> daemons = {"/usr/bin/dbus-daemon"};

// A bus of one's own on which everybody may talk to everybody.
class Bus {
 public:
  Bus() {
    must(::mkdir("/home/bus", 0755) == 0 && ::chown("/home/bus", daemon_id, daemon_id) == 0, "mkdir");
    std::ofstream("/home/bus/conf") << "<busconfig><type>system</type><listen>unix:path=/home/bus/socket</listen>"
                                       "<auth>EXTERNAL</auth><policy context='default'><allow user='*'/>"
                                       "<allow own='*'/><allow send_destination='*'/><allow receive_sender='*'/>"
                                       "</policy></busconfig>\n";
    restart();
  }
  void restart() {
    engine_.reset();
    ::unlink("/home/bus/socket");
    engine_.emplace(std::vector<std::string>{*find_program(daemons), "--config-file=/home/bus/conf", "--nofork",
                                             "--nopidfile", "--nosyslog"},
                    daemon_id, daemon_id, [] { return accepts("/home/bus/socket"); });
  }
  static constexpr const char* address = "unix:path=/home/bus/socket";

 private:
  std::optional<Engine> engine_;
};

std::string words(const std::optional<Token>& who) {
  if (!who) return "nobody";
  std::string all = std::to_string(who->uid()) + ":" + std::to_string(who->gid()) + "(";
  for (const gid_t group : who->groups()) all += std::to_string(group) + " ";
  return all + ") " + who->name();
}

// A server: who asks, who the handler is, and who it is on the caller's behalf.
class Clerk {
 public:
  explicit Clerk(const DBusCallersOptions& options = {})
      : connection_(sdbus::createSessionBusConnectionWithAddress(Bus::address)),
        callers_(*connection_, options),
        object_(sdbus::createObject(*connection_, desk)) {
    object_->registerMethod("WhoAsks").onInterface(clerk).implementedAs(
        callers_.handler(*object_, [] { return words(CallContext::current().client()); }));
    object_->registerMethod("WhoWorks")
        .onInterface(clerk)
        .implementedAs(callers_.handler(*object_, [](const std::string& greeting) {
          std::string told = greeting + " " + std::to_string(::geteuid());
          {
            const Impersonation as = CallContext::current().impersonate_client();
            told += " " + std::to_string(::geteuid());
          }
          return told + " " + std::to_string(::geteuid());
        }));
    object_->registerMethod("MayRead").onInterface(clerk).implementedAs(callers_.handler(
        *object_,
        [](const std::string& path) { return access_allowed(path, R_OK | X_OK, *CallContext::current().client()); }));
    // As in a method of an adaptor that sdbus-c++-xml2cpp made, which registers its methods itself.
    object_->registerMethod("OfAdaptor").onInterface(clerk).implementedAs([this] {
      const Sender sender = callers_.sender(*object_->getCurrentlyProcessedMessage());
      const Impersonation as = sender.impersonate();
      return std::to_string(::geteuid());
    });
    // An answer that comes later, from another thread.
    object_->registerMethod("Later").onInterface(clerk).implementedAs(
        callers_.handler(*object_, [this](sdbus::Result<std::string>&& result) {
          const CallContext call = CallContext::current();
          later_.emplace_back([call, result = std::move(result)]() mutable {
            const CallContext::Scope handling(call);
            const Impersonation as = CallContext::current().impersonate_client();
            result.returnResults(std::to_string(::geteuid()));
          });
        }));
    object_->finishRegistration();
    connection_->requestName(clerk);
    connection_->enterEventLoopAsync();
  }
  ~Clerk() {
    connection_->leaveEventLoop();
    for (std::thread& one : later_) one.join();
  }
  Clerk(const Clerk&) = delete;
  Clerk& operator=(const Clerk&) = delete;

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  DBusCallers callers_;
  std::unique_ptr<sdbus::IObject> object_;
  std::vector<std::thread> later_;
};

std::string ask(DBusProxy& proxy, const char* method) {
  std::string told;
  proxy->callMethod(method).onInterface(clerk).storeResultsTo(told);
  return told;
}

std::string with_bus(const std::function<void(Bus&, const Token& alice, const Token& bob)>& body) {
  return in_own_process([&] {
    const Household household;
    Bus bus;
    start(ServiceKind::root);
    on_thread([&] {
      try {
        body(bus, Token::for_user("alice"), Token::for_user("bob"));
      } catch (const sdbus::Error& error) {
        throw std::runtime_error(error.getName() + ": " + error.getMessage());
      }
    });
  });
}

class On_a_bus : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!find_program(daemons)) GTEST_SKIP() << "no dbus-daemon on this machine";
  }
};

TEST_F(On_a_bus, a_call_is_known_to_be_its_caller_s_with_all_groups) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              for (int round = 0; round < 2; ++round) {
                for (const Token& who : {her, him}) {
                  const Impersonation as{who};
                  const std::string told = ask(proxy, "WhoAsks");
                  must(told == words(who), told + " instead of " + words(who));
                }
              }
            }),
            "");
}

TEST_F(On_a_bus, a_handler_is_the_service_until_it_impersonates_and_is_it_again_afterwards) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token&) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              const Impersonation as{her};
              std::string told;
              proxy->callMethod("WhoWorks").onInterface(clerk).withArguments("hello").storeResultsTo(told);
              must(told == "hello 0 3001 0", told);
              must(ask(proxy, "OfAdaptor") == "3001", "of an adaptor");
            }),
            "");
}

TEST_F(On_a_bus, an_answer_that_comes_later_is_still_its_caller_s) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              for (const auto& [who, told] : {std::pair(her, "3001"), std::pair(him, "3002")}) {
                const Impersonation as{who};
                must(ask(proxy, "Later") == told, told);
              }
            }),
            "");
}

std::atomic<int> escalations = 0;

TEST_F(On_a_bus, what_the_server_grants_is_all_that_it_can_do) {
  EXPECT_EQ(
      with_bus([](Bus&, const Token& her, const Token&) {
        const Clerk server({.granted = Level::identification, .on_refused = [](const std::string& why) noexcept {
                              const auto says = [&](const char* words) { return why.find(words) != std::string::npos; };
                              escalations += says("from :1.") && says("alice") && says("identification") ? 1 : 100;
                            }});
        DBus bus(Bus::address);
        DBusProxy proxy(bus, clerk, desk);
        const Impersonation as{her};
        must(ask(proxy, "WhoAsks") == words(her), "is not known");
        for (const auto& [path, expected] : {std::pair("/home/alice", true), std::pair("/home/bob", false)}) {
          bool may = !expected;
          proxy->callMethod("MayRead").onInterface(clerk).withArguments(std::string(path)).storeResultsTo(may);
          must(may == expected, path);
        }
        std::string refusal;
        try {
          std::string told;
          proxy->callMethod("WhoWorks").onInterface(clerk).withArguments("hello").storeResultsTo(told);
        } catch (const sdbus::Error& error) {
          refusal = error.getName() + " " + error.getMessage();
        }
        must(refusal.find("Failed") != std::string::npos && refusal.find("level") != std::string::npos,
             "refusal: " + refusal);
        must_equal(escalations.load(), 1, "told");
      }),
      "");
}

std::atomic<int> refusals = 0;

TEST_F(On_a_bus, a_caller_who_may_not_be_impersonated_is_refused_and_named) {
  EXPECT_EQ(with_bus([](Bus&, const Token&, const Token&) {
              const Clerk server({.on_refused = [](const std::string& why) noexcept {
                refusals += why.find("uid 0") != std::string::npos ? 1 : 0;
              }});
              DBus bus(Bus::address);
              // The service itself, which is root.
              DBusProxy proxy(bus, clerk, desk, {.cloaking = Cloaking::none});
              std::string refusal;
              try {
                (void)ask(proxy, "WhoAsks");
              } catch (const sdbus::Error& error) {
                refusal = error.getName();
              }
              must(refusal == "org.freedesktop.DBus.Error.AccessDenied", "refusal: " + refusal);
              must_equal(refusals.load(), 1, "told");
            }),
            "");
}

TEST_F(On_a_bus, a_blanket_says_who_is_presented) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              {
                const Impersonation as{her};
                proxy.set_blanket({.cloaking = Cloaking::fixed});
              }
              const Impersonation as{him};
              must(ask(proxy, "WhoAsks") == words(her), "fixed");
              proxy.set_blanket({});
              must(ask(proxy, "WhoAsks") == words(him), "dynamic");
              must_refuse(Error::Reason::not_permitted,
                          [&] { proxy.set_blanket({.authentication = Authentication::call}); });
              // The server would act as him all the same.
              must_refuse(Error::Reason::not_permitted, [&] { proxy.set_blanket({.level = Level::identification}); });
              must_refuse(Error::Reason::not_permitted,
                          [&] { const DBusProxy other(bus, clerk, desk, {.level = Level::anonymous}); });
              must(ask(proxy, "WhoAsks") == words(him), "as before");
            }),
            "");
}

// What the bus tells when a name gets an owner, at the proxy of whoever is worn.
void upon_new_owner(DBusProxy& proxy, std::function<void()> told) {
  const std::shared_ptr<sdbus::IProxy> listener = proxy.get();
  listener->uponSignal("NameOwnerChanged")
      .onInterface(bus_itself)
      .call([told = std::move(told)](const std::string&, const std::string&, const std::string&) { told(); });
  listener->finishRegistration();
}

void must_come(const std::function<bool()>& there, const char* what) {
  for (int left = 500; !there() && left > 0; --left) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  must(there(), what);
}

// Has the uid of whoever destroys it told.
class Leaves {
 public:
  explicit Leaves(std::atomic<uid_t>& who) : who_(&who) {}
  Leaves(Leaves&& other) noexcept : who_(std::exchange(other.who_, nullptr)) {}
  Leaves(const Leaves& other) noexcept : who_(other.who_) {}
  Leaves& operator=(const Leaves&) = delete;
  ~Leaves() {
    if (who_ != nullptr) *who_ = ::geteuid();
  }

 private:
  std::atomic<uid_t>* who_;
};

TEST_F(On_a_bus, a_signal_is_handled_as_who_registered_for_it) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              DBus bus(Bus::address);
              DBusProxy proxy(bus, bus_itself, bus_path);
              DBusProxy of_service(bus, bus_itself, bus_path, {.cloaking = Cloaking::none});
              std::atomic<uid_t> hers = 1, his = 1;
              {
                const Impersonation as{her};
                upon_new_owner(proxy, [&] { hers = ::geteuid(); });
              }
              {
                const Impersonation as{him};
                upon_new_owner(of_service, [&] { his = ::geteuid(); });
              }
              const Clerk server;
              must_come([&] { return hers != 1 && his != 1; }, "signals");
              must_equal(hers.load(), alice_id, "who handles hers");
              must_equal(his.load(), bob_id, "who handles his, on the service's connection");
            }),
            "");
}

TEST_F(On_a_bus, an_answer_is_handled_as_who_asked_and_what_the_handler_has_ends_as_them) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token&) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              std::atomic<uid_t> handled = 1, ended = 1;
              std::atomic<bool> right = false;
              {
                const Impersonation as{her};
                // The captures of a lambda are copied by sdbus-c++ before they come to us, as her.
                proxy->callMethodAsync("WhoAsks").onInterface(clerk).uponReplyInvoke(
                    [&, leaves = Leaves(ended)](const sdbus::Error* error, const std::string& told) {
                      right = error == nullptr && told == words(her);
                      ended = 1;
                      handled = ::geteuid();
                    });
              }
              must_come([&] { return handled != 1 && ended != 1; }, "the answer");
              must(right, "the answer is another");
              must_equal(handled.load(), alice_id, "who handles");
              must_equal(ended.load(), alice_id, "who ends it");
            }),
            "");
}

TEST_F(On_a_bus, while_nothing_is_handled_no_thread_is_a_user) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              DBusProxy of_bus(bus, bus_itself, bus_path);
              std::atomic<int> handled = 0;
              for (const Token& who : {her, him}) {
                const Impersonation as{who};
                must(ask(proxy, "WhoAsks") == words(who), "WhoAsks");
                upon_new_owner(of_bus, [&] { ++handled; });
              }
              {
                DBus another(Bus::address);  // whose connection is a name with an owner
                DBusProxy somebody(another, clerk, desk, {.cloaking = Cloaking::none});
                (void)somebody.get();
              }
              must_come([&] { return handled >= 2; }, "signals");
              must_all_be_the_service();
            }),
            "");
}

TEST_F(On_a_bus, a_handler_may_call_and_a_slow_one_holds_up_nobody_else) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              std::atomic<bool> is_handling = false, may_end = false;
              std::string told;
              {
                const Impersonation as{her};
                proxy->callMethodAsync("WhoAsks").onInterface(clerk).uponReplyInvoke(
                    [&](const sdbus::Error*, const std::string&) {
                      is_handling = true;
                      must_come([&] { return may_end.load(); }, "the end");
                      told = ask(proxy, "WhoAsks");  // in the thread that would get the answer
                      is_handling = false;
                    });
              }
              must_come([&] { return is_handling.load(); }, "the answer");
              {
                const Impersonation as{him};
                must(ask(proxy, "WhoAsks") == words(him), "he is held up");
              }
              may_end = true;
              must_come([&] { return !is_handling; }, "the end of the handler");
              must(told == words(her), "in a handler: " + told);
            }),
            "");
}

std::size_t threads_now() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST_F(On_a_bus, no_more_connections_are_kept_than_were_said) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              DBus bus(Bus::address, {.identities_at_most = 1});
              DBusProxy proxy(bus, bus_itself, bus_path);
              const std::size_t before = threads_now();
              for (const Token& who : {her, him, her}) {
                const Impersonation as{who};
                (void)proxy.get();
              }
              // A thread that was joined is to be seen for a moment still.
              must_come([&] { return threads_now() == before + 1; }, "the end of all connections but one");
            }),
            "");
}

TEST_F(On_a_bus, a_connection_that_is_given_up_while_its_handler_calls_ends_all_the_same) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address, {.identities_at_most = 1});
              DBusProxy proxy(bus, clerk, desk);
              const std::size_t before = threads_now();
              std::atomic<bool> is_handling = false, may_end = false;
              std::atomic<uid_t> ended = 1;
              std::string told;
              {
                const Impersonation as{her};
                proxy->callMethodAsync("WhoAsks").onInterface(clerk).uponReplyInvoke(
                    [&, leaves = Leaves(ended)](const sdbus::Error*, const std::string&) {
                      const std::shared_ptr<sdbus::IProxy> hers = proxy.get();
                      is_handling = true;
                      must_come([&] { return may_end.load(); }, "the end");
                      hers->callMethod("WhoAsks").onInterface(clerk).storeResultsTo(told);
                    });
              }
              must_come([&] { return is_handling.load(); }, "the answer");
              {
                const Impersonation as{him};
                (void)proxy.get();
              }
              ended = 1;
              may_end = true;
              must_come([&] { return ended != 1; }, "the end of the handler");
              must_equal(ended.load(), alice_id, "who ends it");
              must(told == words(her), "in a handler: " + told);
              must_come([&] { return threads_now() == before + 1; }, "the end of the connection");
              must_all_be_the_service();
            }),
            "");
}

std::atomic<int> handlers_refused = 0;

TEST_F(On_a_bus, where_the_identity_cannot_be_taken_a_handler_is_not_run_and_that_is_told) {
  EXPECT_EQ(with_bus([](Bus&, const Token&, const Token&) {
              DBus bus(Bus::address, {.on_refused = [](const std::string& why) noexcept {
                         handlers_refused += why.find("cursed") != std::string::npos ? 1 : 0;
                       }});
              DBusProxy proxy(bus, bus_itself, bus_path, {.cloaking = Cloaking::none});
              std::atomic<int> handled = 0;
              {
                const Impersonation as{cursed()};
                upon_new_owner(proxy, [&] { ++handled; });
                proxy->callMethodAsync("GetId")
                    .onInterface(bus_itself)
                    .uponReplyInvoke([&](const sdbus::Error*, const std::string&) { ++handled; });
              }
              must_come([&] { return handled > 0; }, "the answer without the curse");
              handled = 0;
              put_curse();
              const Clerk server;
              must_come([] { return handlers_refused > 0; }, "the refusal");
              curse_is_on = false;
              must_equal(handled.load(), 0, "handled");
            }),
            "");
}

TEST_F(On_a_bus, a_proxy_does_not_hand_out_its_connection) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token&) {
              DBus bus(Bus::address);
              DBusProxy proxy(bus, bus_itself, bus_path);
              const Impersonation as{her};
              std::string refusal;
              try {
                (void)proxy->getConnection();
              } catch (const sdbus::Error& error) {
                refusal = error.getMessage();
              }
              must(refusal.find("would run as the service") != std::string::npos, "refusal: " + refusal);
            }),
            "");
}

TEST_F(On_a_bus, a_bus_that_comes_back_is_connected_to_anew_as_the_same_user) {
  EXPECT_EQ(with_bus([](Bus& daemon, const Token& her, const Token& him) {
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              {
                const Clerk server;
                const Impersonation as{her};
                must(ask(proxy, "WhoAsks") == words(her), "before");
              }
              daemon.restart();
              const Clerk server;
              for (const Token& who : {him, her}) {
                const Impersonation as{who};
                std::string told;
                // The loss is noticed when it is told of.
                for (int left = 100; told.empty() && left > 0; --left) {
                  try {
                    told = ask(proxy, "WhoAsks");
                  } catch (const sdbus::Error&) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(10));
                  }
                }
                must(told == words(who), told + " instead of " + words(who));
              }
            }),
            "");
}

TEST_F(On_a_bus, a_bus_that_is_not_there_is_said) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token&) {
              DBus bus("unix:path=/home/nowhere");
              DBusProxy proxy(bus, clerk, desk);
              const Impersonation as{her};
              must_refuse(Error::Reason::not_there, [&] { (void)proxy.get(); });
            }),
            "");
}

TEST_F(On_a_bus, many_at_once_cross_nobody) {
  EXPECT_EQ(with_bus([](Bus&, const Token& her, const Token& him) {
              const Clerk server;
              DBus bus(Bus::address);
              DBusProxy proxy(bus, clerk, desk);
              std::atomic<int> wrong = 0;
              {
                std::vector<behalf::thread> threads;
                for (int i = 0; i < 8; ++i) {
                  threads.emplace_back([&, i] {
                    for (int call = 0; call < 40; ++call) {
                      const Token& who = (i + call) % 2 == 0 ? her : him;
                      const Impersonation as{who};
                      if (ask(proxy, "WhoAsks") != words(who)) ++wrong;
                    }
                  });
                }
              }
              must_equal(wrong.load(), 0, "crossings");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
