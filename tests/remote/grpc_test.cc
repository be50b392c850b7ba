// gRPC between two ends in one process: whose each call is, whatever thread sends it and whatever connection it goes
// over.
#include "behalf/grpc.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "behalf/descriptor.h"
#include "behalf/impersonation.h"
#include "behalf/thread.h"
#include "children/household.h"
#include "clerk.grpc.pb.h"
#include "engines.h"
#include "refused.h"
#include "service_threads.h"
#ifdef HAS_MUNGE
#include "behalf/munge.h"
#endif

namespace behalf::testing {
namespace {

constexpr const char* target = "unix:/home/rpc/channel";
constexpr const char* office = "/home/rpc/office";

std::string words(const std::optional<Token>& who) {
  if (!who) return "nobody";
  std::string all = who->name() + "(";
  for (const gid_t group : who->groups()) all += std::to_string(group) + " ";
  return all + ")";
}

class ClerkService final : public Clerk::Service {
 public:
  explicit ClerkService(GrpcCallers& callers) : callers_(callers) {}

  grpc::Status WhoAsks(grpc::ServerContext* context, const Line* line, Line* reply) override {
    return callers_.serve(*context, [&] {
      const std::string asks = words(CallContext::current().client());
      reply->set_text(asks);
      const std::lock_guard lock(mutex_);
      asked_.push_back(line->text() + asks);
      if (fails_every_ != 0 && asked_.size() % fails_every_ != 0)
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not this time");
      return grpc::Status::OK;
    });
  }
  // Only each so-manieth attempt comes to a good end.
  void fail_every(std::size_t attempts) { fails_every_ = attempts; }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  grpc::Status WhoWorks(grpc::ServerContext* context, const Line*, Line* reply) override {
    return callers_.serve(*context, [&] {
      std::string told = std::to_string(::geteuid());
      {
        const Impersonation as = CallContext::current().impersonate_client();
        told += ' ' + std::to_string(::geteuid());
      }
      reply->set_text(told + ' ' + std::to_string(::geteuid()));
      return grpc::Status::OK;
    });
  }
  grpc::Status Tell(grpc::ServerContext* context, const Line*, grpc::ServerWriter<Line>* writer) override {
    return callers_.serve(*context, [&] {
      for (int i = 0; i < 3; ++i) writer->Write(asker());
      return grpc::Status::OK;
    });
  }
  grpc::Status Listen(grpc::ServerContext* context, grpc::ServerReader<Line>* reader, Line* reply) override {
    return callers_.serve(*context, [&] {
      Line line;
      while (reader->Read(&line)) {
      }
      *reply = asker();
      return grpc::Status::OK;
    });
  }
  grpc::Status Talk(grpc::ServerContext* context, grpc::ServerReaderWriter<Line, Line>* stream) override {
    return callers_.serve(*context, [&] {
      Line line;
      const Impersonation as = CallContext::current().impersonate_client();
      while (stream->Read(&line)) stream->Write(asker());
      ended_as_.store(::geteuid());
      return grpc::Status::OK;
    });
  }
  // Whom the handler of the last Talk that ended was.
  [[nodiscard]] uid_t ended_as() const { return ended_as_.load(); }

 private:
  static Line asker() {
    Line line;
    line.set_text(words(CallContext::current().client()));
    return line;
  }

