#include <grpc/grpc.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <future>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "behalf/descriptor.h"
#include "behalf/grpc.h"
#include "behalf/per_identity.h"
#include "identity/errors.h"
#include "remote/grpc/office.h"
#include "transfer/later.h"
#include "transfer/whoever.h"

namespace behalf {

namespace detail {

namespace {

thread_local const GrpcCalling* calling = nullptr;

}  // namespace

GrpcCalling::GrpcCalling() : around_(std::exchange(calling, this)), floor_(Region::innermost()) {}
GrpcCalling::~GrpcCalling() {
  calling = around_;
}

const Carried* grpc_caller() noexcept {
  return calling == nullptr || Region::innermost() != calling->floor_ ? nullptr : &calling->who_;
}

}  // namespace detail

namespace {

using Clock = std::chrono::steady_clock;

// Good as long as the connection is open over which it was got, and the server does not say otherwise.
struct Ticket {
  std::string words;
  Descriptor connection;
  Clock::time_point until;
};

// With an office; a call's own deadline is its server's affair, which is not asked before there is a ticket.
constexpr timeval patience{.tv_sec = 5, .tv_usec = 0};

[[noreturn]] void no_ticket(const std::string& office, const std::string& why, Error::Reason reason, int error = 0) {
  const Carried who;
  throw Error(reason,
              "behalf: get a ticket at " + office + " as " +
                  (who.data() == nullptr ? "the process itself" : detail::describe(*who.data())) + ": " + why,
              error);
}

// A little less than so many seconds, for the way of a call that starts at the last moment.
Clock::time_point until_after(std::string_view seconds) {
  const auto now = Clock::now();
  const std::chrono::seconds good_for(std::strtol(std::string(seconds).c_str(), nullptr, 10));
  return now + (detail::later(now, good_for) - now) / 10 * 9;
}

// Called as whom it is for: the office sees who connects.
Ticket get_ticket(const std::string& office, Level granted) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (office.size() >= sizeof address.sun_path)
    no_ticket(office, "the path is too long for a Unix socket", Error::Reason::not_there);
  office.copy(address.sun_path, office.size());
  Descriptor end(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  // connect(2) waits too, where others have come before.
  for (const int way : {SO_SNDTIMEO, SO_RCVTIMEO})
    (void)::setsockopt(end.get(), SOL_SOCKET, way, &patience, sizeof patience);
  if (!end || ::connect(end.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    no_ticket(office, detail::error_words(errno), Error::Reason::not_there, errno);
  detail::Request request;
  request.granted = static_cast<std::uint8_t>(granted);
  std::array<char, detail::longest_answer> answer{};
  ssize_t got = -1;
  if (::send(end.get(), &request, sizeof request, MSG_NOSIGNAL) == sizeof request) {
    do got = ::recv(end.get(), answer.data(), answer.size(), 0);
    while (got < 0 && errno == EINTR);
  }
  if (got <= 0) no_ticket(office, got == 0 ? "it hung up" : detail::error_words(errno), Error::Reason::not_there);
  const std::string_view told(answer.data() + 1, static_cast<std::size_t>(got - 1));
  const auto space = told.find(' ');
  if (answer[0] != detail::given || space == std::string_view::npos)
    no_ticket(office, std::string(told), Error::Reason::refused_by_receiver);
  return {std::string(told.substr(space + 1)), std::move(end), until_after(told.substr(0, space))};
}

bool is_good(const Ticket& ticket) {
  char byte = 0;
  const bool open = ::recv(ticket.connection.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
                    (errno == EAGAIN || errno == EWOULDBLOCK);
  return open && Clock::now() < ticket.until;
}

// Metadata are one line of printable ASCII.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

// What an identity got in exchange for a proof.
struct Exchanged {
  std::mutex mutex;
  std::string ticket;  // empty: there is none
  Clock::time_point until;
};

// Puts into a call's metadata what was found out when it was created, and keeps what comes back for a proof.
class Presenting final : public grpc::experimental::Interceptor {
 public:
  Presenting(const char* key, std::string value, std::shared_ptr<Exchanged> exchanged = nullptr)
      : key_(key), value_(std::move(value)), exchanged_(std::move(exchanged)) {}
  explicit Presenting(std::shared_ptr<const Ticket> ticket)
      : key_(detail::ticket_key), value_(ticket->words), ticket_(std::move(ticket)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_INITIAL_METADATA)) {
      auto* const metadata = methods->GetSendInitialMetadata();
      // What the caller wrote there by hand is nobody's ticket.
      for (const char* ours : {detail::ticket_key, detail::proof_key, detail::no_ticket_key}) metadata->erase(ours);
      metadata->emplace(key_, value_);
    }
    // The server has looked at it, whatever it says. This comes once for each call, and not with its status alone; that
    // may be told to another thread at the same time.
    if (methods->QueryInterceptionHookPoint(Point::POST_RECV_INITIAL_METADATA)) ticket_ = nullptr;
    if (exchanged_ != nullptr && methods->QueryInterceptionHookPoint(Point::POST_RECV_INITIAL_METADATA))
      keep(*methods->GetRecvInitialMetadata());
    if (exchanged_ != nullptr && methods->QueryInterceptionHookPoint(Point::POST_RECV_STATUS) &&
        methods->GetRecvStatus()->error_code() == grpc::StatusCode::UNAUTHENTICATED)
      forget();
    methods->Proceed();
  }

 private:
  void keep(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
    const auto found = metadata.find(detail::ticket_key);
    if (found == metadata.end()) return;
    const std::string told(found->second.data(), found->second.size());
    const auto space = told.find(' ');
    if (space == std::string::npos) return;
    const std::lock_guard lock(exchanged_->mutex);
    exchanged_->ticket = told.substr(space + 1);
    exchanged_->until = until_after(std::string_view(told).substr(0, space));
  }

  // The ticket that it brought, if that is still the one that is kept.
  void forget() {
    const std::lock_guard lock(exchanged_->mutex);
    if (exchanged_->ticket == value_) exchanged_->ticket.clear();
  }

  const char* const key_;
  const std::string value_;
  const std::shared_ptr<Exchanged> exchanged_;
  std::shared_ptr<const Ticket> ticket_;  // with its connection: another may take its place before the call is there
};

class PresentingFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit PresentingFactory(const GrpcChannelOptions& options)
      : cloak_(options.blanket, Authentication::call),
        prove_(options.prove),
        tickets_([office = options.office, level = options.blanket.level] { return get_ticket(office, level); },
                 {.at_most = options.identities_at_most}),
        exchanged_([] { return std::make_shared<Exchanged>(); }, {.at_most = options.identities_at_most}) {}

  // By the thread that makes the call, when it makes it.
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    try {
      const Carried* const caller = detail::grpc_caller();
      const Carried who = caller != nullptr ? cloak_.presented(*caller) : cloak_.presented();
      return prove_ ? with_proof(who) : with_ticket(who);
    } catch (const std::exception& error) {
      return new Presenting(detail::no_ticket_key, one_line(error.what()));
    }
  }

