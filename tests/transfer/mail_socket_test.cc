// MailSocket: what comes from another process is handled as the receiver, and its sender is whom the kernel vouches
// for.
#include "behalf/mail_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cstring>

#include "behalf/message_credentials.h"
#include "behalf/thread.h"
#include "cursed.h"
#include "own_accounts.h"
#include "refused.h"
#include "stand_in_service.h"
#include "witness.h"

namespace behalf::testing {
namespace {

const char* const passwd =
    "root:x:0:0:root:/root:/bin/sh\nalice:x:3001:3001:Alice:/home/alice:/bin/sh\nbob:x:3002:3002:Bob:/home/bob:/bin/"
    "sh\n"
    "daemon:x:1:1::/:/bin/false\n";
const char* const group = "root:x:0:\nalice:x:3001:\nbob:x:3002:\ndevs:x:3100:alice\nstaff:x:3200:bob\n";

void start_with_accounts() {
  own_accounts(passwd, group);
  start(ServiceKind::root);
}

// A process that is that user and nobody else; ends with 0 where the body does not throw.
template <class F>
pid_t user_process(uid_t uid, std::vector<gid_t> groups, F&& body) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  int status = 1;
  try {
    must(::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(uid, uid, uid) == 0 &&
             ::setresuid(uid, uid, uid) == 0,
         "become the user");
    body();
    status = 0;
  } catch (const std::exception& error) {
    (void)!::write(2, error.what(), std::strlen(error.what()));
  }
  ::_exit(status);
}

void must_end_well(pid_t pid) {
  int status = 0;
  must(::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the other process failed");
}

std::atomic<int> refusals{0};
std::string last_refusal;
void note_refusal(const std::string& why) noexcept {
  ++refusals;
  last_refusal = why;
}

TEST(Mail_from_another_process, is_handled_as_the_receiver_and_its_sender_is_the_kernels_word) {
  EXPECT_EQ(
      in_own_process([] {
        own_accounts(passwd, group);
        auto [in, out] = mail_socket_pair();
        const pid_t user = user_process(alice_id, {alice_id, devs}, [&out = out] {
          MailSender to(std::move(out));
          to.post("look at me");
          must(to.send("be me", Level::impersonation) == "done", "the answer");
          to.post("who am I", Level::anonymous);
          bool said = false;
          try {
            (void)to.send("fail");
          } catch (const Error& error) {
            said = error.reason() == Error::Reason::refused_by_receiver &&
                   std::string(error.what()).find("on purpose") != std::string::npos;
          }
          must(said, "what the handler threw");
        });
        out = Descriptor();
        start(ServiceKind::root);
        on_thread([&in = in] {
          MailReceiver box(Carried(bob()), std::move(in));
          must(box.handle_one([](Message<std::string>& message) {
            must_equal(uid_now(), bob_id, "handled as");
            must(*message == "look at me", "the text: " + *message);
            must(message.sender()->level() == Level::identification, "the level");
            must_equal(message.sender()->uid(), alice_id, "the sender");
            must(message.sender()->name() == "alice", "the name");
            must(message.sender()->groups() == std::vector<gid_t>{alice_id, devs}, "the groups");
            must(refused(Error::Reason::level_too_low, [&] { const auto as = message.impersonate_sender(); }), "worn");
          }),
               "the first");
          must(box.handle_one([](Message<std::string>& message) -> std::string {
            const Impersonation as = message.impersonate_sender();
            const std::string wrong = difference(alice());
            return wrong.empty() ? "done" : wrong;
          }),
               "the second");
          must(box.handle_one([](Message<std::string>& message) { must(!message.sender(), "anonymous"); }),
               "the third");
          must(box.handle_one([](Message<std::string>&) -> std::string { throw std::runtime_error("on purpose"); }),
               "the fourth");
          must(!box.handle_one([](Message<std::string>&) {}), "the sender is gone, and a message came");
          must_equal(uid_now(), uid_t{0}, "afterwards");
        });
        must_end_well(user);
      }),
      "");
}

// Who sends is the thread, not the process: a service's worker that wears a user sends as the user.
TEST(Mail_of_an_impersonating_thread, is_the_users_in_both_postures) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              MailReceiver box(std::move(in));
              MailSender to(std::move(out));
              for (const Token& token : {alice(), bob(), alice().with_posture(Posture::shielded)}) {
                on_thread([&] {
                  const Impersonation as{token};
                  to.post("from me", Level::impersonation);
                });
                on_thread([&] {
                  must(box.handle_one([&](Message<std::string>& message) {
                    must_equal(message.sender()->uid(), token.uid(), "the sender");
                    const Impersonation as = message.impersonate_sender();
                    must_equal(uid_now(), token.uid(), "worn");
                  }),
                       "none");
                });
              }
              to.post("from the service", Level::impersonation);
              on_thread([&] {
                must(box.handle_one([&](Message<std::string>& message) {
                  must(message.sender()->is_service() && message.sender()->level() == Level::identification,
                       "the service is to be looked at alone");
                }),
                     "none");
              });
            }),
            "");
}

