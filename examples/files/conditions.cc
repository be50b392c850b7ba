#include "conditions.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string_view>

using behalf::http::Request;

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Whether a list of entity tags has that one, or is "*". Weak ones are the same only where that will do.
bool lists(std::string_view list, std::string_view tag, bool weak_too) {
  if (trimmed(list) == "*") return true;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view each = trimmed(list.substr(0, comma));
    if (weak_too && each.substr(0, 2) == "W/") each.remove_prefix(2);
    if (each == tag) return true;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

std::optional<time_t> time_of(std::string_view text) {
  std::tm utc{};
  const std::string date(text);
  const char* const end = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&utc);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string etag_of(const struct stat& file) {
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "\"%llx-%llx-%llx.%lx\"", static_cast<unsigned long long>(file.st_ino),
                static_cast<unsigned long long>(file.st_size), static_cast<unsigned long long>(file.st_mtim.tv_sec),
                static_cast<unsigned long>(file.st_mtim.tv_nsec));
  return text.data();
}

std::string http_date(time_t when) {
  std::tm utc{};
  ::gmtime_r(&when, &utc);
  std::array<char, 40> text{};
  (void)std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return text.data();
}

std::optional<int> unmet(const Request& request, const struct stat* file) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (const auto match = request.field("If-Match")) {
    if (file == nullptr || !lists(*match, etag_of(*file), false)) return 412;
  } else if (const auto unmodified = request.field("If-Unmodified-Since")) {
    const auto since = time_of(*unmodified);
    if (since && file != nullptr && file->st_mtim.tv_sec > *since) return 412;
  }
  if (const auto none = request.field("If-None-Match")) {
    if (file != nullptr && lists(*none, etag_of(*file), true)) return reads ? 304 : 412;
  } else if (const auto modified = request.field("If-Modified-Since"); modified && reads && file != nullptr) {
    const auto since = time_of(*modified);
    if (since && file->st_mtim.tv_sec <= *since) return 304;
  }
  return std::nullopt;
}

std::optional<Part> part_of(const Request& request, const struct stat& file) {
  const auto range = request.field("Range");
  if (!range || request.method != "GET" || range->substr(0, 6) != "bytes=") return std::nullopt;
  if (const auto condition = request.field("If-Range")) {
    const bool is_tag = condition->find('"') != std::string_view::npos;
    if (is_tag ? trimmed(*condition) != etag_of(file) : time_of(*condition) != file.st_mtim.tv_sec) return std::nullopt;
  }
  const std::string_view spec = trimmed(range->substr(6));
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(file.st_size);
  const behalf::http::Refusal outside(416, "the file has " + std::to_string(size) + " bytes");
  if (dash == 0) {
    const auto last = number(spec.substr(1));
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) throw outside;
    const std::uint64_t length = *last < size ? *last : size;
    return Part{size - length, length};
  }
  const auto first = number(spec.substr(0, dash));
  if (!first) return std::nullopt;
  std::uint64_t end = size;
  if (dash + 1 != spec.size()) {
    const auto last = number(spec.substr(dash + 1));
    if (!last || *last < *first) return std::nullopt;
    if (*last < size) end = *last + 1;
  }
  if (*first >= size) throw outside;
  return Part{*first, end - *first};
}
