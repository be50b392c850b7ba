// Who sent a message: what the kernel vouches for, what it does not, and senders that lie.
#include "behalf/message_credentials.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>

#include "behalf/descriptor.h"
#include "behalf/impersonation.h"
#include "child.h"
#include "own_accounts.h"
#include "stand_in_service.h"

namespace behalf::testing {
namespace {

using Reason = Error::Reason;

constexpr const char* passwd =
    "root:x:0:0::/root:/bin/sh\nalice:x:3001:3001::/home/alice:/bin/sh\nbob:x:3002:3002::/home/bob:/bin/sh\n"
    "nobody:x:65534:65534::/:/bin/false\n";
constexpr const char* group =
    "root:x:0:\nalice:x:3001:\nbob:x:3002:\ndevs:x:3100:alice\nstaff:x:3200:bob\nnogroup:x:65534:\n";

void must_refuse(Reason reason, const std::string& words, const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    const std::string line = error.what();
    must(error.reason() == reason,
         "refused for another reason, " + std::string{to_string(error.reason())} + ": " + line);
    must(line.find(words) != std::string::npos, "the words \"" + words + "\" are missing in: " + line);
    must(line.find('\n') == std::string::npos, "more than a line: " + line);
    return;
  }
  must(false, "not refused: " + words);
}

struct Ends {
  Descriptor here, there;
};

// Of which this process is the maker, that is, root.
Ends pair(bool asks = true) {
  std::array<int, 2> ends{};
  must(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  if (asks) ask_for_credentials(ends[0]);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// A message of one byte, with control data.
struct Letter {
  char text = 'x';
  iovec part{&text, 1};
  alignas(cmsghdr) std::array<char, credentials_room> room{};
  msghdr message{};

  explicit Letter(std::size_t length = credentials_room) {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = length;
  }
};

int send_with(int socket, const std::optional<ucred>& claim) {
  Letter letter;
  if (claim) {
    cmsghdr* const header = CMSG_FIRSTHDR(&letter.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(ucred));
    std::memcpy(CMSG_DATA(header), &*claim, sizeof *claim);
  } else {
    letter.message.msg_control = nullptr;
    letter.message.msg_controllen = 0;
  }
  return ::sendmsg(socket, &letter.message, MSG_NOSIGNAL) >= 0 ? 0 : errno;
}

void send_attached(int socket) {
  Letter letter(0);
  attach_credentials(letter.message, letter.room.size());
  must(::sendmsg(socket, &letter.message, MSG_NOSIGNAL) == 1, std::string("sendmsg: ") + std::strerror(errno));
}

Token receive(int socket, std::size_t room = credentials_room) {
  Letter letter(room);
  letter.room.fill('\0');
  must(::recvmsg(socket, &letter.message, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
  return Token::of_message(socket, letter.message);
}

std::string words(const Token& token) {
  std::string all = std::to_string(token.uid()) + ":" + std::to_string(token.gid()) + "(";
  for (const gid_t one : token.groups()) all += std::to_string(one) + " ";
  return all + ")" + token.name();
}

void must_be(const Token& token, const std::string& wanted) {
  must(words(token) == wanted, words(token) + " instead of " + wanted);
}

// Another process, which is that user and nobody else; returns when it has ended well.
void as_process(uid_t uid, gid_t gid, const std::vector<gid_t>& groups, const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    try {
      must(::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(gid, gid, gid) == 0 &&
               ::setresuid(uid, uid, uid) == 0,
           "become the user");
      body();
    } catch (const std::exception& error) {
      (void)!::write(2, error.what(), std::strlen(error.what()));
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 1;
  must(::waitpid(pid, &status, 0) == pid && status == 0, "the other process failed");
}

std::string with_accounts(const std::function<void()>& body) {
  return in_own_process([&] {
    own_accounts(passwd, group);
    body();
  });
}

TEST(Who_sent_a_message, is_the_thread_that_attached_its_credentials_in_all_postures_of_ours) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              start(ServiceKind::root);
              on_thread([&] {
                const Token her = Token::for_user("alice");
                const Token him = Token::for_user("bob").with_posture(Posture::shielded);
                for (const Token& who : {her, him, her}) {
                  const Impersonation as{who};
                  send_attached(ends.there.get());
                }
                must_be(receive(ends.here.get()), "3001:3001(3001 3100 )alice");
                must_be(receive(ends.here.get()), "3002:3002(3002 3200 )bob");
                must(receive(ends.here.get()) == her, "not equal to her token by the account database");
              });
            }),
            "");
}

TEST(Who_sent_a_message, has_the_kernels_groups_on_a_connection_of_ones_own_and_the_accounts_on_anothers) {
  EXPECT_EQ(
      with_accounts([] {
        const Descriptor listening(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        const sockaddr_un address{AF_UNIX, "\0behalf-message-credentials-test"};
        must(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                 ::listen(listening.get(), 8) == 0,
             "listen");
        ask_for_credentials(listening.get());
        // Before anybody has accepted.
        as_process(alice_id, alice_id, {alice_id, 4711}, [&] {
          const Descriptor hers(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
          must(::connect(hers.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
          send_attached(hers.get());
          must_equal(send_with(hers.get(), {}), 0, "without");
        });
        as_process(0, 0, {}, [&] {
          const Descriptor root_s(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
          must(::connect(root_s.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
          as_process(alice_id, alice_id, {alice_id, 4711}, [&] { send_attached(root_s.get()); });
        });
        start(ServiceKind::root);
        const Descriptor first(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        must_be(receive(first.get()), "3001:3001(3001 4711 )alice");
        must_be(receive(first.get()), "3001:3001(3001 4711 )alice");
        const Descriptor second(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        must_be(receive(second.get()), "3001:3001(3001 3100 )alice");
      }),
      "");
}

TEST(A_sender_without_privilege, cannot_claim_to_be_another) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              as_process(alice_id, alice_id, {alice_id, devs}, [&] {
                const auto claim = [&](pid_t pid, uid_t uid, gid_t gid) {
                  return send_with(ends.there.get(), ucred{pid, uid, gid});
                };
                const pid_t own = ::getpid();
                must_equal(claim(own, bob_id, alice_id), EPERM, "bob's uid");
                must_equal(claim(own, 0, alice_id), EPERM, "root's uid");
                must_equal(claim(own, 65534, alice_id), EPERM, "nobody's uid");
                must_equal(claim(own, alice_id, staff), EPERM, "bob's group");
                must_equal(claim(own, alice_id, devs), EPERM, "a supplementary group of her own");
                must_equal(claim(::getppid(), alice_id, alice_id), EPERM, "another process");
                must(claim(own, static_cast<uid_t>(-1), alice_id) != 0, "-1");
                must(claim(own, alice_id, static_cast<gid_t>(-1)) != 0, "-1 as gid");
              });
              start(ServiceKind::root);
              Letter letter;
              must(::recvmsg(ends.here.get(), &letter.message, MSG_DONTWAIT) < 0, "something arrived");
            }),
            "");
}

// So unix(7) has it; whoever could do that could as well have become bob.
TEST(A_sender_with_privilege, is_whoever_it_names) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              must_equal(send_with(ends.there.get(), ucred{::getpid(), bob_id, bob_id}), 0, "bob");
              must_equal(send_with(ends.there.get(), ucred{::getpid(), 0, 0}), 0, "root");
              must_equal(send_with(ends.there.get(), ucred{::getpid(), alice_id, staff}), 0, "alice in bob's group");
              must_equal(send_with(ends.there.get(), ucred{::getpid(), 4711, 4711}), 0, "a stranger");
              start(ServiceKind::root);
              must_be(receive(ends.here.get()), "3002:3002(3002 3200 )bob");
              must_refuse(Reason::refused_by_fence, "uid 0", [&] { (void)receive(ends.here.get()); });
              must_refuse(Reason::incomplete_groups, "gid 3200", [&] { (void)receive(ends.here.get()); });
              must_refuse(Reason::unknown_user, "4711", [&] { (void)receive(ends.here.get()); });
            }),
            "");
}

TEST(A_message_without_credentials, is_of_nobody) {
  EXPECT_EQ(with_accounts([] {
              const Ends deaf = pair(false), late = pair(false), cut = pair();
              as_process(alice_id, alice_id, {alice_id}, [&] {
                must_equal(send_with(deaf.there.get(), {}), 0, "to who does not ask");
                must_equal(send_with(late.there.get(), {}), 0, "to who asks later");
                for (int i = 0; i < 3; ++i) send_attached(cut.there.get());
              });
              ask_for_credentials(late.here.get());
              start(ServiceKind::root);
              must_refuse(Reason::not_there, "descriptor " + std::to_string(deaf.here.get()) + ": no credentials",
                          [&] { (void)receive(deaf.here.get()); });
              must_refuse(Reason::not_there, "sent without credentials", [&] { (void)receive(late.here.get()); });
              // Not even the ids that have arrived are taken.
              for (const std::size_t room : {CMSG_LEN(sizeof(ucred)) - 1, CMSG_LEN(0) + 4, std::size_t{0}}) {
                must_refuse(Reason::not_there, "cut off", [&] { (void)receive(cut.here.get(), room); });
              }
            }),
            "");
}

// The kernel says the real ids, which are the spare account's in `shielded`, and root's in `effective`.
TEST(A_sender_that_does_not_say_who_it_is, is_its_real_ids_and_refused_where_they_are_not_the_users) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              start(ServiceKind::root);
              on_thread([&] {
                for (const Posture posture : {Posture::full, Posture::shielded, Posture::effective}) {
                  const Impersonation as{in_posture(Token::for_user("alice"), posture)};
                  must_equal(send_with(ends.there.get(), {}), 0, "send");
                }
                must_be(receive(ends.here.get()), "3001:3001(3001 3100 )alice");
                must_refuse(Reason::unknown_user, "uid 3009", [&] { (void)receive(ends.here.get()); });
                must_refuse(Reason::refused_by_fence, "uid 0", [&] { (void)receive(ends.here.get()); });
              });
            }),
            "");
}

