// http::Server: a small HTTP server in which each request is handled by a thread that is the user who asks, the work
// that IIS does for ASP.NET.
//
//   behalf::initialize({});
//   behalf::http::Server server(
//       behalf::http::listen_unix("/run/gateway.sock"), behalf::http::peers(),
//       [](const behalf::http::Request& request) {          // as whoever connected: open(2) decides, not the server
//         if (request.method != "GET") throw behalf::http::Refusal(405, "only GET");
//         return behalf::http::Response{.body = read_a_file_of_theirs(request.target)};
//       },
//       {.log = [](std::string_view line) { std::clog << line << '\n'; }});
//
// Identity is each request's own. On a connection that two users take turns on, as one of a reverse proxy's does, each
// request runs as who it names. No handler runs before the authenticator has said who asks, and what cannot be found
// out is a refusal: nothing is ever done as the service instead. `CallContext::current().client()` is the user in a
// handler, and `CallContext::revert_to_self()` the service's own side work.
//
// A few threads serve all connections, those of one user rather on the same. The requests that have come when a thread
// looks are handled user by user, with one switch for each user's, beginning with the one that it wears still. It waits
// for the next at most `ServerOptions::keeps` as that user, and is the service before it waits longer, accepts, or asks
// an authenticator. What it does meanwhile as a user but for handlers is to read and write sockets that are open
// already, which does not depend on who does it.
//
// TLS, and who asks by client certificates, is a component beside it (http_tls.h). What is for others to do: HTTP/2,
// bodies larger than memory.
//
// A component of its own: link behalf::http, which stands on OpenSSL's libcrypto, and has been built with Boost.Beast.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "behalf/descriptor.h"
#include "behalf/token.h"

namespace behalf::http {

namespace detail {
class Channel;
class Channels;
}  // namespace detail

// What a client sent. The text is the connection's: it is there until the handler, or the authenticator, returns.
struct Request {
  struct Field {
    std::string_view name;
    std::string_view value;
  };
  std::string_view method;
  std::string_view target;  // as it was sent: percent signs and all
  std::vector<Field> fields;
  std::string_view body;

  // The value of the first field of that name, in any case; nothing where there is none. Cost: none.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const noexcept;
};

// What it is told. Content-Length, Date and Connection are the server's to say.
struct Response {
  struct Field {
    std::string name;
    std::string value;
  };
  int status = 200;
  std::vector<Field> fields{};
  std::string body{};
  // In place of `body`, where it is open: that many bytes of a file, from there on. It is sent by sendfile(2), or read
  // by pread(2) where there is TLS: these ask nobody's permission, access was decided when the handler opened it.
  Descriptor file{};
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Thrown in a handler or an authenticator: the client is told that status, and the line.
class Refusal : public std::runtime_error {
 public:
  Refusal(int status, const std::string& line) : std::runtime_error(line), status_(status) {}
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

using Handler = std::function<Response(const Request&)>;

// The connection that a request came by. The socket may be asked about (getsockopt(2)), not read from.
struct Client {
  int socket;
  bool is_local;  // a Unix socket
  // What the bytes go through; null: the socket alone. http_tls.h has what may be asked of it.
  const detail::Channel* channel = nullptr;
};

// Who asks, or why that is not known.
struct Answer {
  enum class Holds {
    request,     // for this one; the next is asked about again
    credential,  // for every request with the same Authorization field, on any connection, for `remembers`
    connection,  // for every request on this connection; over TLS, for TlsOptions::holds, and is then asked again
  };
  std::optional<Token> user{};
  Holds holds = Holds::request;
  // Where there is one: what the client is told beside the handler's response, or refusal, to this request.
  std::vector<Response::Field> fields{};
  // Where there is no user. 401: `challenge` is the value of WWW-Authenticate; 403: known, and not let in.
  int status = 401;
  std::string challenge{};
  std::string why{};    // one line, for the client
  std::string tried{};  // for the log: in whose name
};

// Runs as the service, on a thread of the server's for that; it may take its time. Called by several threads at once,
// before the body of the request is there. An exception that leaves it refuses: a Refusal as it says, any other 503.
// That is where what behalf does not have goes: tickets of a login page.
using Authenticator = std::function<Answer(const Request&, const Client&)>;

// Whoever is at the other end of a Unix socket, as the kernel says (Token::of_peer); 403 for root, for who cannot be
// learned, and for every client that came by another kind of socket. Errors: none.
[[nodiscard]] Authenticator peers();

// Says whose that name and password are, and nothing where they are nobody's. behalf::http::pam_checker() is one.
using PasswordChecker = std::function<std::optional<Token>(const std::string& name, const std::string& password)>;

// Basic authentication (RFC 7617): the checker is asked once for a credential, and again when the server has forgotten
// it (ServerOptions::remembers). Passwords are in plain text on the way: for Unix sockets, the loopback, and TLS
// (http_tls.h, or a proxy in front). Errors: std::invalid_argument where the realm has a quote or control character.
[[nodiscard]] Authenticator basic(PasswordChecker checker, const std::string& realm);

// A socket that listens at that path, which is made anew, for those whom the mode lets connect. As the calling thread.
// Errors: Error of reason not_permitted, not_there, busy (somebody listens there), platform; std::invalid_argument
// where the path is too long. Cost: 6 system calls.
[[nodiscard]] Descriptor listen_unix(const std::string& path, mode_t mode = 0666);
// One that listens at 127.0.0.1; 0 is any port. Errors: Error of reason not_permitted, busy, platform.
[[nodiscard]] Descriptor listen_loopback(std::uint16_t port);
// The port at which it listens. Errors: Error of reason platform.
[[nodiscard]] std::uint16_t port_of(const Descriptor& listener);

struct ServerOptions {
  unsigned threads = 0;  // 0: one for each processor

