#include "state/user_dirs.h"

#include <optional>

namespace behalf::detail {

namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view of_home = "$HOME";

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_name(std::string_view text) {
  return text.starts_with("XDG_") && text.ends_with("_DIR") &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string_view::npos;
}

// What stands between double quotes, its escapes taken; nothing where a shell would do more with it.
std::optional<std::string> unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '`' || c == '$' || c == '\0') return std::nullopt;
    if (c != '\\') {
      plain += c;
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (std::string_view("\\\"$`").find(text[i]) == std::string_view::npos) plain += '\\';
    plain += text[i];
  }
  return plain;
}

std::optional<std::string> path_of(std::string_view value, const std::string& home) {
  if (value.size() > 1 + of_home.size() && value.substr(1, of_home.size()) == of_home) {
    const char next = value[1 + of_home.size()];
    if (next != '/' && next != '"') return std::nullopt;
    const auto rest = unquoted("\"" + std::string(value.substr(1 + of_home.size())));
    if (!rest) return std::nullopt;
    std::string path = home + *rest;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
  }
  const auto path = unquoted(value);
  return path && path->starts_with('/') ? path : std::nullopt;
}

}  // namespace

std::map<std::string, std::string, std::less<>> parse_user_dirs(std::string_view text, const std::string& home) {
  std::map<std::string, std::string, std::less<>> found;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = without_blanks(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    const std::string_view name = without_blanks(line.substr(0, equals));
    if (!is_name(name)) continue;
    if (auto path = path_of(without_blanks(line.substr(equals + 1)), home)) {
      found.insert_or_assign(std::string(name), std::move(*path));
    }
  }
  return found;
}

}  // namespace behalf::detail
