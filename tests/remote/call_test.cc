// Peers, blankets and the context of a call: who is at the other end, and whom a call presents.
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include "behalf/blanket.h"
#include "behalf/call_context.h"
#include "behalf/impersonation.h"
#include "behalf/peer.h"
#include "behalf/task.h"
#include "behalf/thread_pool.h"
#include "children/household.h"
#include "refused.h"

namespace behalf::testing {
namespace {

// In a process of its own that has alice and bob, on a thread of its service's.
std::string in_household(const std::function<void()>& body) {
  return in_own_process([&] {
    const Household household;
    start(ServiceKind::root);
    on_thread(body);
  });
}

// A listening socket that everybody may connect to.
class Listener {
 public:
  Listener() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sun_family = AF_UNIX;
    std::string("/home/listener").copy(address_.sun_path, sizeof address_.sun_path - 1);
    must(::bind(fd_.get(), where(), sizeof address_) == 0 && ::listen(fd_.get(), 8) == 0, "listen");
    must(::chmod(address_.sun_path, 0777) == 0, "chmod");
  }
  [[nodiscard]] const sockaddr* where() const { return reinterpret_cast<const sockaddr*>(&address_); }
  [[nodiscard]] Descriptor accept() const { return Descriptor(::accept(fd_.get(), nullptr, nullptr)); }
  [[nodiscard]] Descriptor connect() const {
    Descriptor end(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    must(::connect(end.get(), where(), sizeof address_) == 0, "connect");
    return end;
  }

 private:
  Descriptor fd_;
  sockaddr_un address_{};
};

TEST(A_peer, is_whoever_connected_with_all_groups_whatever_becomes_of_the_thread) {
  EXPECT_EQ(in_household([] {
              const Listener listener;
              const Token her = Token::for_user("alice");
              Descriptor end;
              {
                const Impersonation as{her};
                end = listener.connect();
              }
              const Impersonation other{Token::for_user("bob")};  // whoever the thread is by now
              const AsService self;
              const Peer peer = Peer::of(listener.accept().get());
              must(peer.token == her, "is not alice");
              must_equal(peer.token.groups().size(), std::size_t{2}, "groups");
              must(peer.token.home() == "/home/alice", "home");
              must_equal(peer.process, ::getpid(), "process");
            }),
            "");
}

TEST(A_peer, has_a_process_that_is_watched_by_a_handle_which_means_no_other) {
  EXPECT_EQ(in_household([] {
              const Listener listener;
              const pid_t child = ::fork();
              if (child == 0) {
                ::alarm(10);
                if (::setgroups(0, nullptr) == 0 && ::setresgid(alice_id, alice_id, alice_id) == 0 &&
                    ::setresuid(alice_id, alice_id, alice_id) == 0) {
                  const Descriptor end = listener.connect();
                  for (;;) ::pause();
                }
                ::_exit(1);
              }
              const Peer peer = Peer::of(listener.accept().get());
              must_equal(peer.token.uid(), alice_id, "uid");
              must_equal(peer.process, child, "process");
              must(static_cast<bool>(peer.handle), "has no handle");
              pollfd ended{peer.handle.get(), POLLIN, 0};
              must_equal(::poll(&ended, 1, 0), 0, "ended before its end");
              must(::kill(child, SIGKILL) == 0, "kill");
              must_equal(::poll(&ended, 1, 5000), 1, "its end is not seen");
              must(::waitpid(child, nullptr, 0) == child, "waitpid");
              // The number is free for another process now, the handle is not.
              must(::syscall(SYS_pidfd_send_signal, peer.handle.get(), 0, nullptr, 0) != 0 && errno == ESRCH, "handle");
            }),
            "");
}

TEST(A_peer, without_an_account_is_who_the_kernel_says_and_has_no_name) {
  EXPECT_EQ(in_household([] {
              const Listener listener;
              Descriptor end;
              {
                const Impersonation as{Token::from_ids(4711, 4712, {4712, 4713})};
                end = listener.connect();
              }
              const Token peer = Token::of_peer(listener.accept().get());
              must_equal(peer.uid(), uid_t{4711}, "uid");
              must(peer.groups() == std::vector<gid_t>({4712, 4713}), "groups");
              must(peer.name().empty(), "has a name");
            }),
            "");
}

TEST(A_peer, with_more_groups_than_most_is_known_with_all_of_them) {
  EXPECT_EQ(in_household([] {
              const Listener listener;
              std::vector<gid_t> groups;
              for (gid_t group = 5000; group < 5200; ++group) groups.push_back(group);
              Descriptor end;
              {
                const Impersonation as{Token::from_ids(4711, 5000, groups)};
                end = listener.connect();
              }
              must(Token::of_peer(listener.accept().get()).groups() == groups, "groups");
            }),
            "");
}

TEST(A_peer, that_shows_root_is_refused_and_so_is_what_is_no_connected_socket) {
  EXPECT_EQ(in_household([] {
              const Listener listener;
              Descriptor end;
              {
                // The service shows through: root's id with alice's groups.
                const Impersonation as{in_posture(Token::for_user("alice"), Posture::files)};
                end = listener.connect();
              }
              const Descriptor accepted = listener.accept();
              must_refuse(Error::Reason::refused_by_fence, [&] { (void)Token::of_peer(accepted.get()); });
              const Descriptor lone(::socket(AF_UNIX, SOCK_STREAM, 0));
              must_refuse(Error::Reason::platform, [&] { (void)Token::of_peer(lone.get()); });
              const Descriptor inet(::socket(AF_INET, SOCK_STREAM, 0));
              must_refuse(Error::Reason::platform, [&] { (void)Token::of_peer(inet.get()); });
              must_refuse(Error::Reason::platform, [&] { (void)Token::of_peer(-1); });
              const Impersonation as{Token::for_user("alice")};
              must_refuse(Error::Reason::inside_impersonation, [&] { (void)Token::of_peer(accepted.get()); });
            }),
            "");
}

TEST(A_blanket, presents_the_service_or_who_set_it_or_who_calls) {
  EXPECT_EQ(in_household([] {
              const Token her = Token::for_user("alice");
              const Impersonation as{her};
              const Cloak none({.cloaking = Cloaking::none});
              const Cloak fixed({.cloaking = Cloaking::fixed});
              const Cloak dynamic({.cloaking = Cloaking::dynamic});
              must(none.presented() == Carried(as_service), "none, as alice");
              must(fixed.presented() == Carried(her), "fixed, as alice");
              must(dynamic.presented() == Carried(her), "dynamic, as alice");
              const AsService self;
              must(none.presented() == Carried(as_service), "none, as the service");
              must(fixed.presented() == Carried(her), "fixed, as the service");
              must(dynamic.presented() == Carried(as_service), "dynamic, as the service");
            }),
            "");
}

TEST(A_blanket, presents_nobody_further_than_the_token_goes_and_promises_no_more_than_its_engine) {
  EXPECT_EQ(in_household([] {
              const Impersonation as{Token::for_user("alice")};
              must_refuse(Error::Reason::power_needed,
                          [] { (void)Cloak({.cloaking = Cloaking::fixed, .level = Level::delegation}); });
              const Cloak dynamic({.level = Level::delegation});
              must_refuse(Error::Reason::power_needed, [&] { (void)dynamic.presented(); });
              must_refuse(Error::Reason::not_permitted,
                          [] { (void)Cloak({.authentication = Authentication::call}, Authentication::connection); });
              must_refuse(Error::Reason::not_permitted, [] {
                (void)Cloak({.level = Level::identification}, Authentication::connection, Level::impersonation);
              });
            }),
            "");
}

TEST(A_call, is_known_to_the_thread_that_handles_it_and_to_no_other) {
  EXPECT_EQ(in_household([] {
              must_refuse(Error::Reason::not_there, [] { (void)CallContext::current(); });
              const Token her = Token::for_user("alice");
              const Token him = Token::for_user("bob");
              const CallContext::Scope outer(CallContext(Sender{her}));
              {
                // A call that came while the first was handled (a call-back), and ends before it.
                const CallContext::Scope inner(CallContext(Sender{him.with_level(Level::identification)}));
                must(CallContext::current().client()->uid() == bob_id, "inner");
                must_refuse(Error::Reason::level_too_low,
                            [] { const Impersonation as = CallContext::current().impersonate_client(); });
              }
              const CallContext call = CallContext::current();
              std::thread([&] {
                must_refuse(Error::Reason::not_there, [] { (void)CallContext::current(); });
                const CallContext::Scope later(call);
                const Impersonation as = CallContext::current().impersonate_client();
                must_equal(::geteuid(), alice_id, "later, on another thread");
                const AsService self = CallContext::revert_to_self();
                must_equal(::geteuid(), uid_t{0}, "reverted");
              }).join();
              must_equal(::geteuid(), uid_t{0}, "afterwards");
            }),
            "");
}

task<void> handles(ThreadPool& first, ThreadPool& second, const CallContext& call) {
  co_await schedule(first);
  const CallContext::Scope handling(call);
  co_await schedule(second);
  must(CallContext::current().client()->uid() == alice_id, "after the suspension");
  // The worker that it left handles other users' work.
  first.submit(Carried(as_service), [] { must_refuse(Error::Reason::not_there, [] { (void)CallContext::current(); }); })
      .get();
  {
    const CallContext::Scope inner(CallContext(Sender{Token::for_user("bob")}));
    co_await schedule(first);
    must(CallContext::current().client()->uid() == bob_id, "the inner one, elsewhere");
  }
  must(CallContext::current().client()->uid() == alice_id, "after the inner one");
}

// Left to the worker it would be the next user's, who would impersonate alice.
TEST(A_call, that_a_task_handles_is_the_coroutines_and_not_the_threads) {
  EXPECT_EQ(in_household([] {
              const CallContext call{Sender{Token::for_user("alice")}};
              ThreadPool first({.threads = 1});
              ThreadPool second({.threads = 1});
              behalf::start(first, handles(first, second, call).as(as_service)).get();
              for (ThreadPool* pool : {&first, &second}) {
                pool->submit([] { must_refuse(Error::Reason::not_there, [] { (void)CallContext::current(); }); }).get();
              }
            }),
            "");
}

TEST(A_call, of_a_client_that_stays_anonymous_has_none_to_impersonate) {
  EXPECT_EQ(in_household([] {
              const CallContext call{Sender()};
              must(!call.client().has_value(), "has a client");
              must_refuse(Error::Reason::level_too_low, [&] { const Impersonation as = call.impersonate_client(); });
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