// The kernel refuses the claim to be another (unix(7)); what it does not vouch for is refused here.
TEST(A_sender_that_lies, is_refused) {
  EXPECT_EQ(
      in_own_process([] {
        own_accounts(passwd, group);
        auto [in, out] = mail_socket_pair();
        const pid_t user = user_process(alice_id, {alice_id}, [&out = out] {
          const auto raw = [&](std::string bytes, std::optional<ucred> claim) {
            iovec part{bytes.data(), bytes.size()};
            alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> room{};
            msghdr message{};
            message.msg_iov = &part;
            message.msg_iovlen = 1;
            if (claim) {
              message.msg_control = room.data();
              message.msg_controllen = room.size();
              cmsghdr* header = CMSG_FIRSTHDR(&message);
              header->cmsg_level = SOL_SOCKET;
              header->cmsg_type = SCM_CREDENTIALS;
              header->cmsg_len = CMSG_LEN(sizeof(ucred));
              std::memcpy(CMSG_DATA(header), &*claim, sizeof *claim);
            }
            return ::sendmsg(out.get(), &message, 0) >= 0 ? 0 : errno;
          };
          const std::string head = std::string("bhm1") + '\2' + std::string(3, '\0');
          must_equal(raw(head + "as bob", ucred{::getpid(), bob_id, bob_id}), EPERM, "bob's uid");
          must_equal(raw(head + "as root", ucred{::getpid(), 0, 0}), EPERM, "root's uid");
          must_equal(raw(head + "in staff", ucred{::getpid(), alice_id, staff}), EPERM, "bob's group");
          must_equal(raw("", {}), 0, "nothing at all");
          must_equal(raw("no head", {}), 0, "no head");
          must_equal(raw(std::string("bhm1") + '\7' + std::string(3, '\0') + "level 7", {}), 0, "a level there is not");
          must_equal(raw(head + std::string(2000, 'x'), {}), 0, "too long");
          must_equal(raw(head + "as myself", {}), 0, "without a claim");
        });
        out = Descriptor();
        start(ServiceKind::root);
        on_thread([&in = in] {
          MailReceiver box(Carried(as_service), std::move(in), {.longest = 1000, .on_refused = note_refusal});
          int handled = 0;
          while (box.handle_one([&](Message<std::string>& message) {
            ++handled;
            must(*message == "as myself" && message.sender()->uid() == alice_id, "not alice as herself: " + *message);
          })) {
          }
          must_equal(handled, 1, "handled");
          must_equal(refusals.load(), 4, "refused");
          must(last_refusal.find("uid 3001") != std::string::npos, "does not name who sent it: " + last_refusal);
        });
        must_end_well(user);
      }),
      "");
}

