#include "behalf/mail_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstring>
#include <exception>

#include "behalf/error.h"
#include "behalf/message_credentials.h"
#include "identity/errors.h"
#include "identity/message_credentials.h"
#include "identity/peer.h"
#include "identity/service.h"

namespace behalf {

namespace {

using detail::error_words;

// What stands before the text of a message.
struct Head {
  std::array<char, 4> magic{'b', 'h', 'm', '1'};
  std::uint8_t granted = 0;
  std::array<std::uint8_t, 3> reserved{};
};
// What stands before the text of an answer.
constexpr char handled = '+';
constexpr char refused = '-';

constexpr std::size_t room_for_answer = 256 * 1024;

// Ancillary data: who sends, and where an answer goes.
struct alignas(cmsghdr) Ancillary {
  std::array<char, CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int))> bytes{};
};

template <class Call>
auto until_not_interrupted(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

void must_be_mail_socket(const Descriptor& end) {
  int type = 0;
  int domain = 0;
  socklen_t size = sizeof type;
  const bool asked = ::getsockopt(end.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
                     ::getsockopt(end.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0;
  if (asked && type == SOCK_SEQPACKET && domain == AF_UNIX) return;
  throw Error(Error::Reason::platform,
              "behalf: descriptor " + std::to_string(end.get()) +
                  " is no Unix socket of type SOCK_SEQPACKET, over which the kernel would say who sends each message. "
                  "Make one with behalf::mail_socket_pair()",
              asked ? 0 : errno);
}

std::pair<Descriptor, Descriptor> socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(Error::Reason::out_of_resources, "behalf: make a socket pair for mail: " + error_words(errno), errno);
  }
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

// Whom the kernel is to vouch for, and in words.
struct Self {
  uid_t uid;
  gid_t gid;
  std::string words;
};

// What may not be granted is refused here.
Self self_granting(Level grants) {
  if (detail::service() != nullptr) {
    const Token token = *Sender::of_thread(std::max(grants, Level::identification)).token();
    return {token.uid(), token.gid(), detail::describe(*token.data())};
  }
  // A process that impersonates nobody: a user's own program.
  if (grants <= Level::impersonation) return {::geteuid(), ::getegid(), "uid " + std::to_string(::geteuid())};
  throw Error(
      Error::Reason::power_needed,
      "behalf: send a message at level delegation: the process has not called behalf::initialize(), and holds no "
      "token of that level");
}

void send_message(int socket, std::string_view text, Level grants, const Descriptor* answer_to) {
  const Self self = self_granting(grants);
  const auto attempted = [&] {
    return "behalf: send a message of " + std::to_string(text.size()) + " bytes as " + self.words + ": ";
  };
  // The socket for it is then the service's, as the kernel has it, and the receiver would refuse the message.
  if (answer_to != nullptr && ::geteuid() != self.uid) {
    throw Error(Error::Reason::not_permitted,
                attempted() +
                    "no answer comes to a thread whose effective uid is another. Use the full or the shielded "
                    "posture, or post()");
  }
  Head head;
  head.granted = static_cast<std::uint8_t>(grants);
  std::array<iovec, 2> parts{{{&head, sizeof head}, {const_cast<char*>(text.data()), text.size()}}};
  Ancillary ancillary;
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = ancillary.bytes.data();
  detail::append_control(message, SCM_CREDENTIALS, ucred{::getpid(), self.uid, self.gid});
  if (answer_to != nullptr) detail::append_control(message, SCM_RIGHTS, answer_to->get());
  if (until_not_interrupted([&] { return ::sendmsg(socket, &message, MSG_NOSIGNAL); }) >= 0) return;
  const int error = errno;
  if (error == EPIPE || error == ECONNRESET) {
    throw Error(Error::Reason::cancelled, attempted() + "the receiver is gone", error);
  }
  if (error == EPERM) {
    throw Error(Error::Reason::not_permitted,
                attempted() + "the kernel does not accept that the thread has these ids (unix(7), SCM_CREDENTIALS)",
                error);
  }
  throw Error(Error::Reason::out_of_resources, attempted() + error_words(error), error);
}

struct Received {
  std::string text;
  Level granted = Level::anonymous;
  std::optional<ucred> from;
  Descriptor answer_to;
  std::string amiss;  // why it is not to be handled; empty where nothing is
};

// Every descriptor that came is taken or closed.
void read_ancillary(msghdr& message, Received& received) {
  received.from = detail::credentials_in(message);
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; at + sizeof(int) <= item->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + at, sizeof fd);
      Descriptor taken(fd);
      if (!received.answer_to) received.answer_to = std::move(taken);
    }
  }
}

