#include "listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "path.h"

namespace {

constexpr std::size_t most = 10'000;

struct Entry {
  std::string name;
  struct stat about {};
};

struct Close {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::vector<Entry> entries_of(behalf::Descriptor folder) {
  const std::unique_ptr<DIR, Close> open(::fdopendir(folder.get()));
  if (open == nullptr) throw std::system_error(errno, std::generic_category(), "read the folder");
  (void)folder.release();
  std::vector<Entry> entries;
  while (entries.size() < most) {
    errno = 0;
    const dirent* const next = ::readdir(open.get());
    if (next == nullptr && errno != 0) throw std::system_error(errno, std::generic_category(), "read the folder");
    if (next == nullptr) break;
    Entry entry{next->d_name};
    if (entry.name == "." || entry.name == "..") continue;
    if (::fstatat(::dirfd(open.get()), next->d_name, &entry.about, AT_SYMLINK_NOFOLLOW) != 0) continue;
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

std::string in_html(std::string_view text) {
  std::string safe;
  for (const char each : text) {
    switch (each) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += each;
    }
  }
  return safe;
}

// How many bytes of UTF-8 the text begins with (RFC 3629), 0: none.
std::size_t utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) < 0xc0; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    return (first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0) ? 0 : 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    return (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90) ? 0 : 4;
  }
  return 0;
}

std::string in_json(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const std::size_t length = utf8(text);
    const char each = text.front();
    if (length == 0) {
      safe += "\\ufffd";
    } else if (each == '"' || each == '\\') {
      safe += '\\';
      safe += each;
    } else if (static_cast<unsigned char>(each) < ' ') {
      std::array<char, 7> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(each));
      safe += escaped.data();
    } else {
      safe += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return safe;
}

const char* type_of(const Entry& entry) {
  if (S_ISDIR(entry.about.st_mode)) return "folder";
  if (S_ISREG(entry.about.st_mode)) return "file";
  return S_ISLNK(entry.about.st_mode) ? "link" : "other";
}

// Relative, and not taken for a scheme ("a:b") or a path of its own.
std::string href_of(const Entry& entry) {
  return "./" + encoded(entry.name) + (S_ISDIR(entry.about.st_mode) ? "/" : "");
}

}  // namespace

std::string listing_as_html(behalf::Descriptor folder, const std::string& name) {
  std::string page = "<!doctype html><meta charset=utf-8><title>/" + in_html(name) + "</title><h1>/" + in_html(name) +
                     "</h1><table>\n";
  for (const Entry& entry : entries_of(std::move(folder))) {
    page += "<tr><td><a href=\"" + href_of(entry) + "\">" + in_html(entry.name) + "</a><td>" + type_of(entry) +
            "<td align=right>" + std::to_string(entry.about.st_size) + "\n";
  }
  return page + "</table>\n";
}

std::string listing_as_json(behalf::Descriptor folder) {
  std::string all = "[";
  for (const Entry& entry : entries_of(std::move(folder))) {
    all += std::string(all.size() == 1 ? "" : ",") + "\n{\"name\": \"" + in_json(entry.name) + "\", \"href\": \"" +
           in_json(href_of(entry)) + "\", \"type\": \"" + type_of(entry) +
           "\", \"size\": " + std::to_string(entry.about.st_size) +
           ", \"modified\": " + std::to_string(entry.about.st_mtim.tv_sec) + "}";
  }
  return all + "\n]\n";
}