TEST(A_sender_whom_nobody_knows, is_refused_and_told_and_whom_the_fences_refuse_is_only_identified) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(passwd, group);
              auto [in, out] = mail_socket_pair();
              const pid_t stranger = user_process(4711, {}, [&out = out] {
                MailSender to(std::move(out));
                must(refused(Error::Reason::refused_by_receiver, [&] { (void)to.send("hello", Level::impersonation); }),
                     "it was handled");
              });
              out = Descriptor();
              auto [in2, out2] = mail_socket_pair();
              const pid_t low = user_process(1, {}, [&out2 = out2] {
                MailSender to(std::move(out2));
                must(to.send("hello", Level::impersonation).empty(), "the answer");
              });
              out2 = Descriptor();
              start(ServiceKind::root);
              on_thread([&in = in, &in2 = in2] {
                refusals = 0;
                MailReceiver box(Carried(as_service), std::move(in), {.on_refused = note_refusal});
                must(!box.handle_one([](Message<std::string>&) {}), "a stranger's message was handled");
                must_equal(refusals.load(), 1, "refused");
                MailReceiver other(std::move(in2));
                must(other.handle_one([](Message<std::string>& message) {
                  must_equal(message.sender()->uid(), uid_t{1}, "the sender");
                  must(refused(Error::Reason::level_too_low, [&] { const auto as = message.impersonate_sender(); }),
                       "worn");
                }),
                     "none");
              });
              must_end_well(stranger);
              must_end_well(low);
            }),
            "");
}

const std::string head_of_mail = std::string("bhm1") + '\1' + std::string(3, '\0');

// With those descriptors.
void send_by_hand(int socket, std::string bytes, const std::array<int, 2>& descriptors) {
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof descriptors);
  must(::sendmsg(socket, &message, 0) >= 0, "sendmsg");
}

// Whoever sends a message chooses where its answer goes.
TEST(A_sender_that_sends_descriptors, neither_fills_the_receivers_table_nor_holds_it_up) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              std::array<int, 2> full{};
              must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, full.data()) == 0, "socketpair");
              while (::send(full[0], "x", 1, MSG_DONTWAIT) == 1) {
              }
              for (int round = 0; round < 10; ++round) {
                send_by_hand(out.get(), head_of_mail, full);
                send_by_hand(out.get(), "", full);
              }
              out = Descriptor();
              on_thread([&in = in] {
                const int before = ::dup(0);
                ::close(before);
                MailReceiver box(std::move(in));
                int handled = 0;
                while (box.handle_one([&](Message<std::string>&) -> std::string { return ++handled, "no room"; })) {
                }
                must_equal(handled, 10, "handled");
                const int after = ::dup(0);
                ::close(after);
                must_equal(after, before, "the next free descriptor");
              });
            }),
            "");
}

TEST(A_receiver_of_mail, may_take_messages_of_any_length) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              MailSender(std::move(out)).post("short", Level::anonymous);
              MailReceiver box(Carried(as_service), std::move(in), {.longest = SIZE_MAX, .on_refused = note_refusal});
              must(box.handle_one([](Message<std::string>& message) { must(*message == "short", *message); }),
                   last_refusal);
            }),
            "");
}

// A piece of it would be taken for all.
TEST(An_answer, that_is_longer_than_a_sender_takes_is_refused) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              MailSender to(std::move(out));
              std::thread receiver([&in = in] {
                char bytes[64];
                iovec part{bytes, sizeof bytes};
                alignas(cmsghdr) std::array<char, 128> room{};
                msghdr message{};
                message.msg_iov = &part;
                message.msg_iovlen = 1;
                message.msg_control = room.data();
                message.msg_controllen = room.size();
                if (::recvmsg(in.get(), &message, 0) <= 0) return;
                for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
                  if (item->cmsg_type != SCM_RIGHTS) continue;
                  int fd = -1;
                  std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
                  const Descriptor answer(fd);
                  const int size = 1 << 20;
                  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
                  const std::string all = '+' + std::string(300 * 1024, 'x');
                  (void)!::send(fd, all.data(), all.size(), 0);
                }
              });
              std::size_t size = 0;
              const bool was_refused = refused(Error::Reason::out_of_resources, [&] { size = to.send("all").size(); });
              receiver.join();
              must(was_refused, std::to_string(size) + " bytes came");
            }),
            "");
}