// The next message; nothing where the sender is gone, or another thread was faster.
std::optional<Received> receive_message(int socket, std::size_t longest, bool& gone) {
  constexpr std::size_t longest_there_is = INT_MAX;  // a socket's buffer is no larger; pages are there once written to
  const std::size_t room = sizeof(Head) + std::min(longest, longest_there_is);
  const auto bytes = std::make_unique_for_overwrite<char[]>(room);
  iovec part{bytes.get(), room};
  Ancillary ancillary;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary.bytes.data();
  message.msg_controllen = ancillary.bytes.size();
  const ssize_t size =
      until_not_interrupted([&] { return ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
    if (errno != ECONNRESET) {
      throw Error(Error::Reason::out_of_resources, "behalf: receive a message: " + error_words(errno), errno);
    }
  }
  Received received;
  if (size >= 0) read_ancillary(message, received);
  // A message of no bytes is one all the same: the kernel says who sent it.
  if (size <= 0 && !received.from) {
    gone = true;
    return std::nullopt;
  }
  // Of an answer the kernel says that the receiver sends it: whoever else it reached could be made to believe it.
  const bool to_sender =
      !received.answer_to || (received.from && detail::is_peer(received.answer_to.get(), received.from->uid));
  if (!to_sender) received.answer_to = Descriptor();
  Head head;
  if (static_cast<std::size_t>(size) >= sizeof head) std::memcpy(&head, bytes.get(), sizeof head);
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    received.amiss = "it is longer than the " + std::to_string(longest) + " bytes that the receiver takes";
  } else if (static_cast<std::size_t>(size) < sizeof head || head.magic != Head{}.magic ||
             head.granted > static_cast<std::uint8_t>(Level::delegation)) {
    received.amiss = "it is no message of a behalf::MailSender";
  } else if (!received.from) {
    received.amiss = "the kernel does not say who sent it";
  } else if (!to_sender) {
    received.amiss = "its answer would go to somebody else than its sender. Pass one end of a socket pair of one's own";
  } else {
    received.granted = static_cast<Level>(head.granted);
    received.text.assign(bytes.get() + sizeof head, static_cast<std::size_t>(size) - sizeof head);
  }
  return received;
}

// Who sent it. Throws Error where that cannot be told.
Sender sender_of(int socket, const ucred& from, Level granted) {
  if (granted == Level::anonymous) return Sender();
  const AsService to_ask;
  const detail::Service& there = detail::service_for("receive a message");
  if (from.uid == there.own.uid.effective) return Sender(Token(there.token).with_level(Level::identification));
  std::optional<Token> token;
  try {
    token = Token(detail::sender_of(socket, from, false));
  } catch (const Error& error) {
    if (error.reason() != Error::Reason::refused_by_fence) throw;
    // Whom the fences keep from being impersonated may still say who it is.
    token = Token(detail::sender_of(socket, from, true));
    granted = Level::identification;
  }
  return Sender(granted > token->level() ? token->with_level(granted, raise_level) : token->with_level(granted));
}