  GrpcCallers& callers_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::atomic<std::size_t> fails_every_ = 0;
  std::atomic<uid_t> ended_as_ = 0;
};

std::mutex told_mutex;
std::vector<std::string> told;  // of what was refused

class Server {
 public:
  explicit Server(GrpcCallersOptions options = {}, const std::string& at = office)
      : callers_(completed(std::move(options), at)), service_(callers_) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    must(server_ != nullptr, "the server does not start");
    must(::chmod("/home/rpc/channel", 0777) == 0, "chmod");
  }
  ~Server() { server_->Shutdown(std::chrono::system_clock::now()); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  GrpcCallers& callers() { return callers_; }
  ClerkService& service() { return service_; }

 private:
  static GrpcCallersOptions completed(GrpcCallersOptions options, const std::string& at) {
    options.office = at;
    options.on_refused = [](const std::string& why) {
      const std::lock_guard lock(told_mutex);
      told.push_back(why);
    };
    return options;
  }

  GrpcCallers callers_;
  ClerkService service_;
  std::unique_ptr<grpc::Server> server_;
};

std::unique_ptr<Clerk::Stub> stub(const Blanket& blanket = {}) {
  return Clerk::NewStub(
      grpc_channel(target, grpc::InsecureChannelCredentials(), {.office = office, .blanket = blanket}));
}

struct Reply {
  grpc::Status status;
  std::string text;
};
Reply ask(Clerk::Stub& clerk, grpc::Status (Clerk::Stub::*method)(grpc::ClientContext*, const Line&, Line*),
          bool wait = true) {
  grpc::ClientContext context;
  context.set_wait_for_ready(wait);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  Line reply;
  const grpc::Status status = (clerk.*method)(&context, {}, &reply);
  return {status, reply.text()};
}

std::string with_folder(const std::function<void(const Token& alice, const Token& bob)>& body) {
  return in_own_process([&] {
    const Household household;
    must(::mkdir("/home/rpc", 0755) == 0, "mkdir");
    start(ServiceKind::root);
    on_thread([&] { body(Token::for_user("alice"), Token::for_user("bob")); });
  });
}

TEST(A_call_of_grpc, is_its_caller_s_with_all_groups_in_every_kind) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = stub();
              for (const Token& who : {her, him, her}) {
                const Impersonation as{who};
                const std::string name = words(who);
                const Reply asked = ask(*clerk, &Clerk::Stub::WhoAsks);
                must(asked.text == name, asked.text + asked.status.error_message());
                {
                  grpc::ClientContext context;
                  const auto reader = clerk->Tell(&context, {});
                  Line line;
                  int lines = 0;
                  for (; reader->Read(&line); ++lines) must(line.text() == name, "Tell: " + line.text());
                  must(reader->Finish().ok() && lines == 3, "Tell");
                }
                {
                  grpc::ClientContext context;
                  Line reply;
                  const auto writer = clerk->Listen(&context, &reply);
                  writer->Write({});
                  writer->WritesDone();
                  must(writer->Finish().ok() && reply.text() == name, "Listen: " + reply.text());
                }
                grpc::ClientContext context;
                const auto stream = clerk->Talk(&context);
                Line line;
                stream->Write({});
                must(stream->Read(&line) && line.text() == name, "Talk: " + line.text());
                stream->WritesDone();
                must(stream->Finish().ok(), "Talk");
              }
              must_equal(server.callers().tickets(), std::size_t{2}, "tickets");
            }),
            "");
}

// An asynchronous call that one creates, and another makes and waits for.
class Prepared {
 public:
  Prepared(Clerk::Stub& clerk, const Token& who) {
    context_.set_wait_for_ready(true);
    const Impersonation as{who};
    call_ = clerk.PrepareAsyncWhoAsks(&context_, {}, &queue_);
  }
  std::string answer() {
    call_->StartCall();
    call_->Finish(&reply_, &status_, &queue_);
    void* tag = nullptr;
    bool ok = false;
    must(queue_.Next(&tag, &ok) && ok && status_.ok(), "the call failed: " + status_.error_message());
    return reply_.text();
  }

 private:
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  Line reply_;
  grpc::Status status_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Line>> call_;
};

TEST(A_call_of_grpc, is_whose_it_was_created_by_whoever_waits_for_it) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = stub();
              Prepared call(*clerk, her);
              const Impersonation other{him};
              const std::string asks = call.answer();
              must(asks == words(her), asks);
            }),
            "");
}

std::string asks_and_works() {
  const CallContext call = CallContext::current();
  const std::string asks = words(call.client()) + ' ' + std::to_string(::geteuid());
  const Impersonation as = call.impersonate_client();
  return asks + ' ' + std::to_string(::geteuid());
}

// A server whose handlers are called back.
class CallbackClerk final : public Clerk::CallbackService {
 public:
  explicit CallbackClerk(GrpcCallers& callers) : callers_(callers) {}
  grpc::ServerUnaryReactor* WhoAsks(grpc::CallbackServerContext* context, const Line*, Line* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(callers_.serve(*context, [&] {
      reply->set_text(asks_and_works());
      return grpc::Status::OK;
    }));
    return reactor;
  }

