// The client's end of HTTP: sends what it is told, to the byte, and reads answers.
#pragma once

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "behalf/descriptor.h"
#include "child.h"

namespace behalf::testing {

struct HttpAnswer {
  int status = 0;  // 0: the connection ended
  std::string head;
  std::string body;
};

class HttpClient {
 public:
  // Connects as whoever the thread is.
  explicit HttpClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  // `before`: what is done when there is a socket, and nothing is connected.
  explicit HttpClient(std::uint16_t port, const std::function<void(int socket)>& before = {})
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (before) before(socket_.get());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  void say(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = transmit(text);
      if (sent <= 0) return;  // an answer may be there all the same
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void say_no_more() { ::shutdown(socket_.get(), SHUT_WR); }
  // How many packets of TCP have come, all counted.
  [[nodiscard]] unsigned packets_heard() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    must(::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "ask for the packets");
    return info.tcpi_segs_in;
  }

  HttpAnswer hear() {
    HttpAnswer answer;
    std::size_t end = 0;
    while ((end = come_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return answer;
    }
    answer.head = come_.substr(0, end + 4);
    come_.erase(0, end + 4);
    answer.status = std::stoi(answer.head.substr(9, 3));
    if (answer.status == 100) return answer;
    const std::size_t length = answer.head.find("Content-Length: ");
    const std::size_t wanted =
        length == std::string::npos || without_body_ ? 0 : std::stoul(answer.head.substr(length + 16));
    while (come_.size() < wanted && more()) {
    }
    answer.body = come_.substr(0, wanted);
    come_.erase(0, wanted);
    return answer;
  }
  HttpAnswer ask(std::string_view text) {
    say(text);
    return hear();
  }
  // Whether the server has ended the connection, and nothing is left to be read.
  bool is_over() { return come_.empty() && !more() && ended_; }
  void expects_no_bodies() { without_body_ = true; }

  virtual ~HttpClient() = default;
  HttpClient(HttpClient&&) = default;
  HttpClient& operator=(HttpClient&&) = default;

 protected:
  // As send(2) and recv(2).
  virtual ssize_t transmit(std::string_view text) {
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
  virtual ssize_t receive(char* piece, std::size_t size) { return ::recv(socket_.get(), piece, size, 0); }
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  void connect(const sockaddr* address, socklen_t size) {
    must(::connect(socket_.get(), address, size) == 0, "connect");
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  bool more() {
    char piece[65536];
    const ssize_t got = receive(piece, sizeof piece);
    ended_ = got == 0 || (got < 0 && errno != EAGAIN);
    if (got <= 0) return false;
    come_.append(piece, static_cast<std::size_t>(got));
    return true;
  }

  Descriptor socket_;
  std::string come_;
  bool without_body_ = false;
  bool ended_ = false;  // by the server, not by the client's patience
};

inline std::string base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string coded;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 3; ++j)
      three = three << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) coded += i + j > text.size() ? '=' : digits[three >> (18 - 6 * j) & 63];
  }
  return coded;
}

// A request without a body, whose user is named by Basic where there is one ("name:password").
inline std::string get(const std::string& target, const std::string& credential = {}, const std::string& more = {}) {
  std::string text = "GET " + target + " HTTP/1.1\r\nHost: here\r\n";
  if (!credential.empty()) text += "Authorization: Basic " + base64(credential) + "\r\n";
  return text + more + "\r\n";
}

}  // namespace behalf::testing