void answer(const Descriptor& to, char how, std::string_view text) {
  if (!to) return;
  const auto put = [&](char first, std::string_view rest) {
    std::array<iovec, 2> parts{{{&first, 1}, {const_cast<char*>(rest.data()), rest.size()}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    // Whoever sent the message chose where the answer goes: it must not be able to hold the receiver up.
    return until_not_interrupted([&] { return ::sendmsg(to.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT); }) >= 0;
  };
  if (!put(how, text)) (void)put(refused, "the answer is too large for the socket, or could not be sent");
}

// A descriptor that becomes readable when the token asks to stop.
class StopSignal {
 public:
  explicit StopSignal(const std::stop_token& stop)
      : event_(stop.stop_possible() ? ::eventfd(0, EFD_CLOEXEC) : -1), callback_(stop, Tell{&event_}) {
    if (stop.stop_possible() && !event_) {
      throw Error(Error::Reason::out_of_resources, "behalf: receive messages: eventfd: " + error_words(errno), errno);
    }
  }
  [[nodiscard]] int descriptor() const noexcept { return event_.get(); }

 private:
  struct Tell {
    const Descriptor* event;
    void operator()() const noexcept {
      const std::uint64_t one = 1;
      if (*event) (void)!::write(event->get(), &one, sizeof one);
    }
  };
  Descriptor event_;
  std::stop_callback<Tell> callback_;
};

}  // namespace

std::pair<Descriptor, Descriptor> mail_socket_pair() {
  auto ends = socket_pair();
  ask_for_credentials(ends.first.get());
  ask_for_credentials(ends.second.get());
  return ends;
}

MailSender::MailSender(Descriptor end) : end_(std::move(end)) {
  must_be_mail_socket(end_);
}

void MailSender::post(std::string_view message, Level grants) {
  send_message(end_.get(), message, grants, nullptr);
}

std::string MailSender::send(std::string_view message, Level grants) {
  auto [ours, theirs] = socket_pair();
  send_message(end_.get(), message, grants, &theirs);
  theirs = Descriptor();  // so that the end of the receiver is seen
  const auto bytes = std::make_unique_for_overwrite<char[]>(room_for_answer);
  const int end = ours.get();
  const ssize_t size = until_not_interrupted([&] { return ::recv(end, bytes.get(), room_for_answer, MSG_TRUNC); });
  if (size <= 0) {
    throw Error(Error::Reason::cancelled, "behalf: send a message: the receiver is gone, and has not answered",
                size < 0 ? errno : 0);
  }
  if (static_cast<std::size_t>(size) > room_for_answer) {
    throw Error(Error::Reason::out_of_resources, "behalf: send a message: the answer of " + std::to_string(size - 1) +
                                                     " bytes is longer than the " +
                                                     std::to_string(room_for_answer - 1) + " that a sender takes");
  }
  std::string text(bytes.get() + 1, static_cast<std::size_t>(size) - 1);
  if (bytes[0] == handled) return text;
  throw Error(Error::Reason::refused_by_receiver, "behalf: send a message: the receiver says: " + text);
}

MailReceiver::MailReceiver(const Carried& owner, Descriptor end, const MailReceiverOptions& options)
    : owner_(owner), end_(std::move(end)), options_(options) {
  must_be_mail_socket(end_);
  ask_for_credentials(end_.get());
}

bool MailReceiver::receive(const std::stop_token& stop,
                           const std::function<std::string(Message<std::string>&)>& handle) {
  const StopSignal stopped(stop);
  for (;;) {
    std::array<pollfd, 2> waits{{{end_.get(), POLLIN, 0}, {stopped.descriptor(), POLLIN, 0}}};
    if (until_not_interrupted([&] { return ::poll(waits.data(), waits.size(), -1); }) < 0) {
      throw Error(Error::Reason::out_of_resources, "behalf: receive messages: poll: " + error_words(errno), errno);
    }
    if (stop.stop_requested()) return false;
    bool gone = false;
    // The receiver is worn before the message is taken: where that fails, it is still there.
    const bool done = owner_.run([&] {
      std::optional<Received> received = receive_message(end_.get(), options_.longest, gone);
      if (!received) return false;
      std::optional<Sender> sender;
      if (received->amiss.empty()) {
        try {
          sender.emplace(sender_of(end_.get(), *received->from, received->granted));
        } catch (const Error& error) {
          received->amiss = error.what();
        }
      }
      if (!sender) {
        if (options_.on_refused != nullptr) {
          options_.on_refused("a message" +
                              (received->from ? " of pid " + std::to_string(received->from->pid) + ", uid " +
                                                    std::to_string(received->from->uid)
                                              : std::string{}) +
                              ": " + received->amiss);
        }
        answer(received->answer_to, refused, received->amiss);
        return false;
      }
      try {
        std::string reply;
        {
          Message<std::string> message(std::move(received->text), *sender);
          reply = handle(message);
        }
        answer(received->answer_to, handled, reply);
      } catch (const std::exception& error) {
        if (!received->answer_to) throw;
        answer(received->answer_to, refused, error.what());
      } catch (...) {
        if (!received->answer_to) throw;
        answer(received->answer_to, refused, "the handler threw");
      }
      return true;
    });
    if (done) return true;
    if (gone) return false;
  }
}

}  // namespace behalf
