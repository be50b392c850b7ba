// Files of groups and keys, as desktop entries and lists of applications are: Desktop Entry Specification, "Basic
// format of the file".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace behalf::detail {

class KeyFile {
 public:
  struct Entry {
    std::string value;       // as it stands in the file, of a key that is there more than once the last
    std::size_t number = 0;  // the first of the group is 0
  };
  using Group = std::map<std::string, Entry, std::less<>>;

  // Nothing where any of its lines is neither a comment, nor a group, nor an entry of one: what else it says is then
  // not to be believed either.
  static std::optional<KeyFile> parse(std::string_view text);

  // Null where there is none.
  [[nodiscard]] const Group* group(std::string_view name) const;
  [[nodiscard]] const std::string& first_group() const noexcept { return first_; }

 private:
  std::map<std::string, Group, std::less<>> groups_;
  std::string first_;
};

// A value with its escapes taken (\s, \n, \t, \r, \\); nothing where one is none of these.
std::optional<std::string> text_of(std::string_view value);

// A list, whose parts end with a semicolon that has no backslash before it; parts that are no text are left out.
std::vector<std::string> list_of(std::string_view value);

}  // namespace behalf::detail
