#include "cli/session.h"

#include <stdexcept>

#ifdef BEHALF_PAM
#include <behalf/pam.h>
#endif

namespace behalf::tool {

#ifdef BEHALF_PAM

namespace {

class OfPam : public Session {
 public:
  explicit OfPam(const Token& token) : session_(token) {}
  std::vector<std::string> environment() const override { return session_.environment(); }

 private:
  PamSession session_;
};

}  // namespace

std::unique_ptr<Session> open_pam_session(const Token& token) {
  return std::make_unique<OfPam>(token);
}

#else

std::unique_ptr<Session> open_pam_session(const Token&) {
  throw std::runtime_error("behalf: run-as --pam: this behalf was built without libpam");
}

#endif

}  // namespace behalf::tool