// There the kernel would say that the receiver sends, and a service that asks it would do what the sender may not.
TEST(A_sender_that_leads_the_answer_to_somebody_else, is_refused_and_nothing_goes_there) {
  EXPECT_EQ(in_own_process([] {
              own_accounts(passwd, group);
              auto [in, out] = mail_socket_pair();
              sockaddr_un address{AF_UNIX, "\0bystander"};
              const auto* const name = reinterpret_cast<const sockaddr*>(&address);
              const Descriptor bystander(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
              ask_for_credentials(bystander.get());
              must(::bind(bystander.get(), name, sizeof address) == 0 && ::listen(bystander.get(), 1) == 0, "listen");
              const pid_t user = user_process(alice_id, {alice_id}, [&, &out = out] {
                const Descriptor way(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
                must(::connect(way.get(), name, sizeof address) == 0, "connect");
                send_by_hand(out.get(), head_of_mail, {way.get(), way.get()});
                std::array<int, 2> pipe{};
                must(::pipe2(pipe.data(), O_CLOEXEC) == 0, "pipe");
                send_by_hand(out.get(), head_of_mail, pipe);
              });
              out = Descriptor();
              start(ServiceKind::root);
              on_thread([&in = in] {
                refusals = 0;
                MailReceiver box(Carried(bob()), std::move(in), {.on_refused = note_refusal});
                must(!box.handle_one([](Message<std::string>&) -> std::string { return "by bob"; }), "handled");
                must_equal(refusals.load(), 2, "refused");
                must(last_refusal.find("its answer would go") != std::string::npos, "why: " + last_refusal);
              });
              must_end_well(user);
              const Descriptor connection(::accept4(bystander.get(), nullptr, nullptr, SOCK_CLOEXEC));
              std::array<char, 64> came{};
              must_equal(::recv(connection.get(), came.data(), came.size(), MSG_DONTWAIT), ssize_t{0}, "what came");
            }),
            "");
}

TEST(A_sender_in_the_files_posture, is_told_that_no_answer_comes_to_it) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              MailReceiver box(std::move(in));
              MailSender to(std::move(out));
              on_thread([&] {
                const Impersonation as{alice().with_posture(posture_files)};
                must(refused(Error::Reason::not_permitted, [&] { (void)to.send("answer me"); }), "it was sent");
                to.post("look at me");
              });
              on_thread([&] {
                must(box.handle_one([](Message<std::string>& message) {
                  must(*message == "look at me" && message.sender()->uid() == alice_id, "another: " + *message);
                }),
                     "none");
              });
            }),
            "");
}

TEST(A_receiver_of_mail, stops_when_it_is_asked_to_and_leaves_what_it_cannot_be_worn_for) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              MailSender to(std::move(out));
              MailReceiver box(Carried(cursed()), std::move(in));
              {
                thread receiver(as_service, [&](const std::stop_token& stop) {
                  must(!box.handle_one(stop, [](Message<std::string>&) {}), "a message");
                });
              }
              to.post("stay");
              put_curse();
              on_thread([&] {
                must(refused(Error::Reason::out_of_resources, [&] { box.handle_one([](Message<std::string>&) {}); }),
                     "handled");
                curse_is_on = false;
                must(box.handle_one([](Message<std::string>& message) { must(*message == "stay", "the message"); }),
                     "it is gone");
              });
            }),
            "");
}

TEST(A_receiver_that_ends, answers_who_waits) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              auto [in, out] = mail_socket_pair();
              MailSender to(std::move(out));
              std::optional<MailReceiver> box(std::in_place, std::move(in));
              std::atomic<bool> cancelled = false;
              thread sender(as_service,
                            [&] { cancelled = refused(Error::Reason::cancelled, [&] { (void)to.send("hello"); }); });
              pollfd ready{box->descriptor(), POLLIN, 0};
              must(::poll(&ready, 1, 5000) == 1, "nothing came");
              box.reset();
              sender.join();
              must(cancelled, "the sender was not told");
              must(refused(Error::Reason::cancelled, [&] { to.post("again"); }), "it was sent");
            }),
            "");
}

TEST(A_mail_socket, is_a_socket_of_which_the_kernel_vouches_for_each_message) {
  EXPECT_EQ(in_own_process([] {
              start_with_accounts();
              must(refused(Error::Reason::platform, [] { MailSender(Descriptor(::dup(0))); }), "standard input");
              must(
                  refused(Error::Reason::platform, [] { MailReceiver(Descriptor(::socket(AF_UNIX, SOCK_STREAM, 0))); }),
                  "a stream");
            }),
            "");
}

}  // namespace
}  // namespace behalf::testing
