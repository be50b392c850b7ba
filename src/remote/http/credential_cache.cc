#include "remote/http/credential_cache.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <cstring>
#include <memory>

#include "behalf/error.h"
#include "transfer/later.h"

namespace behalf::http::detail {

namespace {

struct Free {
  void operator()(EVP_MD_CTX* context) const noexcept { ::EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

[[noreturn]] void fail(const char* what) {
  throw Error(Error::Reason::platform, std::string("behalf: http: hash a credential: ") + what);
}

}  // namespace

// SHA-256 that has been told the salt: copied for each credential. The hashes never leave the process, so that nobody
// can make one longer.
struct CredentialCache::Salt {
  Salt() : begun(::EVP_MD_CTX_new()) {
    std::array<unsigned char, 64> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) fail("no random bytes");
    if (begun == nullptr || ::EVP_DigestInit_ex(begun.get(), ::EVP_sha256(), nullptr) != 1 ||
        ::EVP_DigestUpdate(begun.get(), bytes.data(), bytes.size()) != 1)
      fail("no SHA-256");
  }
  Context begun;
};

std::size_t CredentialCache::OfHash::operator()(const Hash& hash) const noexcept {
  std::size_t first = 0;
  std::memcpy(&first, hash.data(), sizeof first);
  return first;
}

CredentialCache::CredentialCache(std::chrono::milliseconds remembers, std::size_t at_most)
    : remembers_(remembers), at_most_(at_most), salt_(std::make_unique<const Salt>()) {}

CredentialCache::~CredentialCache() = default;

CredentialCache::Hash CredentialCache::hash_of(std::string_view credential) const {
  thread_local const Context context(::EVP_MD_CTX_new());
  Hash hash{};
  if (context == nullptr || ::EVP_MD_CTX_copy_ex(context.get(), salt_->begun.get()) != 1 ||
      ::EVP_DigestUpdate(context.get(), credential.data(), credential.size()) != 1 ||
      ::EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) != 1)
    fail("out of memory");
  return hash;
}

std::optional<Token> CredentialCache::find(const Hash& hash, Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  const auto at = entries_.find(hash);
  if (at == entries_.end() || at->second.until <= now) return std::nullopt;
  return at->second.whose;
}

void CredentialCache::remember(const Hash& hash, const Token& whose, Clock::time_point now, std::size_t asked_in) {
  const std::lock_guard lock(mutex_);
  if (asked_in != age_ || at_most_ == 0) return;
  if (entries_.size() >= at_most_) {
    std::erase_if(entries_, [&](const auto& each) { return each.second.until <= now; });
    if (entries_.size() >= at_most_) entries_.erase(entries_.begin());
  }
  entries_.insert_or_assign(hash, Entry{whose, behalf::detail::later(now, remembers_)});
}

std::size_t CredentialCache::age() const {
  const std::lock_guard lock(mutex_);
  return age_;
}

void CredentialCache::forget() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  ++age_;
}

}  // namespace behalf::http::detail
