// A privileged service that puts files in their place for whoever asks.
//
//   installer SOCKET LOG
//
// A client connects to the Unix socket and says "PATH\nSIZE\n"; the answer is "from OFFSET\n", where an earlier
// transfer stopped, or "error WHY\n". The client sends the bytes from there on, and is told "done\n" when the file is
// complete and under its name. Who the client is comes from the kernel, and the file is made as that user: owner,
// group, default ACL and quota are the user's from the first byte, since nothing is ever created as the service and
// given away.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "behalf/initialize.h"
#include "behalf/log.h"
#include "behalf/thread_pool.h"
#include "part.h"

namespace {

constexpr std::size_t longest_path = 4096;
constexpr long long largest_file = 1LL << 40;
constexpr unsigned workers = 16;
// So that no user keeps all the workers waiting for what she does not send.
constexpr unsigned at_once_of_a_user = 12;

// How many connections each user has, and the place of one among them.
class Places {
 public:
  class Place {
   public:
    Place(Places& all, uid_t user) : all_(&all), user_(user) {
      const std::lock_guard lock(all.mutex_);
      unsigned& taken = all.taken_[user];
      if (taken == at_once_of_a_user) throw std::runtime_error("too many at once; try again later");
      ++taken;
    }
    Place(Place&& other) noexcept : all_(std::exchange(other.all_, nullptr)), user_(other.user_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (all_ == nullptr) return;
      const std::lock_guard lock(all_->mutex_);
      const auto at = all_->taken_.find(user_);
      if (--at->second == 0) all_->taken_.erase(at);
    }

   private:
    Places* all_;
    uid_t user_;
  };

 private:
  std::mutex mutex_;
  std::map<uid_t, unsigned> taken_;
};

// One client's words and bytes.
class Client {
 public:
  explicit Client(behalf::Descriptor socket) : socket_(std::move(socket)) {}

  std::string line() {
    std::string text;
    for (char each = 0; text.size() < longest_path;) {
      if (recv(socket_.get(), &each, 1, 0) != 1) throw std::runtime_error("the client went away");
      if (each == '\n') return text;
      text += each;
    }
    throw std::runtime_error("the client's line is too long");
  }
  std::size_t bytes(char* into, std::size_t at_most) {
    const ssize_t got = recv(socket_.get(), into, at_most, 0);
    if (got <= 0) throw std::runtime_error("the client went away; the rest can be sent later");
    return static_cast<std::size_t>(got);
  }
  void answer(const std::string& text) { (void)send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  int socket() const { return socket_.get(); }

 private:
  behalf::Descriptor socket_;
};

// On a worker that is the user.
void serve(Client& client, behalf::Log& log) {
  std::string path;
  try {
    path = client.line();
    const std::string said = client.line();
    if (path.empty() || path.front() != '/') throw std::runtime_error("the path is not absolute");
    if (said.empty() || said.find_first_not_of("0123456789") != std::string::npos || said.size() > 13)
      throw std::runtime_error("the size is no number");
    const long long size = std::stoll(said);
    if (size > largest_file) throw std::runtime_error("the file is too large");
    Part part(path);
    if (part.size() > size) throw std::runtime_error("more has come than the file is to have; remove its .part");
    client.answer("from " + std::to_string(part.size()) + "\n");
    std::array<char, 65536> piece{};
    while (part.size() < size) {
      const auto left = static_cast<std::size_t>(size - part.size());
      part.append(piece.data(), client.bytes(piece.data(), std::min(left, piece.size())));
    }
    part.commit();
    log.write("installed " + path);
    client.answer("done\n");
  } catch (const std::exception& error) {
    log.write("did not install " + path + ": " + error.what());
    client.answer(std::string("error ") + error.what() + "\n");
  }
}

// Who connected (unix(7), SO_PEERCRED): the groups are the account database's, as after a log-in.
behalf::Token peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) throw std::runtime_error("who is it?");
  return behalf::Token::for_uid(peer.uid);
}

behalf::Descriptor listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the socket's path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  behalf::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  unlink(path.c_str());
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), 0666) != 0 || listen(socket.get(), 64) != 0)
    throw std::runtime_error("cannot listen at " + path + ": " + std::strerror(errno));
  return socket;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: installer SOCKET LOG\n", stderr);
    return 64;
  }
  try {
    umask(022);
    behalf::initialize({});
    behalf::Log log(argv[2]);
    Places places;
    behalf::ThreadPool pool({.threads = workers});
    const behalf::Descriptor door = listen_at(argv[1]);
    for (;;) {
      behalf::Descriptor socket(accept4(door.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!socket) continue;
      // A client that says nothing does not keep a worker for ever.
      const timeval patience{.tv_sec = 60, .tv_usec = 0};
      (void)setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      Client client(std::move(socket));
      try {
        const behalf::Token user = peer_of(client.socket());
        Places::Place place(places, user.uid());
        pool.post(user, [client = std::move(client), place = std::move(place), &log]() mutable { serve(client, log); });
      } catch (const std::exception& error) {  // root, an unknown user, too many: nothing is done in their name
        log.write(std::string("refused a client: ") + error.what());
        client.answer(std::string("error ") + error.what() + "\n");
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "installer: %s\n", error.what());
    return 70;
  }
}