 private:
  GrpcCallers& callers_;
};

// One that takes its calls from a completion queue.
class QueueClerk {
 public:
  QueueClerk(Clerk::AsyncService& service, std::unique_ptr<grpc::ServerCompletionQueue> queue, GrpcCallers& callers)
      : queue_(std::move(queue)), serves_(as_service, [this, &service, &callers] {
          void* tag = nullptr;
          bool ok = false;
          for (;;) {
            grpc::ServerContext context;
            Line line;
            grpc::ServerAsyncResponseWriter<Line> answers(&context);
            service.RequestWhoAsks(&context, &line, &answers, queue_.get(), queue_.get(), this);
            if (!queue_->Next(&tag, &ok) || !ok) return;
            Line reply;
            const grpc::Status status = callers.serve(context, [&] {
              reply.set_text(asks_and_works());
              return grpc::Status::OK;
            });
            answers.Finish(reply, status, this);
            if (!queue_->Next(&tag, &ok)) return;
          }
        }) {}
  // To be called when its server was shut down.
  void end() {
    queue_->Shutdown();
    serves_.join();
  }

 private:
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  behalf::thread serves_;
};

TEST(A_call_of_grpc, is_its_caller_s_by_callbacks_and_by_a_completion_queue) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              for (const bool by_queue : {false, true}) {
                GrpcCallers callers({.office = office});
                CallbackClerk called_back(callers);
                Clerk::AsyncService asked;
                grpc::ServerBuilder builder;
                builder.AddListeningPort(target, grpc::InsecureServerCredentials());
                builder.RegisterService(by_queue ? static_cast<grpc::Service*>(&asked) : &called_back);
                auto queue = by_queue ? builder.AddCompletionQueue() : nullptr;
                const auto server = builder.BuildAndStart();
                must(server != nullptr && ::chmod("/home/rpc/channel", 0777) == 0, "the server does not start");
                std::optional<QueueClerk> from_queue;
                if (by_queue) from_queue.emplace(asked, std::move(queue), callers);
                const auto clerk = stub();
                std::string wrong;
                for (const Token& who : {her, him, her}) {
                  grpc::ClientContext context;
                  const Line line;
                  Line reply;
                  std::promise<grpc::Status> answered;
                  uid_t called_back_as = 1;
                  {
                    const Impersonation as{who};
                    clerk->async()->WhoAsks(&context, &line, &reply, [&](const grpc::Status& status) {
                      called_back_as = ::geteuid();
                      answered.set_value(status);
                    });
                  }
                  const grpc::Status status = answered.get_future().get();
                  if (reply.text() != words(who) + " 0 " + std::to_string(who.uid()))
                    wrong += reply.text() + status.error_message() + "; ";
                  if (called_back_as != 0) wrong += "called back as " + std::to_string(called_back_as) + "; ";
                }
                server->Shutdown();
                if (from_queue) from_queue->end();
                must(wrong.empty(), (by_queue ? "by a queue: " : "by callbacks: ") + wrong);
                must_all_be_the_service();
              }
            }),
            "");
}

TEST(A_call_of_grpc, is_handled_as_the_service_until_it_impersonates) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server;
              const auto clerk = stub();
              const Impersonation as{her};
              must(ask(*clerk, &Clerk::Stub::WhoWorks).text == "0 3001 0", "who works");
            }),
            "");
}

TEST(A_call_of_grpc, goes_as_far_as_its_blanket_and_the_server_allow) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server;
              const auto identified = stub({.level = Level::identification});
              const auto anonymous = stub({.level = Level::anonymous});
              const Impersonation as{her};
              must(ask(*identified, &Clerk::Stub::WhoAsks).text == words(her), "identified");
              const Reply refused = ask(*identified, &Clerk::Stub::WhoWorks);
              must(refused.status.error_code() == grpc::StatusCode::PERMISSION_DENIED, "impersonated beyond the level");
              must(told.size() == 1 && told[0].find("alice") != std::string::npos &&
                       told[0].find("granted the level identification") != std::string::npos,
                   "what was tried is told: " + (told.empty() ? std::string("nothing") : told[0]));
              must(ask(*anonymous, &Clerk::Stub::WhoAsks).text == "nobody", "anonymous");
              must_refuse(Error::Reason::power_needed,
                          [] { const Cloak cloak({.cloaking = Cloaking::fixed, .level = Level::delegation}); });
            }),
            "");
}

