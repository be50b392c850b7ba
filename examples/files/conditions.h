// What a request asks for on condition, and the part of a file that it asks for (RFC 9110, sections 13 and 14).
#pragma once

#include <behalf/http.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

// A strong validator: another whenever the file has been replaced or written to.
std::string etag_of(const struct stat& file);
// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(time_t when);

// The status that the preconditions come to, 304 or 412, or nothing where they hold. `file` is null where there is
// none.
std::optional<int> unmet(const behalf::http::Request& request, const struct stat* file);

struct Part {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// The one range that is asked for; nothing where all is: without Range, with several or an unreadable one, and where
// If-Range names another file. Throws behalf::http::Refusal of 416 where there is no such part.
std::optional<Part> part_of(const behalf::http::Request& request, const struct stat& file);
