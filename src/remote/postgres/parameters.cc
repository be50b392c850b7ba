#include "remote/postgres/parameters.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "behalf/error.h"
#include "state/user_file.h"

namespace behalf::detail {

namespace {

// What is each user's own, and where libpq looks for it beneath the home folder ("The Password File", "The Connection
// Service File", "Client Certificates"). Said outright, so that neither $HOME nor the environment is asked.
struct Own {
  const char* parameter;
  const char* file;
};
constexpr std::array<Own, 6> own_files = {{{"passfile", ".pgpass"},
                                           {"sslcert", ".postgresql/postgresql.crt"},
                                           {"sslkey", ".postgresql/postgresql.key"},
                                           {"sslrootcert", ".postgresql/root.crt"},
                                           {"sslcrl", ".postgresql/root.crl"},
                                           {"sslcrldir", ".postgresql/crls"}}};
constexpr std::array<const char*, 6> not_in_common = {"user",    "password", "passfile",
                                                      "sslcert", "sslkey",   "sslpassword"};
constexpr const char* service_file = ".pg_service.conf";
constexpr const char* service_file_of_machine = "/etc/postgresql-common/pg_service.conf";
constexpr std::size_t largest_service_file = 64 * 1024;

Error unusable(const std::string& why) {
  return Error(Error::Reason::not_usable, "behalf: pool of PostgreSQL connections: " + why);
}

// What the environment says holds for the process, and would be presented for every user.
void environment_must_be_silent() {
  for (const char* name : {"PGPASSWORD", "PGSERVICE", "PGSERVICEFILE"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    throw unusable(std::string{name} +
                   " is set in the environment of the process, and libpq would present it for every user. Unset it "
                   "before the pool is made");
  }
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blank) - first + 1));
}

// The section of that name of a connection service file; nothing where there is none.
std::optional<PostgresParameters> section(std::string_view text, const std::string& name) {
  std::optional<PostgresParameters> found;
  bool inside = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string line = trimmed(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      if (found) return found;
      inside = line == '[' + name + ']';
      if (inside) found.emplace();
      continue;
    }
    if (!inside) continue;
    const auto equals = line.find('=');
    if (equals == std::string::npos) throw unusable("service " + name + ": no KEY=VALUE: " + line);
    found->emplace(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
  return found;
}

// What a service says, of the user's file where it has it, else of the machine's.
PostgresParameters service_of(const std::string& name, const Account& user) {
  if (const auto own = read_beneath(user.home, service_file, largest_service_file)) {
    if (const auto found = section(*own, name)) return *found;
  }
  if (const auto machines = read_of_machine(service_file_of_machine, largest_service_file)) {
    if (const auto found = section(*machines, name)) return *found;
  }
  throw unusable("there is no service " + name + " in " + user.home + '/' + service_file + " or " +
                 service_file_of_machine);
}

}  // namespace

PostgresParameters common_parameters(const std::string& connection) {
  char* trouble = nullptr;
  PQconninfoOption* const options = PQconninfoParse(connection.c_str(), &trouble);
  if (options == nullptr) {
    std::string why = trouble == nullptr ? "out of memory" : trimmed(trouble);
    if (!why.empty() && why.back() == '\n') why.pop_back();
    PQfreemem(trouble);
    throw unusable("'" + connection + "' is no connection string: " + why);
  }
  PostgresParameters common;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) common.emplace(option->keyword, option->val);
  }
  PQconninfoFree(options);
  for (const char* own : not_in_common) {
    if (!common.contains(own)) continue;
    throw unusable(std::string{"the connection string says '"} + own +
                   "', which is each user's own. Leave it out: it is taken from who connects");
  }
  environment_must_be_silent();
  return common;
}

PostgresParameters parameters_of(const PostgresParameters& common, const Account& user) {
  PostgresParameters all = common;
  if (const auto service = all.extract("service")) {
    // What is said outright goes before what the service says (libpq, "service").
    all.merge(service_of(service.mapped(), user));
  }
  all.try_emplace("user", user.name);
  for (const Own& own : own_files) all.try_emplace(own.parameter, user.home + '/' + own.file);
  return all;
}

bool is_at_socket(const PostgresParameters& all) {
  const auto said = [&](const char* parameter, const char* variable) -> std::string_view {
    const auto found = all.find(parameter);
    if (found != all.end() && !found->second.empty()) return found->second;
    const char* const value = std::getenv(variable);
    return value == nullptr ? "" : value;
  };
  if (!said("hostaddr", "PGHOSTADDR").empty()) return false;
  const std::string_view host = said("host", "PGHOST");
  // Of several any may be the one.
  return host.empty() || ((host[0] == '/' || host[0] == '@') && host.find(',') == std::string_view::npos);
}

}  // namespace behalf::detail
