#include "judge/codes.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace behalf::tool {
namespace {

constexpr std::string_view pages[] = {
#include "cure_pages.inc"
};

// What a page's head says: lines `key: value` between two lines `---`. One that is not so does not compile.
struct Head {
  std::string_view rest;

  consteval void skip(std::string_view text) {
    if (!rest.starts_with(text))
      throw "a cure page does not begin with its head: ---, code, title, hop, kind, cure, ---";
    rest.remove_prefix(text.size());
  }
  consteval std::string_view value(std::string_view key) {
    skip(key);
    skip(":");
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const std::string_view value = rest.substr(0, rest.find('\n'));
    if (value.empty()) throw "a key in the head of a cure page has no value";
    rest.remove_prefix(value.size());
    skip("\n");
    return value;
  }
};

consteval Code code_of(std::string_view page) {
  Head head{page};
  const auto or_any = [](std::string_view value) { return value == "any" ? std::string_view{} : value; };
  Code code;
  head.skip("---\n");
  code.code = head.value("code");
  code.title = head.value("title");
  code.hop = or_any(head.value("hop"));
  code.kind = or_any(head.value("kind"));
  code.cure = head.value("cure");
  head.skip("---\n");
  code.page = head.rest;
  return code;
}

consteval std::array<Code, std::size(pages)> table_of_pages() {
  std::array<Code, std::size(pages)> table;
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = code_of(pages[i]);
  return table;
}

constexpr std::array<Code, std::size(pages)> table = table_of_pages();

// Whatever is asked for has an answer.
static_assert(std::any_of(table.begin(), table.end(),
                          [](const Code& code) { return code.hop.empty() && code.kind.empty(); }),
              "a cure page is for any hop and any kind");

}  // namespace

std::span<const Code> codes() {
  return table;
}

const Code& code_for(std::string_view hop, std::string_view kind) {
  const auto says = [&](const Code& code) {
    if ((!code.kind.empty() && code.kind != kind) || (!code.hop.empty() && code.hop != hop)) return -1;
    return (code.kind.empty() ? 0 : 2) + (code.hop.empty() ? 0 : 1);
  };
  return *std::max_element(table.begin(), table.end(), [&](const Code& a, const Code& b) { return says(a) < says(b); });
}

const Code* code_named(std::string_view name) {
  const std::string wanted(name);
  const auto found = std::find_if(table.begin(), table.end(), [&](const Code& code) {
    return strcasecmp(std::string(code.code).c_str(), wanted.c_str()) == 0;
  });
  return found == table.end() ? nullptr : &*found;
}

std::string_view section_of(const Code& code, std::string_view heading) {
  const std::string line = "\n## " + std::string(heading) + "\n\n";
  const auto at = code.page.find(line);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = code.page.substr(at + line.size());
  return rest.substr(0, rest.find("\n## "));
}

}  // namespace behalf::tool
