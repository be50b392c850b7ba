#include "state/key_file.h"

namespace behalf::detail {

namespace {

constexpr std::string_view blanks = " \t\r\f\v";

std::string_view without_leading(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

std::string_view without_trailing(std::string_view text) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// "[name]", and nothing after it.
std::optional<std::string_view> group_name(std::string_view line) {
  line = without_trailing(line);
  const std::string_view name = line.substr(1, line.size() - 2);
  if (line.size() < 3 || line.back() != ']' || name.find_first_of("[]") != std::string_view::npos) return std::nullopt;
  return name;
}

// "Name", or "Name[of_a_language]".
bool is_key(std::string_view key) {
  const std::size_t bracket = key.find_first_of("[]");
  if (bracket == std::string_view::npos) return !key.empty();
  return bracket > 0 && key[bracket] == '[' && key.find_first_of("[]", bracket + 1) == key.size() - 1 &&
         key.back() == ']';
}

}  // namespace

std::optional<KeyFile> KeyFile::parse(std::string_view text) {
  KeyFile file;
  Group* current = nullptr;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = without_leading(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[') {
      const auto name = group_name(line);
      if (!name) return std::nullopt;
      if (file.first_.empty()) file.first_ = *name;
      current = &file.groups_[std::string(*name)];
      continue;
    }
    const std::size_t equals = line.find('=');
    if (current == nullptr || equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = without_trailing(line.substr(0, equals));
    if (!is_key(key)) return std::nullopt;
    std::string_view value = without_leading(line.substr(equals + 1));
    if (value.ends_with('\r')) value.remove_suffix(1);
    const auto at = current->emplace(key, Entry{{}, current->size()}).first;
    at->second.value = value;
  }
  return file;
}

const KeyFile::Group* KeyFile::group(std::string_view name) const {
  const auto at = groups_.find(name);
  return at == groups_.end() ? nullptr : &at->second;
}

std::optional<std::string> text_of(std::string_view value) {
  constexpr std::string_view escapes = "sntr\\;";
  constexpr std::string_view meanings = " \n\t\r\\;";
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\\') {
      text += value[i];
      continue;
    }
    const std::size_t escape = ++i < value.size() ? escapes.find(value[i]) : std::string_view::npos;
    if (escape == std::string_view::npos) return std::nullopt;
    text += meanings[escape];
  }
  return text;
}

std::vector<std::string> list_of(std::string_view value) {
  std::vector<std::string> list;
  while (!value.empty()) {
    std::size_t end = 0;
    while (end < value.size() && value[end] != ';') end += value[end] == '\\' ? 2 : 1;
    if (auto text = text_of(value.substr(0, end))) list.push_back(std::move(*text));
    value = end < value.size() ? value.substr(end + 1) : std::string_view{};
  }
  return list;
}

}  // namespace behalf::detail
