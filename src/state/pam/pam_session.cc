#include "behalf/pam.h"

#include <security/pam_appl.h>

#include <cstdlib>

#include "behalf/error.h"
#include "identity/errors.h"

namespace behalf {

namespace {

// A module that would ask is refused: there is nobody to answer.
int answer_nothing(int, const pam_message**, pam_response**, void*) {
  return PAM_CONV_ERR;
}
constexpr pam_conv nobody = {answer_nothing, nullptr};

}  // namespace

class PamSession::Handle {
 public:
  Handle(const Token& token, const std::string& service) : who_(detail::describe(*token.data())), service_(service) {
    if (token.name().empty()) {
      throw Error(Error::Reason::unknown_user, "behalf: open a PAM session of " + who_ +
                                                   ": PAM knows users by name, and the token has none. Make it with "
                                                   "Token::for_user or Token::for_uid");
    }
    check("begin", ::pam_start(service.c_str(), token.name().c_str(), &nobody, &handle_));
    try {
      check("ask for the account", ::pam_acct_mgmt(handle_, PAM_SILENT));
      check("set the credentials", ::pam_setcred(handle_, PAM_ESTABLISH_CRED | PAM_SILENT));
      credentials_ = true;
      check("open the session", ::pam_open_session(handle_, PAM_SILENT));
      session_ = true;
    } catch (...) {
      end();
      throw;
    }
  }
  ~Handle() { end(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] pam_handle_t* get() const { return handle_; }

 private:
  void check(const char* what, int result) {
    last_ = result;
    if (result == PAM_SUCCESS) return;
    const bool machine = result == PAM_ABORT || result == PAM_BUF_ERR || result == PAM_SYSTEM_ERR ||
                         result == PAM_OPEN_ERR || result == PAM_SYMBOL_ERR || result == PAM_SERVICE_ERR;
    throw Error(machine ? Error::Reason::platform : Error::Reason::not_permitted,
                "behalf: open a PAM session of " + who_ + ": " + what + ": " + ::pam_strerror(handle_, result) +
                    ". The modules of /etc/pam.d/" + service_ +
                    " decide, or those of /etc/pam.d/other where it is not there");
  }

  void end() {
    if (session_) last_ = ::pam_close_session(handle_, PAM_SILENT);
    if (credentials_) last_ = ::pam_setcred(handle_, PAM_DELETE_CRED | PAM_SILENT);
    ::pam_end(handle_, last_);
  }

  std::string who_;
  std::string service_;
  pam_handle_t* handle_ = nullptr;
  int last_ = PAM_SUCCESS;
  bool credentials_ = false;
  bool session_ = false;
};

PamSession::PamSession(const Token& token, const std::string& service)
    : handle_(std::make_unique<Handle>(token, service)) {}

PamSession::~PamSession() = default;

std::vector<std::string> PamSession::environment() const {
  std::vector<std::string> variables;
  char** const list = ::pam_getenvlist(handle_->get());
  for (char** each = list; each != nullptr && *each != nullptr; ++each) {
    variables.emplace_back(*each);
    std::free(*each);
  }
  std::free(list);
  return variables;
}

}  // namespace behalf
