#include "behalf/environment.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "state/person.h"
#include "state/runtime_folder.h"

namespace behalf {

namespace {

// As login(1) has them (login.defs(5), ENV_PATH and ENV_SUPATH).
constexpr const char* path_of_users = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games";
constexpr const char* path_of_root = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_of_name(char c) {
  return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string value_of(const std::vector<std::string>& variables, std::string_view name) {
  for (const std::string& variable : variables) {
    if (variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> environment(const Carried& who) {
  const detail::Account person = detail::person_of(who);
  const char* language = std::getenv("LANG");
  std::vector<std::string> variables = {
      "HOME=" + person.home,
      "USER=" + person.name,
      "LOGNAME=" + person.name,
      "SHELL=" + (person.shell.empty() ? std::string{"/bin/sh"} : person.shell),
      person.uid == 0 ? path_of_root : path_of_users,
      std::string{"LANG="} + (language != nullptr && *language != '\0' ? language : "C.UTF-8"),
  };
  const std::string runtime = detail::runtime_folder_of(person);
  if (detail::is_hers_alone(runtime, person)) variables.push_back("XDG_RUNTIME_DIR=" + runtime);
  return variables;
}

std::string expand(std::string_view text, const Carried& who) {
  std::string expanded;
  if (text.starts_with('~')) {
    const std::string_view name = text.substr(1, text.find_first_of("/\\$") - 1);
    if (name.empty()) {
      expanded = detail::person_of(who).home;
    } else {
      const detail::AsServiceIfAny self;
      const detail::Account account = detail::account_of(std::string(name));
      detail::must_have_home(account);
      expanded = account.home;
    }
    text.remove_prefix(1 + name.size());
  }
  std::vector<std::string> variables;
  while (!text.empty()) {
    const std::size_t special = std::min(text.find_first_of("\\$"), text.size());
    expanded += text.substr(0, special);
    text.remove_prefix(special);
    if (text.empty()) break;
    if (text.front() == '\\') {
      expanded += text.substr(1, 1);
      text.remove_prefix(std::min<std::size_t>(2, text.size()));
      continue;
    }
    const bool braced = text.starts_with("${");
    std::string_view name = text.substr(braced ? 2 : 1);
    if (braced) {
      const std::size_t end = name.find('}');
      if (end == std::string_view::npos) {
        throw std::invalid_argument("behalf: expand: '" + std::string(text) + "' has a ${ without its }");
      }
      name = name.substr(0, end);
    } else {
      std::size_t length = 0;
      while (length < name.size() && is_of_name(name[length])) ++length;
      name = name.substr(0, length);
    }
    if (name.empty() && !braced) {
      expanded += '$';
    } else {
      if (variables.empty()) variables = environment(who);
      expanded += value_of(variables, name);
    }
    text.remove_prefix((braced ? 3 : 1) + name.size());
  }
  return expanded;
}

}  // namespace behalf
