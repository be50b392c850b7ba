#include <security/pam_appl.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "behalf/error.h"
#include "behalf/http_pam.h"

namespace behalf::http {

namespace {

struct Words {
  const char* password;
};

// Answers what a module asks: a hidden question with the password, any visible one not at all.
int converse(int count, const pam_message** messages, pam_response** responses, void* data) {
  auto* const answers = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (answers == nullptr) return PAM_BUF_ERR;
  bool refused = false;
  for (int i = 0; i < count && !refused; ++i) {
    if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF) {
      answers[i].resp = ::strdup(static_cast<const Words*>(data)->password);
      refused = answers[i].resp == nullptr;
    } else {
      refused = messages[i]->msg_style == PAM_PROMPT_ECHO_ON;
    }
  }
  if (!refused) {
    *responses = answers;
    return PAM_SUCCESS;
  }
  for (int i = 0; i < count; ++i) {
    if (answers[i].resp != nullptr) ::explicit_bzero(answers[i].resp, std::strlen(answers[i].resp));
    std::free(answers[i].resp);
  }
  std::free(answers);
  return PAM_CONV_ERR;
}

// In place of the modules' sleep (pam_fail_delay(3)).
void no_delay(int, unsigned, void*) {}

class Transaction {
 public:
  Transaction(const std::string& service, const std::string& name, const std::string& password)
      : words_{password.c_str()}, conversation_{converse, &words_} {
    last_ = ::pam_start(service.c_str(), name.c_str(), &conversation_, &handle_);
    if (last_ != PAM_SUCCESS) {
      handle_ = nullptr;
      throw Error(Error::Reason::platform, "behalf: ask PAM for a password: begin: " + words() + place(service));
    }
    void (*delay)(int, unsigned, void*) = no_delay;
    last_ = ::pam_set_item(handle_, PAM_FAIL_DELAY, reinterpret_cast<const void*>(delay));
  }
  ~Transaction() {
    if (handle_ != nullptr) ::pam_end(handle_, last_);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  bool is_right(const std::string& service) {
    last_ = ::pam_authenticate(handle_, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (last_ == PAM_SUCCESS) last_ = ::pam_acct_mgmt(handle_, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    switch (last_) {
      case PAM_SUCCESS:
        return true;
      case PAM_ABORT:
      case PAM_BUF_ERR:
      case PAM_SYSTEM_ERR:
      case PAM_OPEN_ERR:
      case PAM_SYMBOL_ERR:
      case PAM_SERVICE_ERR:
      case PAM_AUTHINFO_UNAVAIL:
      case PAM_MODULE_UNKNOWN:
        throw Error(Error::Reason::platform, "behalf: ask PAM for a password: " + words() + place(service));
      default:
        return false;
    }
  }

  std::string user() {
    const void* item = nullptr;
    last_ = ::pam_get_item(handle_, PAM_USER, &item);
    return last_ == PAM_SUCCESS && item != nullptr ? static_cast<const char*>(item) : "";
  }

 private:
  [[nodiscard]] std::string words() const { return ::pam_strerror(handle_, last_); }
  static std::string place(const std::string& service) {
    return ". The modules of /etc/pam.d/" + service + " decide, or those of /etc/pam.d/other where it is not there";
  }

  Words words_;
  pam_conv conversation_;
  pam_handle_t* handle_ = nullptr;
  int last_ = PAM_SUCCESS;
};

}  // namespace

PasswordChecker pam_checker(const std::string& service) {
  return [service](const std::string& name, const std::string& password) -> std::optional<Token> {
    if (name.empty()) return std::nullopt;
    Transaction asking(service, name, password);
    if (!asking.is_right(service)) return std::nullopt;
    return Token::for_user(asking.user());
  };
}

}  // namespace behalf::http