TEST(A_call_of_grpc, presents_the_service_only_where_that_is_said_which_the_server_refuses_where_it_is_root) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              std::unique_ptr<Clerk::Stub> fixed;
              {
                const Impersonation as{her};
                fixed = stub({.cloaking = Cloaking::fixed});
              }
              const auto none = stub({.cloaking = Cloaking::none});
              const Impersonation as{him};
              must(ask(*fixed, &Clerk::Stub::WhoAsks).text == words(her), "fixed");
              const Reply refused = ask(*none, &Clerk::Stub::WhoAsks);
              must(refused.status.error_code() == grpc::StatusCode::UNAUTHENTICATED, "root was let in");
              must(refused.status.error_message().find("fence") != std::string::npos ||
                       refused.status.error_message().find("uid 0") != std::string::npos,
                   refused.status.error_message());
              must(!told.empty(), "nobody was told");
            }),
            "");
}

// Asks the office as a client does, and keeps the connection.
std::pair<Descriptor, std::string> ticket_by_hand() {
  Descriptor end(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string(office).copy(address.sun_path, sizeof address.sun_path - 1);
  must(::connect(end.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  const char request[8] = {'b', 'h', 't', '1', static_cast<char>(Level::impersonation), 0, 0, 0};
  must(::send(end.get(), request, sizeof request, MSG_NOSIGNAL) == sizeof request, "send");
  char answer[1024] = {};
  const ssize_t got = ::recv(end.get(), answer, sizeof answer - 1, 0);
  must(got > 0 && answer[0] == '+', std::string("no ticket: ") + answer);
  return {std::move(end), std::string(answer).substr(std::string(answer).find(' ') + 1)};
}

TEST(A_call_of_grpc, with_a_forged_swapped_or_repeated_ticket_is_refused_and_named) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server;
              {
                const auto clerk = stub();
                const Impersonation as{her};
                must(ask(*clerk, &Clerk::Stub::WhoAsks).status.ok(), "before");
              }
              const auto plain = Clerk::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
              const auto call_with = [&](const std::vector<std::string>& tickets) {
                grpc::ClientContext context;
                for (const std::string& ticket : tickets) context.AddMetadata("behalf-ticket", ticket);
                Line reply;
                return plain->WhoAsks(&context, {}, &reply).error_code();
              };
              const std::size_t before = told.size();
              const std::string made_up = std::string(32, 'a') + '.' + std::string(64, 'b');
              must(call_with({}) == grpc::StatusCode::UNAUTHENTICATED, "none");
              must(call_with({made_up}) == grpc::StatusCode::UNAUTHENTICATED, "made up");
              must(call_with({""}) == grpc::StatusCode::UNAUTHENTICATED, "empty");
              must(call_with({made_up, made_up}) == grpc::StatusCode::UNAUTHENTICATED, "two");
              std::string half_right;
              Descriptor kept;
              {
                const Impersonation as{her};
                auto [end, ticket] = ticket_by_hand();
                kept = std::move(end);
                must(call_with({ticket}) == grpc::StatusCode::OK, "the right one");
                must(call_with({ticket, made_up}) == grpc::StatusCode::UNAUTHENTICATED, "the right one and another");
                must(call_with({made_up, ticket}) == grpc::StatusCode::UNAUTHENTICATED, "another and the right one");
                half_right = ticket.substr(0, ticket.find('.') + 1) + std::string(64, 'b');
              }
              must(call_with({half_right}) == grpc::StatusCode::UNAUTHENTICATED, "with another's secret");
              must_equal(told.size() - before, std::size_t{7}, "refusals told");
              // What a caller writes by hand does not take the place of its own.
              const auto clerk = stub();
              const Impersonation as{her};
              grpc::ClientContext context;
              context.AddMetadata("behalf-ticket", made_up);
              Line reply;
              must(!clerk->WhoAsks(&context, {}, &reply).ok() || reply.text() == words(her), "by hand");
            }),
            "");
}