TEST(A_sender_in_a_group_of_its_own, is_not_given_the_users_other_groups) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              as_process(alice_id, 4712, {alice_id}, [&] { send_attached(ends.there.get()); });
              as_process(alice_id, devs, {alice_id}, [&] { send_attached(ends.there.get()); });
              start(ServiceKind::root);
              must_refuse(Reason::incomplete_groups, "gid 4712", [&] { (void)receive(ends.here.get()); });
              must_be(receive(ends.here.get()), "3001:3100(3001 3100 )alice");
            }),
            "");
}

// A process that has the id of one that is gone.
void as_process_with_id(pid_t id, uid_t uid, const std::function<void()>& meanwhile) {
  std::array<int, 2> pipe{};
  must(::pipe(pipe.data()) == 0, "pipe");
  clone_args how{};
  how.exit_signal = SIGCHLD;
  how.set_tid = reinterpret_cast<std::uint64_t>(&id);
  how.set_tid_size = 1;
  const long pid = ::syscall(SYS_clone3, &how, sizeof how);
  if (pid == 0) {
    char end = 0;
    ::close(pipe[1]);
    if (::setresgid(uid, uid, uid) == 0 && ::setresuid(uid, uid, uid) == 0) (void)!::read(pipe[0], &end, 1);
    ::_exit(0);
  }
  must(pid == id, std::string("clone3: ") + std::strerror(errno));
  meanwhile();
  ::close(pipe[0]);
  ::close(pipe[1]);
  ::waitpid(id, nullptr, 0);
}

