// What it costs that the other end knows whose a call is: a statement of PostgreSQL by the pool beside a connection of
// its own; a call over D-Bus on the user's connection beside one that all share; a call of gRPC with a ticket, by each
// engine that it is given for, beside one without, and what the first costs, for which a proof is made. Interleaved, as
// alice, on engines of the machine's that are started for it:
//
//   behalf_bench_remote            runs everything and prints the ratios
#include <benchmark/benchmark.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/method_handler.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/impl/codegen/service_type.h>
#include <grpcpp/support/byte_buffer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "behalf/dbus.h"
#include "behalf/grpc.h"
#include "behalf/impersonation.h"
#include "behalf/initialize.h"
#include "behalf/kerberos.h"
#include "behalf/munge.h"
#include "behalf/postgres.h"
#include "children/household.h"
#include "comparison.h"
#include "engines.h"
#include "realm.h"

namespace {

using behalf::testing::Engine;
using behalf::testing::Household;
using behalf::testing::Munged;
using behalf::testing::PostgresServer;
using behalf::testing::Realm;

constexpr const char* database = "host=/home/database dbname=postgres";
constexpr const char* bus_address = "unix:path=/home/bus/socket";
constexpr const char* rpc_address = "unix:/home/rpc/channel";
constexpr uid_t daemon_id = 3003;

// A server of gRPC with one method, whose messages are bytes; with callers that are known, or without.
class Echo final : public grpc::Service {
 public:
  explicit Echo(behalf::GrpcCallers& callers) {
    add("/bench/Plain", [](Echo*, grpc::ServerContext*, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
      *out = *in;
      return grpc::Status::OK;
    });
    add("/bench/Known",
        [&callers](Echo*, grpc::ServerContext* context, const grpc::ByteBuffer* in, grpc::ByteBuffer* out) {
          return callers.serve(*context, [&] {
            *out = *in;
            return grpc::Status::OK;
          });
        });
  }

 private:
  template <class F>
  void add(const char* name, F f) {
    AddMethod(new grpc::internal::RpcServiceMethod(
        name, grpc::internal::RpcMethod::NORMAL_RPC,
        new grpc::internal::RpcMethodHandler<Echo, grpc::ByteBuffer, grpc::ByteBuffer>(std::move(f), this)));
  }
};

void call(benchmark::State& state, grpc::Channel& channel, const char* method) {
  const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Slice slice("as alice");
  const grpc::ByteBuffer request(&slice, 1);
  while (state.KeepRunning()) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    grpc::ByteBuffer reply;
    const grpc::Status status = grpc::internal::BlockingUnaryCall(&channel, rpc, &context, request, &reply);
    if (!status.ok()) return state.SkipWithError(status.error_message().c_str());
  }
}

bool select(PGconn* connection) {
  PGresult* const result = PQexec(connection, "SELECT 1");
  const bool answered = PQresultStatus(result) == PGRES_TUPLES_OK;
  PQclear(result);
  return answered;
}

const behalf::MungeOptions by_munged{.socket = "/home/munge/socket"};
const behalf::Prove prove_by_kerberos = behalf::kerberos_prover(
    "notes@localhost", {.cache_of = [](const behalf::Token& who) { return Realm::cache(who.name()); }});

// Of both engines: MUNGE's proofs say so.
behalf::Sender verify(const std::string& proof) {
  static const behalf::Verify munge = behalf::munge_verifier("bench", by_munged);
  static const behalf::Verify kerberos = behalf::kerberos_verifier(Realm::keytab("notes"), "notes");
  return proof.starts_with("MUNGE:") ? munge(proof) : kerberos(proof);
}

struct Ends {
  behalf::PostgresPool pool{database};
  behalf::DBus bus{bus_address};
  behalf::DBusProxy of_caller{bus, "org.freedesktop.DBus", "/org/freedesktop/DBus"};
  std::unique_ptr<sdbus::IConnection> shared_connection = sdbus::createSessionBusConnectionWithAddress(bus_address);
  std::shared_ptr<sdbus::IProxy> shared;
  std::shared_ptr<grpc::Channel> plain = grpc::CreateChannel(rpc_address, grpc::InsecureChannelCredentials());
  std::shared_ptr<grpc::Channel> by_office = known({.office = "/home/rpc/office"});
  std::shared_ptr<grpc::Channel> by_munge = known({.prove = behalf::munge_prover("bench", 0, by_munged)});
  std::shared_ptr<grpc::Channel> by_kerberos = known({.prove = prove_by_kerberos});

  static std::shared_ptr<grpc::Channel> known(const behalf::GrpcChannelOptions& options) {
    return behalf::grpc_channel(rpc_address, grpc::InsecureChannelCredentials(), options);
  }

  Ends() {
    shared_connection->enterEventLoopAsync();
    shared = sdbus::createProxy(*shared_connection, "org.freedesktop.DBus", "/org/freedesktop/DBus");
  }
  ~Ends() { shared_connection->leaveEventLoop(); }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
};
std::optional<Ends> ends;

void by_pool(benchmark::State& state) {
  while (state.KeepRunning()) {
    const behalf::PostgresConnection connection = ends->pool.take();
    if (!select(connection.get())) return state.SkipWithError("no answer");
  }
}
BENCHMARK(by_pool)->Name("PostgreSQL, PostgresPool")->UseRealTime();

void by_connecting(benchmark::State& state) {
  while (state.KeepRunning()) {
    PGconn* const connection = PQconnectdb((std::string(database) + " user=alice passfile=/dev/null").c_str());
    const bool answered = select(connection);
    PQfinish(connection);
    if (!answered) return state.SkipWithError("no answer");
  }
}
BENCHMARK(by_connecting)->Name("PostgreSQL, connecting for each")->UseRealTime();

