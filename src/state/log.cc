#include "behalf/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "behalf/carried.h"
#include "behalf/error.h"
#include "identity/errors.h"
#include "identity/service.h"
#include "identity/token_data.h"
#include "state/has_nul.h"

namespace behalf {

namespace {

[[noreturn]] void fail(const std::string& what, int error) {
  // ELOOP: a symbolic link, which is not followed (O_NOFOLLOW).
  const Error::Reason reason = error == ELOOP ? Error::Reason::not_permitted : detail::reason_of(error);
  throw Error(reason, "behalf: log: " + what + ": " + detail::error_words(error), error);
}

std::string absolute(const std::string& path) {
  std::error_code error;
  std::string absolute = std::filesystem::absolute(path, error).string();
  if (path.empty() || error) fail("open " + path, path.empty() ? ENOENT : error.value());
  return absolute;
}

Descriptor opened(const std::string& path) {
  if (detail::has_nul(path)) fail("open " + path, ENOENT);
  const detail::AsServiceIfAny self;
  Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0640));
  if (!file) fail("open " + path, errno);
  return file;
}

std::string worn_now() {
  const Carried who;
  const auto& token = who.data();
  const auto* const service = detail::service();
  if (token == nullptr || (service != nullptr && detail::same(token, service->token))) return "-";
  return (token->name.empty() ? "uid" : token->name) + "(" + std::to_string(token->uid) + ")";
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

bool is_control(unsigned char octet) noexcept {
  return octet < 0x20 || octet == 0x7f;
}

void append_escaped(std::string& line, std::string_view text) {
  for (const char each : text) {
    const auto octet = static_cast<unsigned char>(each);
    if (!is_control(octet) && each != '\\') {
      line += each;
      continue;
    }
    std::array<char, 5> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", unsigned{octet});
    line += escaped.data();
  }
}

}  // namespace

// Where a relative one is is decided once: reopen() may be called by a thread that is in a user's directory.
Log::Log(std::string path) : path_(absolute(path)), file_(opened(path_)) {}

void Log::write(std::string_view text) {
  std::string line = now() + " ";
  append_escaped(line, worn_now());  // a token's name may be whatever somebody was called
  line += ": ";
  append_escaped(line, text);
  line += '\n';
  const std::lock_guard lock(mutex_);
  if (is_torn_) line.insert(line.begin(), '\n');
  ssize_t written = 0;
  while ((written = ::write(file_.get(), line.data(), line.size())) < 0 && errno == EINTR) {
  }
  if (written > 0) is_torn_ = line[static_cast<std::size_t>(written) - 1] != '\n';
  if (written != static_cast<ssize_t>(line.size())) fail("write to " + path_, written < 0 ? errno : ENOSPC);
}

void Log::reopen() {
  Descriptor anew = opened(path_);
  const std::lock_guard lock(mutex_);
  file_ = std::move(anew);
  is_torn_ = false;
}

}  // namespace behalf