TEST(Who_sent_a_message, is_not_whoever_has_the_process_id_by_now) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              pid_t hers = 0;
              std::array<int, 2> pipe{};
              must(::pipe(pipe.data()) == 0, "pipe");
              as_process(alice_id, alice_id, {alice_id}, [&] {
                hers = ::getpid();
                must(::write(pipe[1], &hers, sizeof hers) == sizeof hers, "write");
                send_attached(ends.there.get());
              });
              must(::read(pipe[0], &hers, sizeof hers) == sizeof hers, "read");
              start(ServiceKind::root);
              as_process_with_id(hers, bob_id,
                                 [&] { must_be(receive(ends.here.get()), "3001:3001(3001 3100 )alice"); });
            }),
            "");
}

// Gives this process a user namespace of its own, in which bob has no id.
void leave_bob_behind() {
  std::array<int, 2> pipe{};
  must(::pipe(pipe.data()) == 0, "pipe");
  const pid_t self = ::getpid();
  const pid_t outside = ::fork();
  if (outside == 0) {
    char go = 0;
    if (::read(pipe[0], &go, 1) != 1) ::_exit(1);
    for (const char* map : {"uid_map", "gid_map"}) {
      std::ofstream file("/proc/" + std::to_string(self) + "/" + map);
      file << "0 0 3002\n3003 3003 7\n";
      if (!file.flush()) ::_exit(1);
    }
    ::_exit(0);
  }
  must(::unshare(CLONE_NEWUSER) == 0, "unshare");
  must(::write(pipe[1], "x", 1) == 1, "write");
  int status = 1;
  must(::waitpid(outside, &status, 0) == outside && status == 0, "the maps");
}