  // What the connections' bytes go through, where it is not the sockets alone: Tls::channels() (http_tls.h). Its
  // handshake is within header_time, and the service's.
  std::shared_ptr<detail::Channels> through{};

  // What is larger is refused: 431 and 413.
  std::size_t header_bytes = 16 * 1024;
  std::uint64_t body_bytes = 1024 * 1024;
  // Connections at once, and those whose last request was one user's: 503 beyond.
  std::size_t connections = 1024;
  std::size_t connections_per_user = 64;

  // A client that takes longer is told 408, or nothing where it has not begun to ask, and its connection is closed.
  std::chrono::milliseconds header_time{10'000};
  std::chrono::milliseconds body_time{30'000};
  std::chrono::milliseconds idle_time{60'000};
  std::chrono::milliseconds write_time{30'000};  // without the client's taking a byte

  // Threads that ask the authenticator, how many may wait for one (503 beyond), how long an answer for a credential
  // holds, and how many of them. A credential is kept as a salted hash of it.
  unsigned checkers = 4;
  std::size_t checks_waiting = 64;
  std::chrono::milliseconds remembers{30'000};
  std::size_t remembered = 4096;
  // How long a client waits that gave a wrong credential; nobody else waits meanwhile.
  std::chrono::milliseconds refusal_takes{1'000};

  // How long a thread without work keeps what it wears. While it does, it is a thread that wears a user for nothing: a
  // program of the user's may send it signals. Without, a switch and its return are each quiet moment's.
  std::chrono::milliseconds keeps{1};

  // The handlers that may take long (a write to the disk, a question to a database): those are run by a ThreadPool of
  // so many threads, and hold nobody up. Where there is none, all are run where the sockets are read. Asked as the
  // user.
  std::function<bool(const Request&)> slow{};
  unsigned slow_threads = 16;

  // Whether an answer may name the service itself (Token::of_process()), whose handlers then run as the service.
  bool service_may_ask = false;

  // Whether handlers have left their thread as they found it: after each, the library's own memo is asked, which does
  // not see system calls that a handler made by itself. The kernel is asked for all after each handler too (handler, 6
  // system calls); or by one system call whether its effective or file-system ids have changed, and for the rest before
  // the thread is anybody else, after a few handlers or a few milliseconds (wire, exactly as ThreadPoolOptions::Check
  // says it); or for all after those of one user's requests that came together, so that further ones of
  // hers may have run as whom a handler left behind (run); or never. A thread that is somebody else ends the process.
  enum class Check { wire, handler, run, memo } check = Check::handler;

  // One line for each refusal and each failure: what was tried, in whose name, and why not. As the service, by several
  // threads at once; it must not throw.
  std::function<void(std::string_view line)> log{};
};

struct ServerCounts {
  std::uint64_t connections = 0;  // accepted
  std::uint64_t requests = 0;     // handled
  std::uint64_t refused = 0;      // answered by the server itself, with 4xx or 5xx
  std::uint64_t asked = 0;        // questions to the authenticator
  std::uint64_t switches = 0;     // takings of an identity, slow handlers' aside
  std::size_t open = 0;           // connections, now
};

class Server {
 public:
  // Effects: starts the threads, as the service, whoever the caller is, and serves at that listening socket.
  // Errors: Error of reason not_initialized, out_of_resources, platform; std::invalid_argument where the handler or the
  // authenticator is empty.
  Server(Descriptor listener, Authenticator authenticator, Handler handler, ServerOptions options = {});
  // stop(0 ms), and joins the threads: a handler that runs is waited for.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Effects: accepts no more, closes idle connections, lets each request that has begun come to its end, and closes its
  // connection then. After `at_most` the connections that are left are closed as they are. Not from a handler.
  // Returns whether all came to their ends. Errors: none. Thread-safe.
  bool stop(std::chrono::milliseconds at_most);

  // Effects: credentials that were found right are asked about again: for who knows that a password was changed.
  // Errors: none. Thread-safe.
  void forget_credentials();

  // Errors: none. Thread-safe. Cost: no system call.
  [[nodiscard]] ServerCounts counts() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace behalf::http