// Whose a call is that brings that ticket, by hand.
std::string asked_with(const std::string& ticket) {
  const auto plain = Clerk::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("behalf-ticket", ticket);
  Line reply;
  (void)plain->WhoAsks(&context, {}, &reply);
  return reply.text();
}

TEST(A_ticket, is_good_as_long_as_the_connection_it_was_got_over) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server;
              const Impersonation as{her};
              auto [end, ticket] = ticket_by_hand();
              must(asked_with(ticket) == words(her), "good");
              end = Descriptor();
              for (int left = 200; !asked_with(ticket).empty() && left > 0; --left)
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
              must(asked_with(ticket).empty(), "after the connection was closed");
              must_equal(server.callers().tickets(), std::size_t{0}, "tickets");
            }),
            "");
}

TEST(A_ticket, is_good_no_longer_than_its_time_and_another_is_got_by_then) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server({.good_for = std::chrono::seconds(1)});
              const Impersonation as{her};
              const auto [end, ticket] = ticket_by_hand();
              must(asked_with(ticket) == words(her), "good");
              std::this_thread::sleep_for(std::chrono::milliseconds(1100));
              must(asked_with(ticket).empty(), "after its time");
              // A client of ours gets another in time.
              const auto clerk = stub();
              for (int i = 0; i < 3; ++i) {
                must(ask(*clerk, &Clerk::Stub::WhoAsks).text == words(her), "renewed");
                std::this_thread::sleep_for(std::chrono::milliseconds(600));
              }
            }),
            "");
}

// Its channel may get another meanwhile, or have no more room for it.
TEST(A_ticket, is_good_until_the_call_that_brings_it_has_been_answered) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = Clerk::NewStub(grpc_channel(target, grpc::InsecureChannelCredentials(),
                                                             {.office = office, .identities_at_most = 1}));
              Prepared call(*clerk, her);
              const Impersonation as{him};
              must(ask(*clerk, &Clerk::Stub::WhoAsks).text == words(him), "bob");
              std::this_thread::sleep_for(std::chrono::milliseconds(100));
              const std::string asks = call.answer();
              must(asks == words(her), asks);
              for (int left = 200; server.callers().tickets() != 1 && left > 0; --left)
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
              must_equal(server.callers().tickets(), std::size_t{1}, "tickets kept after the answer");
            }),
            "");
}

TEST(A_ticket, is_good_for_ever_where_that_is_said) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server({.good_for = std::chrono::seconds::max()});
              const Impersonation as{her};
              const auto clerk = stub();
              for (int i = 0; i < 3; ++i) {
                const Reply reply = ask(*clerk, &Clerk::Stub::WhoAsks);
                must(reply.text == words(her), "good: " + reply.status.error_message());
              }
              must_equal(server.callers().tickets(), std::size_t{1}, "tickets");
            }),
            "");
}

// A server that was stopped (SIGSTOP) is like that.
TEST(A_call_of_grpc, does_not_wait_without_end_for_an_office_that_does_not_answer) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              Server server({}, "/home/rpc/another");
              const Descriptor listening(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
              sockaddr_un address{};
              address.sun_family = AF_UNIX;
              std::string(office).copy(address.sun_path, sizeof address.sun_path - 1);
              must(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       ::chmod(office, 0666) == 0 && ::listen(listening.get(), 0) == 0,
                   "an office");
              const Impersonation as{her};
              const auto clerk = stub();
              ::alarm(30);
              for (const char* const what : {"connected", "not even that"}) {
                const grpc::Status status = ask(*clerk, &Clerk::Stub::WhoAsks).status;
                must(status.error_code() == grpc::StatusCode::UNAUTHENTICATED, what + (": " + status.error_message()));
                must(status.error_message().find("get a ticket at") != std::string::npos, status.error_message());
              }
            }),
            "");
}