 private:
  Presenting* with_ticket(const Carried& who) {
    // Looked at here, not by a probe of the cache's: that takes no identity, which the thread may not wear.
    std::shared_ptr<Ticket> ticket = tickets_.get(who);
    if (!is_good(*ticket)) ticket = tickets_.refresh(who);
    return new Presenting(std::move(ticket));
  }

  Presenting* with_proof(const Carried& who) {
    const std::shared_ptr<Exchanged> exchanged = *exchanged_.get(who);
    {
      const std::lock_guard lock(exchanged->mutex);
      if (!exchanged->ticket.empty() && Clock::now() < exchanged->until)
        return new Presenting(detail::ticket_key, exchanged->ticket, exchanged);
    }
    std::string proof;
    detail::run_as_whoever(who, [&] { proof = prove_(cloak_.blanket().level); });
    return new Presenting(detail::proof_key, std::move(proof), exchanged);
  }

  const Cloak cloak_;
  const Prove prove_;
  per_identity<Ticket> tickets_;
  per_identity<std::shared_ptr<Exchanged>> exchanged_;
};

// The threads on which answers to asynchronous calls are told are one set for all channels, started by the first such
// call and there as long as a channel is that made one: this one, which is kept. A channel without credentials is lame:
// its calls fail at once, and nothing is connected.
void start_threads_that_call_back() {
  using Stub = grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer>;
  static const auto* const kept = new std::shared_ptr<grpc::Channel>(grpc::CreateChannel("", nullptr));
  grpc::ClientContext context;
  const grpc::Slice empty;
  const grpc::ByteBuffer nothing(&empty, 1);
  grpc::ByteBuffer answer;
  std::promise<void> told;
  Stub(*kept).UnaryCall(&context, "/behalf/none", grpc::StubOptions(), &nothing, &answer,
                        [&told](const grpc::Status&) { told.set_value(); });
  told.get_future().wait();
}

}  // namespace

void grpc_warm_up() {
  static const bool begun = [] {
    const detail::ThreadsOfService born;
    grpc_init();  // to the end of the process
    start_threads_that_call_back();
    return true;
  }();
  (void)begun;
}

std::shared_ptr<grpc::Channel> grpc_channel(const std::string& target,
                                            const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                            const GrpcChannelOptions& options) {
  if (options.office.empty() == !options.prove)
    throw std::invalid_argument(
        "behalf: channel of gRPC: give an office, or an engine that proves who calls, not both");
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<PresentingFactory>(options));
  grpc_warm_up();
  // Other threads of gRPC's are started when they are first wanted, by whoever wants them.
  const detail::ThreadsOfService born;
  auto channel = grpc::experimental::CreateCustomChannelWithInterceptors(target, credentials, options.arguments,
                                                                         std::move(factories));
  (void)channel->GetState(true);
  return channel;
}

}  // namespace behalf
