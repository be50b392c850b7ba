#include "state/desktop_entry.h"

#include "state/key_file.h"

namespace behalf::detail {

namespace {

std::string value_of(const KeyFile::Group& group, std::string_view key) {
  const auto at = group.find(key);
  return at == group.end() ? std::string{} : text_of(at->second.value).value_or("");
}

bool is_true(const KeyFile::Group& group, std::string_view key) {
  const std::string value = value_of(group, key);
  return value.substr(0, value.find_last_not_of(' ') + 1) == "true";
}

// The first word, quoted or not, of what is a command line by the specification; nothing where a quote does not end.
std::optional<std::string> program_of(std::string_view exec) {
  std::string word;
  bool is_first = true;
  bool begun = false;
  char quote = 0;
  for (std::size_t i = 0; i < exec.size(); ++i) {
    char c = exec[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      is_first = is_first && !begun;
      continue;
    }
    begun = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      continue;
    }
    if (c == quote) {
      quote = 0;
      continue;
    }
    const bool escapes = quote == 0 || (quote == '"' && i + 1 < exec.size() &&
                                        std::string_view("\"`$\\").find(exec[i + 1]) != std::string_view::npos);
    if (c == '\\' && escapes) {
      if (++i == exec.size()) return std::nullopt;
      c = exec[i];
    }
    if (is_first) word += c;
  }
  if (quote != 0 || word.empty()) return std::nullopt;
  return word;
}

}  // namespace

std::optional<DesktopEntry> parse_desktop_entry(std::string_view text) {
  constexpr std::string_view main_group = "Desktop Entry";
  const std::optional<KeyFile> file = KeyFile::parse(text);
  if (!file || file->first_group() != main_group) return std::nullopt;
  const KeyFile::Group& group = *file->group(main_group);
  if (value_of(group, "Type") != "Application") return std::nullopt;
  DesktopEntry entry;
  entry.name = value_of(group, "Name");
  entry.exec = value_of(group, "Exec");
  entry.try_program = value_of(group, "TryExec");
  entry.hidden = is_true(group, "Hidden");
  if (entry.exec.empty()) return is_true(group, "DBusActivatable") ? std::optional(std::move(entry)) : std::nullopt;
  std::optional<std::string> program = program_of(entry.exec);
  if (!program) return std::nullopt;
  entry.program = std::move(*program);
  return entry;
}

}  // namespace behalf::detail