void get_id(benchmark::State& state, bool of_caller) {
  while (state.KeepRunning()) {
    std::string id;
    const auto proxy = of_caller ? ends->of_caller.get() : ends->shared;
    proxy->callMethod("GetId").onInterface("org.freedesktop.DBus").storeResultsTo(id);
    benchmark::DoNotOptimize(id);
  }
}
BENCHMARK_CAPTURE(get_id, of_caller, true)->Name("D-Bus, DBusProxy")->UseRealTime();
BENCHMARK_CAPTURE(get_id, shared, false)->Name("D-Bus, a shared connection")->UseRealTime();

void echo(benchmark::State& state, std::shared_ptr<grpc::Channel> Ends::*channel) {
  call(state, *((*ends).*channel), channel == &Ends::plain ? "/bench/Plain" : "/bench/Known");
}
BENCHMARK_CAPTURE(echo, by_office, &Ends::by_office)->Name("gRPC, a ticket")->UseRealTime();
BENCHMARK_CAPTURE(echo, by_munge, &Ends::by_munge)->Name("gRPC, a ticket by MUNGE")->UseRealTime();
BENCHMARK_CAPTURE(echo, by_kerberos, &Ends::by_kerberos)->Name("gRPC, a ticket by Kerberos")->UseRealTime();
BENCHMARK_CAPTURE(echo, plain, &Ends::plain)->Name("gRPC, plain")->UseRealTime();

// What comes before the first call of an identity.
void prove(benchmark::State& state, const behalf::Prove& by) {
  while (state.KeepRunning()) {
    const std::string proof = by(behalf::Level::impersonation);
    const behalf::AsService self;  // as the server is
    benchmark::DoNotOptimize(verify(proof));
  }
}
BENCHMARK_CAPTURE(prove, by_munge, behalf::munge_prover("bench", 0, by_munged))
    ->Name("a proof by MUNGE, made and verified")
    ->UseRealTime();
BENCHMARK_CAPTURE(prove, by_kerberos, prove_by_kerberos)->Name("a proof by Kerberos, made and verified")->UseRealTime();

class Ratios : public behalf::bench::Comparison {
 public:
  void keep(const Run& run) override { medians_[run.run_name.function_name] = run.GetAdjustedRealTime(); }

  void Finalize() override {
    std::printf("\nby the median\n");
    ratio("PostgreSQL, connecting for each", "PostgreSQL, PostgresPool", "at least 20");
    ratio("D-Bus, DBusProxy", "D-Bus, a shared connection", "at most 1.1");
    ratio("gRPC, a ticket", "gRPC, plain", "at most 1.25");
    ratio("gRPC, a ticket by MUNGE", "gRPC, plain", "at most 1.25");
    ratio("gRPC, a ticket by Kerberos", "gRPC, plain", "at most 1.25");
    ratio("a proof by MUNGE, made and verified", "gRPC, plain", "none, once for a ticket");
    ratio("a proof by Kerberos, made and verified", "gRPC, plain", "none, once for a ticket");
  }

 private:
  void ratio(const std::string& one, const std::string& other, const char* bar) {
    std::printf("%-39s %6.2f times %s (the bar: %s)\n", one.c_str(), medians_[one] / medians_[other], other.c_str(),
                bar);
  }
  std::map<std::string, double> medians_;
};

std::unique_ptr<Engine> start_bus() {
  ::mkdir("/home/bus", 0755);
  if (::chown("/home/bus", daemon_id, daemon_id) != 0) throw std::runtime_error("chown /home/bus");
  std::ofstream("/home/bus/conf") << "<busconfig><type>system</type><listen>" << bus_address
                                  << "</listen><auth>EXTERNAL</auth><policy context='default'><allow user='*'/>"
                                     "<allow send_destination='*'/><allow receive_sender='*'/></policy></busconfig>\n";
  return std::make_unique<Engine>(std::vector<std::string>{"/usr/bin/dbus-daemon", "--config-file=/home/bus/conf",
                                                           "--nofork", "--nopidfile", "--nosyslog"},
                                  daemon_id, daemon_id, [] { return behalf::testing::accepts("/home/bus/socket"); });
}

void run(behalf::bench::Interleaved& arguments) {
  if (!Munged::is_there() || !Realm::is_there()) throw std::runtime_error("no MUNGE or no KDC on this machine");
  if (!PostgresServer::is_there()) throw std::runtime_error("no PostgreSQL on this machine");
  const Household household;
  const PostgresServer server("/home/database");
  const auto bus = start_bus();
  const Munged munged("/home/munge");
  const Realm realm;
  Realm::log_in("alice", behalf::testing::alice_id);
  behalf::initialize({});
  ::mkdir("/home/rpc", 0755);
  behalf::GrpcCallers callers({.office = "/home/rpc/office", .verify = verify});
  Echo echo(callers);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(rpc_address, grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto rpc = builder.BuildAndStart();
  ::chmod("/home/rpc/channel", 0777);
  ends.emplace();
  arguments.initialize();
  // Not on the main thread, which is not impersonated in `full`.
  std::thread([] {
    const behalf::Impersonation as{behalf::Token::for_user("alice")};
    Ratios reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
  }).join();
  ends.reset();
  rpc->Shutdown();
}

}  // namespace

int main(int argc, char** argv) {
  behalf::bench::Interleaved arguments(argc, argv);
  try {
    run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 69;
  }
  return 0;
}
