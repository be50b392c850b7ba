#include <behalf/mail_socket.h>
#include <sys/socket.h>

#include <mutex>
#include <thread>

#include "messages/sender.h"
#include "queues/parts.h"
#include "row.h"

BEHALF_ROW(R"(
title:  a message to a process of the service's
works:  none
hop:    message
clock:  creator
wrong:  identity does not go with a message, whatever wears it where it is sent: the other process is the service, and
        answers with what the service may read
cure:   behalf::MailSender and behalf::MailReceiver: the kernel vouches for the sender of each message, and
        impersonate_sender() is the receiver's explicit act
source: unix(7) SCM_CREDENTIALS
)")

namespace {

int to_helper = -1;
std::mutex helper_in_use;  // one question, one answer
behalf::MailSender* mail;

int print(const std::string& answer) {
  std::printf("the helper reads the notes of%s\n", answer.c_str());
  return 0;
}

// Runs in a process of its own until the service has gone.
template <class Serve>
void start_helper(Serve serve) {
  if (fork() != 0) return;
  serve();
  _exit(0);
}

}  // namespace

extern "C" void before() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  start_helper([&] {
    close(ends[0]);
    for (char question = 0; recv(ends[1], &question, 1, 0) == 1;) {
      const std::string owners = behalf_row::owners_of_readable_notes();
      send(ends[1], owners.data(), owners.size(), MSG_NOSIGNAL);
    }
  });
  close(ends[1]);
  to_helper = ends[0];
}

extern "C" void before_cured() {
  auto ends = behalf::mail_socket_pair();
  start_helper([&] {
    ends.second = behalf::Descriptor();
    behalf::MailReceiver box(std::move(ends.first));
    const auto answer = [](const behalf::Message<std::string>& message) {
      std::string owners;
      behalf_row::as_sender(message, [&] { owners = behalf_row::owners_of_readable_notes(); });
      return owners;
    };
    // Not on the main thread, whose ids are what others see of the process.
    std::thread([&] {
      while (box.handle_one(answer)) {
      }
    }).join();
  });
  mail = new behalf::MailSender(std::move(ends.second));
}

extern "C" int operation() {
  const std::lock_guard lock(helper_in_use);
  char answer[64] = {};
  if (send(to_helper, "?", 1, MSG_NOSIGNAL) != 1 || recv(to_helper, answer, sizeof answer - 1, 0) <= 0) return errno;
  return print(answer);
}

extern "C" int cured() {
  return print(mail->send("?", behalf_row::all_that_there_is_to_grant()));
}
