#include "path.h"

#include <behalf/http.h>

namespace {

int digit(char each) {
  if (each >= '0' && each <= '9') return each - '0';
  if (each >= 'a' && each <= 'f') return each - 'a' + 10;
  if (each >= 'A' && each <= 'F') return each - 'A' + 10;
  throw behalf::http::Refusal(400, "a percent sign is to be followed by two digits");
}

}  // namespace

std::string Path::parent() const {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "." : name.substr(0, slash);
}

std::string Path::last() const {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? name : name.substr(slash + 1);
}

Path path_of(std::string_view target) {
  Path path;
  const std::size_t question = target.find('?');
  if (question != std::string_view::npos) {
    path.query = target.substr(question + 1);
    target = target.substr(0, question);
  }
  if (target.empty() || target.front() != '/') throw behalf::http::Refusal(400, "the path does not begin with a slash");
  std::string decoded;
  for (std::size_t i = 0; i < target.size(); ++i) {
    char each = target[i];
    if (each == '%') {
      if (i + 2 >= target.size()) throw behalf::http::Refusal(400, "a percent sign is to be followed by two digits");
      each = static_cast<char>(digit(target[i + 1]) * 16 + digit(target[i + 2]));
      i += 2;
    }
    if (each == '\0') throw behalf::http::Refusal(400, "no file has a NUL in its name");
    decoded += each;
  }
  path.is_folder = decoded.back() == '/';
  // Without empty parts and "." ones; ".." stays, and may lead out of a folder but not out of the root.
  for (std::size_t begin = 0; begin < decoded.size();) {
    std::size_t end = decoded.find('/', begin);
    if (end == std::string::npos) end = decoded.size();
    const std::string part = decoded.substr(begin, end - begin);
    if (!part.empty() && part != ".") path.name += (path.name.empty() ? "" : "/") + part;
    begin = end + 1;
  }
  return path;
}

std::string encoded(std::string_view path) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string url;
  for (const char each : path) {
    const auto byte = static_cast<unsigned char>(each);
    const bool plain = (each >= '0' && each <= '9') || (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
                       std::string_view("-._~/").find(each) != std::string_view::npos;
    if (plain) {
      url += each;
    } else {
      url += '%';
      url += digits[byte >> 4];
      url += digits[byte & 15];
    }
  }
  return url;
}