TEST(A_sender_without_an_id_in_the_receivers_user_namespace, is_not_nobody) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              const Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
              const sockaddr_un address{AF_UNIX, "\0behalf-message-credentials-test"};
              must(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::listen(listening.get(), 8) == 0,
                   "listen");
              for (const uid_t who : {bob_id, alice_id}) {
                as_process(who, who, {who}, [&] {
                  send_attached(ends.there.get());
                  const Descriptor own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
                  must(::connect(own.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
                       "connect");
                });
              }
              // Whose uid is mapped, and one of whose groups is not.
              as_process(alice_id, alice_id, {alice_id, bob_id}, [&] {
                const Descriptor own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
                must(::connect(own.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
              });
              leave_bob_behind();
              start(ServiceKind::root);
              must_refuse(Reason::invalid_id, "uid 65534", [&] { (void)receive(ends.here.get()); });
              (void)receive(ends.here.get());
              const auto peer = [&] {
                return Token::of_peer(Descriptor(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC)).get());
              };
              must_refuse(Reason::invalid_id, "uid 65534", [&] { (void)peer(); });
              must_equal(peer().uid(), alice_id, "the peer");
              must_refuse(Reason::invalid_id, "uid 3001", [&] { (void)peer(); });
            }),
            "");
}

// Where every id is mapped, that number is the account's.
TEST(Nobody, is_an_account_where_no_id_is_missing) {
  EXPECT_EQ(with_accounts([] {
              const Ends ends = pair();
              as_process(65534, 65534, {}, [&] { send_attached(ends.there.get()); });
              start(ServiceKind::root);
              must_be(receive(ends.here.get()), "65534:65534(65534 )nobody");
            }),
            "");
}

TEST(Credentials, are_refused_where_there_is_no_room_no_unix_socket_or_no_service_to_ask) {
  EXPECT_EQ(
      with_accounts([] {
        const Ends ends = pair();
        send_attached(ends.there.get());
        Letter letter(0);
        must_refuse(Reason::out_of_resources, "no room",
                    [&] { attach_credentials(letter.message, credentials_room - 1); });
        letter.message.msg_controllen = 8;
        must_refuse(Reason::out_of_resources, "no room", [&] { attach_credentials(letter.message, credentials_room); });
        must_refuse(Reason::platform, "descriptor -1", [] { ask_for_credentials(-1); });
        must_refuse(Reason::not_initialized, "", [&] { (void)receive(ends.here.get()); });
        send_attached(ends.there.get());
        start(ServiceKind::root);
        on_thread([&] {
          const Impersonation as{Token::for_user("alice")};
          must_refuse(Reason::inside_impersonation, "who sent a message", [&] { (void)receive(ends.here.get()); });
        });
      }),
      "");
}

}  // namespace
}  // namespace behalf::testing
