// Blanket: which identity a proxy presents to the server behind it. What COM's CoSetProxyBlanket says of a proxy.
//
//   behalf::PostgresPool database("host=/run/postgresql dbname=app");          // dynamic: whoever calls
//   database.set_blanket({.cloaking = behalf::Cloaking::none});                // the service, whoever calls
//   {
//     const behalf::Impersonation as{alice};
//     database.set_blanket({.cloaking = behalf::Cloaking::fixed});             // alice, whoever calls from now on
//   }
//
// COM's default is `none`: a server that impersonates alice calls another, and that one sees the service, "and all your
// careful work has been for naught". Here the default is `dynamic`, and `none` is said by name.
#pragma once

#include <optional>
#include <string_view>

#include "behalf/carried.h"
#include "behalf/level.h"

namespace behalf {

enum class Cloaking {
  none,     // the service, also while the calling thread impersonates
  fixed,    // whoever the thread wore that set the blanket ("static cloaking")
  dynamic,  // whoever the calling thread wears, at each call
};

// What must be vouched for at the server's end, at least. A proxy whose engine cannot, refuses the blanket.
enum class Authentication {
  connection,  // who opened the connection; its calls are taken for his
  call,        // who makes each call
  integrity,   // and that nothing of it was changed on the way
  privacy,     // and that nobody could read it
};

struct Blanket {
  Cloaking cloaking = Cloaking::dynamic;
  // How far the server may go: look, and check what the user may do (`identification`); act as the user on its machine
  // (`impersonation`); present the user to another (`delegation`). A proxy whose engine cannot keep a server to less
  // than `impersonation`, since it carries no level, refuses a blanket of less.
  Level level = Level::impersonation;
  Authentication authentication = Authentication::connection;
};

// Effects and errors: none. Thread-safe. Cost: no system call.
[[nodiscard]] std::string_view to_string(Cloaking cloaking) noexcept;
[[nodiscard]] std::string_view to_string(Authentication authentication) noexcept;

// A blanket that has been set: for who writes a proxy.
//
//   class Proxy {
//     void set_blanket(const behalf::Blanket& blanket) { cloak_ = behalf::Cloak(blanket, Authentication::call); }
//     void call() { channel_of(cloak_.presented()).call(cloak_.level()); }
//   };
class Cloak {
 public:
  // `offered` is the most that the proxy's engine vouches for, `least` the lowest level that it can keep a server to.
  // Errors: Error of reason not_permitted where the blanket asks for more than that, or for less; power_needed where a
  // fixed identity's own level is lower than the blanket's; those of Carried. Thread-safe. Cost: that of Carried.
  explicit Cloak(const Blanket& blanket, Authentication offered = Authentication::privacy,
                 Level least = Level::anonymous);

  // Whom a call presents that the calling thread makes now.
  // Errors: as above, of a dynamic identity. Thread-safe. Cost: that of Carried.
  [[nodiscard]] Carried presented() const { return presented(Carried()); }
  // Whom it would present that such a caller makes.
  [[nodiscard]] Carried presented(const Carried& caller) const;

  [[nodiscard]] const Blanket& blanket() const noexcept { return blanket_; }

 private:
  Blanket blanket_;
  std::optional<Carried> fixed_;
};

}  // namespace behalf