TEST(A_ticket, is_given_to_nobody_in_numbers_without_end) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server({.at_most_of_one = 2});
              std::vector<std::pair<Descriptor, std::string>> kept;
              {
                const Impersonation as{her};
                kept.push_back(ticket_by_hand());
                kept.push_back(ticket_by_hand());
                bool refused = false;
                try {
                  kept.push_back(ticket_by_hand());
                } catch (const std::exception&) {
                  refused = true;
                }
                must(refused, "a third");
              }
              // Nor does who asks for nothing take the room of others.
              const auto hang_about = [] {
                Descriptor end(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
                sockaddr_un address{};
                address.sun_family = AF_UNIX;
                std::string(office).copy(address.sun_path, sizeof address.sun_path - 1);
                must(::connect(end.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
                return end;
              };
              {
                const Impersonation as{her};
                const Descriptor idle = hang_about();
                const timeval patience{5, 0};
                (void)::setsockopt(idle.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
                char byte = 0;
                must(::recv(idle.get(), &byte, 1, 0) == 0, "alice hangs about, beyond what she may");
              }
              const Impersonation as{him};
              kept.push_back(ticket_by_hand());  // bob has none the less
            }),
            "");
}

TEST(A_call_of_grpc, is_still_its_caller_s_after_the_server_was_restarted) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              const auto clerk = stub();
              for (int life = 0; life < 3; ++life) {
                Server server;
                for (const Token& who : {her, him}) {
                  const Impersonation as{who};
                  std::string text;
                  for (int left = 50; text.empty() && left > 0; --left) {
                    const Reply reply = ask(*clerk, &Clerk::Stub::WhoAsks);
                    text = reply.text;
                  }
                  must(text == words(who), text + " instead of " + words(who));
                }
              }
            }),
            "");
}

TEST(A_call_of_grpc, that_grpc_makes_again_by_itself_is_its_caller_s_each_time) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              server.service().fail_every(3);
              GrpcChannelOptions options;
              options.office = office;
              options.arguments.SetServiceConfigJSON(
                  R"({"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 4, "initialBackoff": "0.01s",
                      "maxBackoff": "0.02s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]})");
              const auto clerk = Clerk::NewStub(grpc_channel(target, grpc::InsecureChannelCredentials(), options));
              std::vector<std::string> expected;
              for (const Token& who : {her, him, her}) {
                const Impersonation as{who};
                const Reply reply = ask(*clerk, &Clerk::Stub::WhoAsks);
                must(reply.text == words(who), reply.text + reply.status.error_message());
                expected.insert(expected.end(), 3, words(who));
              }
              must(server.service().asked() == expected, "attempts");
            }),
            "");
}

// gRPC 1.51 for C++ takes the policy and makes one attempt; a later one that makes several makes each by the same
// filters.
TEST(A_call_of_grpc, that_is_to_be_hedged_is_its_caller_s_however_often_it_is_made) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              GrpcChannelOptions options;
              options.office = office;
              options.arguments.SetServiceConfigJSON(
                  R"({"methodConfig": [{"name": [{}], "hedgingPolicy": {"maxAttempts": 3, "hedgingDelay": "0s"}}]})");
              const auto clerk = Clerk::NewStub(grpc_channel(target, grpc::InsecureChannelCredentials(), options));
              std::size_t seen = 0;
              for (const Token& who : {her, him, her}) {
                const Impersonation as{who};
                const Reply reply = ask(*clerk, &Clerk::Stub::WhoAsks);
                must(reply.text == words(who), reply.text + reply.status.error_message());
                const std::vector<std::string> asked = server.service().asked();
                must(asked.size() > seen, "nobody asked");
                for (; seen < asked.size(); ++seen) must(asked[seen] == words(who), "an attempt of " + asked[seen]);
              }
            }),
            "");
}

