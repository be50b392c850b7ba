// A realm of Kerberos of a test's own: real KDCs on the loopback of a network of its own.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "engines.h"

namespace behalf::testing {

// alice, bob and carol have passwords ("secret"); mallory, who has one too, is no account of the machine. Services have
// keys in a keytab each: notes, other, plain, HTTP and postgres, of localhost; the realm trusts `notes` with forwarded
// tickets. To be made inside a Household, before the library is initialized.
class Realm {
 public:
  struct Options {
    // The KDC's principals are in an LDAP directory, which knows of constrained delegation: `notes` may present anybody
    // but carol to `other`; `plain` may, too, where they came with a ticket; and `other` may present nobody.
    bool directory = false;
    // There is a realm OTHER.TEST, with an alice of its own, that BEHALF.TEST trusts to say who its principals are.
    bool neighbour = false;
  };

  static bool is_there();
  // And what it takes for Options::directory.
  static bool has_directory();

  Realm() : Realm(Options()) {}
  explicit Realm(const Options& options);

  [[nodiscard]] static std::string keytab(const std::string& service) { return "/home/kdc/keytab_of_" + service; }
  [[nodiscard]] static std::string cache(const std::string& user) { return "FILE:/home/kdc/tickets_of_" + user; }

  // As the user's log-in would: her tickets are in a file of hers, which is returned.
  static std::string log_in(const std::string& user, uid_t uid, const std::string& options = "-f -l 1h");

  // A line of kinit(1) or another program; throws with what it said where it fails.
  static void run(const std::string& command);

  // From now on this process takes and makes proofs with that much tolerance.
  static void tolerate_seconds(int clock_skew);

 private:
  static void configure(const Options& options, int clock_skew);
  void make_directory();
  static void make_principals(const Options& options);

  std::optional<Engine> directory_;
  std::optional<Engine> kdc_;
};

}  // namespace behalf::testing
