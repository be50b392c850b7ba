#include "realm.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "child.h"

namespace behalf::testing {

namespace {

constexpr const char* schema = "/usr/share/doc/krb5-kdc-ldap/kerberos.schema.gz";
constexpr const char* directory_url = "ldapi://%2Fhome%2Fkdc%2Fdirectory.socket";

bool have(const std::vector<const char*>& programs) {
  for (const char* const program : programs)
    if (::access(program, X_OK) != 0) return false;
  return true;
}

void administer(const std::string& what, const std::string& realm = "BEHALF.TEST") {
  Realm::run("kadmin.local -r " + realm + " -q '" + what + "'");
}

}  // namespace

bool Realm::is_there() {
  return have({"/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util", "/usr/sbin/kadmin.local", "/usr/bin/kinit"});
}

bool Realm::has_directory() {
  return is_there() && have({"/usr/sbin/slapd", "/usr/sbin/kdb5_ldap_util", "/usr/bin/ldapmodify"}) &&
         ::access(schema, R_OK) == 0;
}

void Realm::run(const std::string& command) {
  const int status = std::system(("{ " + command + "; } >/home/kdc/said 2>&1").c_str());
  if (status == 0) return;
  std::ifstream said("/home/kdc/said");
  throw std::runtime_error(command + ": " + std::string(std::istreambuf_iterator<char>(said), {}));
}

void Realm::configure(const Options& options, int clock_skew) {
  std::ofstream client("/home/kdc/krb5.conf");
  client << "[libdefaults]\n default_realm = BEHALF.TEST\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n"
            " rdns = false\n udp_preference_limit = 1\n clockskew = "
         << clock_skew << "\n[realms]\n BEHALF.TEST = {\n  kdc = 127.0.0.1:18888\n }\n";
  if (options.neighbour) client << " OTHER.TEST = {\n  kdc = 127.0.0.1:18889\n }\n";
  client << "[domain_realm]\n localhost = BEHALF.TEST\n";
}

void Realm::tolerate_seconds(int clock_skew) {
  configure({.directory = false, .neighbour = true}, clock_skew);
}

void Realm::make_directory() {
  run(std::string("mkdir -m 0700 /home/kdc/directory && zcat ") + schema + " > /home/kdc/kerberos.schema");
  std::ofstream("/home/kdc/slapd.conf")
      << "include /etc/ldap/schema/core.schema\ninclude /home/kdc/kerberos.schema\n"
         "pidfile /home/kdc/slapd.pid\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n"
         "database mdb\nmaxsize 16777216\nsuffix dc=behalf,dc=test\n"
         "rootdn cn=admin,dc=behalf,dc=test\nrootpw directory\n"
         "directory /home/kdc/directory\n";
  directory_.emplace(
      std::vector<std::string>{"/usr/sbin/slapd", "-d", "0", "-f", "/home/kdc/slapd.conf", "-h", directory_url}, 0, 0,
      [] { return accepts("/home/kdc/directory.socket"); });
  std::ofstream("/home/kdc/top.ldif") << "dn: dc=behalf,dc=test\nobjectClass: dcObject\nobjectClass: organization\n"
                                         "dc: behalf\no: behalf\n";
  run(std::string("ldapadd -x -H ") + directory_url +
      " -D cn=admin,dc=behalf,dc=test -w directory -f /home/kdc/top.ldif");
  run("printf 'directory\\ndirectory\\n' | kdb5_ldap_util stashsrvpw -f /home/kdc/directory.password "
      "cn=admin,dc=behalf,dc=test");
}

void Realm::make_principals(const Options& options) {
  for (const char* const user : {"alice", "bob", "carol", "mallory"})
    administer(std::string("addprinc -pw secret ") + user);
  for (const std::string service : {"notes", "other", "plain", "HTTP", "postgres"}) {
    administer("addprinc -randkey " + service + "/localhost");
    administer("ktadd -k " + keytab(service) + ' ' + service + "/localhost");
  }
  for (const char* const trusted : {"notes", "HTTP"})
    administer("modprinc +ok_as_delegate " + std::string(trusted) + "/localhost");
  if (options.directory) {
    administer("modprinc +ok_to_auth_as_delegate notes/localhost");
    administer("modprinc -allow_forwardable carol");
    std::ofstream allowed("/home/kdc/allowed.ldif");
    for (const char* const presents : {"notes", "plain"}) {
      allowed << "dn: krbPrincipalName=" << presents
              << "/localhost@BEHALF.TEST,cn=BEHALF.TEST,cn=krb,dc=behalf,dc=test\nchangetype: modify\n"
                 "add: krbAllowedToDelegateTo\nkrbAllowedToDelegateTo: other/localhost@BEHALF.TEST\n\n";
    }
    allowed.close();
    run(std::string("ldapmodify -x -H ") + directory_url +
        " -D cn=admin,dc=behalf,dc=test -w directory -f /home/kdc/allowed.ldif");
  }
  if (options.neighbour) {
    run("kdb5_util create -s -P master -r OTHER.TEST");
    administer("addprinc -pw secret alice", "OTHER.TEST");
    for (const char* const realm : {"BEHALF.TEST", "OTHER.TEST"})
      administer("addprinc -pw between krbtgt/BEHALF.TEST@OTHER.TEST", realm);
  }
}

Realm::Realm(const Options& options) {
  must(::unshare(CLONE_NEWNET) == 0, "unshare");
  must(::mkdir("/home/kdc", 0755) == 0, "mkdir");
  run("ip link set lo up");
  configure(options, 300);
  std::ofstream kdc("/home/kdc/kdc.conf");
  kdc << "[kdcdefaults]\n kdc_ports = \"\"\n[realms]\n BEHALF.TEST = {\n  key_stash_file = /home/kdc/stash\n"
         "  acl_file = /home/kdc/acl\n  kdc_tcp_ports = 18888\n";
  kdc << (options.directory ? "  database_module = directory\n }\n" : "  database_name = /home/kdc/principal\n }\n");
  if (options.neighbour) {
    kdc << " OTHER.TEST = {\n  key_stash_file = /home/kdc/stash_other\n  acl_file = /home/kdc/acl\n"
           "  kdc_tcp_ports = 18889\n  database_name = /home/kdc/other\n }\n";
  }
  if (options.directory) {
    kdc << "[dbmodules]\n directory = {\n  db_library = kldap\n  ldap_servers = " << directory_url
        << "\n  ldap_kdc_dn = cn=admin,dc=behalf,dc=test\n  ldap_kadmind_dn = cn=admin,dc=behalf,dc=test\n"
           "  ldap_service_password_file = /home/kdc/directory.password\n"
           "  ldap_kerberos_container_dn = cn=krb,dc=behalf,dc=test\n  disable_last_success = true\n"
           "  disable_lockout = true\n }\n";
  }
  kdc.close();
  ::setenv("KRB5_CONFIG", "/home/kdc/krb5.conf", 1);
  ::setenv("KRB5_KDC_PROFILE", "/home/kdc/kdc.conf", 1);
  ::setenv("KRB5RCACHENAME", "dfl:", 1);
  if (options.directory) {
    make_directory();
    run(std::string("kdb5_ldap_util -D cn=admin,dc=behalf,dc=test -w directory -H ") + directory_url +
        " create -r BEHALF.TEST -subtrees dc=behalf,dc=test -s -P master");
  } else {
    run("kdb5_util create -s -P master -r BEHALF.TEST");
  }
  make_principals(options);
  std::vector<std::string> command{"/usr/sbin/krb5kdc", "-n", "-r", "BEHALF.TEST", "-P", "/home/kdc/pid"};
  if (options.neighbour) command.insert(command.end(), {"-r", "OTHER.TEST"});
  kdc_.emplace(command, 0, 0, [] {
    return std::system(("kinit -c MEMORY: -k -t " + keytab("notes") + " notes/localhost >/dev/null 2>&1").c_str()) == 0;
  });
}

std::string Realm::log_in(const std::string& user, uid_t uid, const std::string& options) {
  const std::string file = "/home/kdc/tickets_of_" + user;
  run("echo secret | kinit " + options + " -c FILE:" + file + ' ' + user);
  must(::chown(file.c_str(), uid, uid) == 0 && ::chmod(file.c_str(), 0600) == 0, "chown");
  return "FILE:" + file;
}

}  // namespace behalf::testing