// What hedges by itself where gRPC does not: makes several, takes the first answer and cancels the others.
TEST(A_call_of_grpc, that_its_caller_hedges_by_hand_is_its_caller_s_each_time) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = stub();
              for (const Token& who : {her, him, her, him}) {
                constexpr int attempts = 3;
                Line says;
                says.set_text("of " + words(who) + " by ");
                grpc::CompletionQueue queue;
                std::array<grpc::ClientContext, attempts> contexts;
                std::array<Line, attempts> replies;
                std::array<grpc::Status, attempts> statuses;
                std::vector<std::unique_ptr<grpc::ClientAsyncResponseReader<Line>>> calls;
                {
                  const Impersonation as{who};
                  for (int i = 0; i < attempts; ++i) {
                    calls.push_back(clerk->AsyncWhoAsks(&contexts[i], says, &queue));
                    calls.back()->Finish(&replies[i], &statuses[i], &statuses[i]);
                  }
                }
                std::string first;
                for (int ended = 0; ended < attempts; ++ended) {
                  void* tag = nullptr;
                  bool ok = false;
                  must(queue.Next(&tag, &ok), "the queue");
                  const auto number = static_cast<grpc::Status*>(tag) - statuses.data();
                  if (!first.empty() || !statuses[number].ok()) continue;
                  first = replies[number].text();
                  for (grpc::ClientContext& each : contexts) each.TryCancel();
                }
                must(first == words(who), "the first answer is of " + first);
              }
              // One that was cancelled may be handled after the next one's.
              for (const std::string& each : server.service().asked()) {
                const std::string by = each.substr(each.find(" by ") + 4);
                must(each == "of " + by + " by " + by, "an attempt " + each);
              }
            }),
            "");
}

TEST(A_call_of_grpc, that_is_cancelled_or_late_ends_and_the_next_is_another_s) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = stub();
              for (const bool late : {false, true}) {
                {
                  const Impersonation as{her};
                  grpc::ClientContext context;
                  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(late ? 1 : 60));
                  const auto stream = clerk->Talk(&context);
                  Line line;
                  stream->Write({});
                  must(stream->Read(&line) && line.text() == words(her), "Talk: " + line.text());
                  if (!late) context.TryCancel();
                  must(!stream->Read(&line), "an answer to nothing");
                  const grpc::StatusCode code = stream->Finish().error_code();
                  must(code == (late ? grpc::StatusCode::DEADLINE_EXCEEDED : grpc::StatusCode::CANCELLED), "status");
                }
                const Impersonation as{him};
                must(ask(*clerk, &Clerk::Stub::WhoAsks).text == words(him), "the next");
                must(ask(*clerk, &Clerk::Stub::WhoWorks).text == "0 3002 0", "who works next");
              }
              must_equal(server.service().ended_as(), alice_id, "the handler, when it was told");
            }),
            "");
}

TEST(A_call_of_grpc, leaves_no_thread_as_its_caller) {
  EXPECT_EQ(with_folder([](const Token& her, const Token&) {
              // Who makes the first that there is of gRPC in the process is alice.
              std::unique_ptr<Clerk::Stub> clerk;
              {
                const Impersonation as{her};
                grpc_warm_up();
                clerk = stub();
              }
              must_all_be_the_service();
              Server server;
              {
                const Impersonation as{her};
                must(ask(*clerk, &Clerk::Stub::WhoAsks).status.ok(), "call");
              }
              must_all_be_the_service();
            }),
            "");
}

TEST(A_call_of_grpc, is_still_its_caller_s_where_grpc_runs_as_the_service) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = stub();
              const auto fixed = [&] {
                const Impersonation as{her};
                return stub({.cloaking = Cloaking::fixed});
              }();
              const Impersonation as{him};
              const auto told_by = [](Clerk::Stub& to) {
                return grpc_call([&] {
                  must_equal(::geteuid(), uid_t{0}, "within");
                  return ask(to, &Clerk::Stub::WhoAsks).text;
                });
              };
              must(told_by(*clerk) == words(him), "dynamic");
              must(told_by(*fixed) == words(her), "fixed");
              must_equal(::geteuid(), bob_id, "afterwards");
              must(grpc_call([&] {
                     const Impersonation within{her};
                     return ask(*clerk, &Clerk::Stub::WhoAsks).text;
                   }) == words(her),
                   "whom it wears within");
              must(grpc_call([&] { return grpc_call([&] { return ask(*clerk, &Clerk::Stub::WhoAsks).text; }); }) !=
                       words(him),
                   "within, the service makes calls of its own");
            }),
            "");
}

