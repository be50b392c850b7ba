// A client of gRPC that a server presents to the next one, by a real KDC: three parties, two calls, one user.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "behalf/grpc.h"
#include "behalf/impersonation.h"
#include "behalf/kerberos.h"
#include "children/household.h"
#include "clerk.grpc.pb.h"
#include "realm.h"
#include "refused.h"

namespace behalf::testing {
namespace {

constexpr const char* near = "unix:/home/rpc/near";
constexpr const char* far = "unix:/home/rpc/far";

struct Told {
  grpc::Status status;
  std::string text;
};

Told ask(Clerk::Stub& clerk) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  Line reply;
  const grpc::Status status = clerk.WhoAsks(&context, {}, &reply);
  return {status, reply.text()};
}

// Says who asks, and, where there is a next one, who asks there when it is asked as whoever asks here.
class Desk final : public Clerk::Service {
 public:
  Desk(const char* at, const std::string& service, Level takes, Clerk::Stub* next)
      : callers_({.verify = kerberos_verifier(Realm::keytab(service), service + "@localhost", {.takes = takes}),
                  .highest = takes}),
        next_(next) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(at, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    must(server_ != nullptr && ::chmod(at + std::string("unix:").size(), 0777) == 0, "the server does not start");
  }
  ~Desk() override { server_->Shutdown(std::chrono::system_clock::now()); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  grpc::Status WhoAsks(grpc::ServerContext* context, const Line*, Line* reply) override {
    return callers_.serve(*context, [&] {
      const CallContext call = CallContext::current();
      reply->set_text(call.client()->name());
      if (next_ == nullptr) return grpc::Status::OK;
      const Impersonation as = call.impersonate_client();
      const Told there = grpc_call([&] { return ask(*next_); });
      reply->set_text(reply->text() + ", there " + there.text);
      return there.status;
    });
  }

 private:
  GrpcCallers callers_;
  Clerk::Stub* const next_;
  std::unique_ptr<grpc::Server> server_;
};

std::unique_ptr<Clerk::Stub> stub(const char* at, const Prove& prove, Level level) {
  return Clerk::NewStub(
      grpc_channel(at, grpc::InsecureChannelCredentials(), {.prove = prove, .blanket = {.level = level}}));
}

const Prove from_file =
    kerberos_prover("notes@localhost", {.cache_of = [](const Token& who) { return Realm::cache(who.name()); }});

std::string with_desks(Level level, const std::function<void(Clerk::Stub&, const Token&, const Token&)>& body) {
  return in_own_process([&] {
    const Household household;
    const Realm realm;
    Realm::log_in("alice", alice_id);
    Realm::log_in("bob", bob_id);
    // The process's own, which are nobody's business here.
    ::setenv("KRB5CCNAME", Realm::cache("bob").c_str(), 1);
    must(::mkdir("/home/rpc", 0755) == 0, "mkdir");
    start(ServiceKind::root);
    on_thread([&] {
      const Desk there(far, "other", Level::impersonation, nullptr);
      const auto to_there = stub(far, kerberos_prover("other@localhost"), Level::impersonation);
      const Desk here(near, "notes", level, to_there.get());
      const auto to_here = stub(near, from_file, level);
      const auto with = [&](const char* name) {
        const Token who = Token::for_user(name);
        return level == Level::delegation ? who.with_level(level, raise_level) : who;
      };
      body(*to_here, with("alice"), with("bob"));
    });
  });
}

class A_call_that_leads_to_another : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Realm::is_there()) GTEST_SKIP() << "no KDC on this machine";
  }
};

TEST_F(A_call_that_leads_to_another, is_its_caller_s_there_too_where_she_delegates) {
  EXPECT_EQ(with_desks(Level::delegation,
                       [](Clerk::Stub& here, const Token& her, const Token& him) {
                         std::vector<std::thread> callers;
                         std::atomic<int> right = 0;
                         for (int i = 0; i < 4; ++i) {
                           callers.emplace_back([&, who = i % 2 == 0 ? her : him] {
                             const Impersonation as{who};
                             for (int call = 0; call < 5; ++call) {
                               const Told told = ask(here);
                               right += told.text == who.name() + ", there " + who.name() ? 1 : 0;
                             }
                           });
                         }
                         for (std::thread& each : callers) each.join();
                         must_equal(right.load(), 20, "right");
                       }),
            "");
}

TEST_F(A_call_that_leads_to_another, is_nobody_s_there_where_she_does_not) {
  EXPECT_EQ(with_desks(Level::impersonation,
                       [](Clerk::Stub& here, const Token& her, const Token&) {
                         const Impersonation as{her};
                         const Told told = ask(here);
                         must_equal(told.status.error_code(), grpc::StatusCode::UNAUTHENTICATED, "status");
                         must(told.text.empty(), told.text);
                       }),
            "");
}

}  // namespace
}  // namespace behalf::testing