TEST(A_call_of_grpc, crosses_nobody_with_many_at_once_from_a_cold_channel_on) {
  EXPECT_EQ(with_folder([](const Token& her, const Token& him) {
              Server server;
              const auto clerk = stub();
              std::atomic<int> wrong = 0;
              std::atomic<int> right = 0;
              {
                std::vector<behalf::thread> threads;
                for (int i = 0; i < 8; ++i) {
                  threads.emplace_back([&, i] {
                    for (int call = 0; call < 50; ++call) {
                      const Token& who = (i + call) % 2 == 0 ? her : him;
                      const Impersonation as{who};
                      const std::string text = ask(*clerk, &Clerk::Stub::WhoAsks).text;
                      ++(text == words(who) ? right : wrong);
                    }
                  });
                }
              }
              must_equal(wrong.load(), 0, "crossings");
              must_equal(right.load(), 400, "right");
            }),
            "");
}

#ifdef HAS_MUNGE
TEST(A_call_of_grpc, is_proved_by_an_engine_once_and_by_a_ticket_from_then_on) {
  if (!Munged::is_there()) GTEST_SKIP() << "no MUNGE on this machine";
  EXPECT_EQ(in_own_process([] {
              const Household household;
              must(::mkdir("/home/rpc", 0755) == 0, "mkdir");
              const Munged munged("/home/munge");
              const MungeOptions by{.socket = munged.socket()};
              start(ServiceKind::root);
              on_thread([&] {
                const Token her = Token::for_user("alice");
                const Token him = Token::for_user("bob");
                std::atomic<int> proofs = 0;
                GrpcCallersOptions options;
                options.verify = [&, verify = munge_verifier("clerk", by)](const std::string& proof) {
                  ++proofs;
                  return verify(proof);
                };
                auto server = std::make_unique<Server>(options, "");
                const auto clerk = Clerk::NewStub(
                    grpc_channel(target, grpc::InsecureChannelCredentials(), {.prove = munge_prover("clerk", 0, by)}));
                for (int round = 0; round < 3; ++round) {
                  for (const Token& who : {her, him}) {
                    const Impersonation as{who};
                    const Reply reply = ask(*clerk, &Clerk::Stub::WhoAsks);
                    must(reply.text == words(who), reply.text + reply.status.error_message());
                  }
                }
                must_equal(proofs.load(), 2, "proofs");
                {
                  const auto other = Clerk::NewStub(grpc_channel(target, grpc::InsecureChannelCredentials(),
                                                                 {.prove = munge_prover("another audience", 0, by)}));
                  const Impersonation as{her};
                  must(ask(*other, &Clerk::Stub::WhoAsks).status.error_code() == grpc::StatusCode::UNAUTHENTICATED,
                       "a proof for another audience");
                }
                // Whoever has got hold of a proof comes too late with it, and is told of.
                std::string proof;
                {
                  const Impersonation as{her};
                  proof = munge_prover("clerk", 0, by)(Level::impersonation);
                }
                const auto plain = Clerk::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
                const auto show = [&] {
                  const Impersonation as{him};
                  grpc::ClientContext context;
                  context.AddMetadata("behalf-proof", proof);
                  Line reply;
                  return plain->WhoAsks(&context, {}, &reply).error_code();
                };
                must(show() == grpc::StatusCode::OK, "a proof");
                told.clear();
                must(show() == grpc::StatusCode::UNAUTHENTICATED, "the same proof again");
                must(told.size() == 1 && told[0].find("uid " + std::to_string(alice_id)) != std::string::npos &&
                         told[0].find("eplay") != std::string::npos,
                     "what was tried is told: " + (told.empty() ? std::string("nothing") : told[0]));
                // A server that was restarted knows no ticket: it refuses once.
                server.reset();
                server = std::make_unique<Server>(options, "");
                const Impersonation as{her};
                (void)ask(*clerk, &Clerk::Stub::WhoAsks);
                must(ask(*clerk, &Clerk::Stub::WhoAsks).text == words(her), "after a restart");
              });
            }),
            "");
}
#endif

}  // namespace
}  // namespace behalf::testing
