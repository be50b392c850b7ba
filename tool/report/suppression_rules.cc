#include "report/suppression_rules.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace behalf::tool {
namespace {

constexpr std::string_view blanks = " \t", byte_order_mark = "\xef\xbb\xbf";

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// Takes the first word off a line that has been trimmed.
std::string_view next_word(std::string_view& line) {
  const auto end = std::min(line.find_first_of(blanks), line.size());
  const std::string_view word = line.substr(0, end);
  line = trimmed(line.substr(end));
  return word;
}

bool digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::chrono::year_month_day> date_in(std::string_view word) {
  if (word.size() != 10 || word[4] != '-' || word[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    unsigned value = 0;
    std::from_chars(word.data() + at, word.data() + at + length, value);
    return value;
  };
  for (const std::string_view part : {word.substr(0, 4), word.substr(5, 2), word.substr(8, 2)})
    if (!digits(part)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(number(0, 4))),
                                         std::chrono::month(number(5, 2)), std::chrono::day(number(8, 2))};
  return date.ok() ? std::optional(date) : std::nullopt;
}

class LineReader {
 public:
  LineReader(int number, std::string_view line) : rest_(line) { rule_.line = number; }

  SuppressionRule rule() {
    while (!rest_.empty()) {
      const std::string_view word = next_word(rest_);
      if (word == "because") {
        rule_.reason = rest_;
        break;
      }
      if (word == "until")
        read_date();
      else
        read_selector(word);
    }
    if (rule_.code.empty() && rule_.operation.empty() && rule_.function.empty())
      fail("it names nothing to suppress: code:B402, operation:GLOB or function:GLOB");
    if (rule_.reason.empty()) fail("it gives no reason: end the line with 'because ...'");
    return std::move(rule_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw SuppressionRuleError(rule_.line, why); }

  void read_date() {
    const std::string_view word = next_word(rest_);
    if (rule_.until) fail("it has 'until' twice");
    rule_.until = date_in(word);
    if (!rule_.until) fail(fmt::format("'{}' is no date: until 2027-01-31", word));
  }

  void read_selector(std::string_view word) {
    struct Selector {
      std::string_view name;
      std::string& value;
    };
    for (const Selector& selector : {Selector{"code:", rule_.code}, Selector{"operation:", rule_.operation},
                                     Selector{"function:", rule_.function}}) {
      if (!word.starts_with(selector.name)) continue;
      if (!selector.value.empty()) fail(fmt::format("it has '{}' twice: write two lines", selector.name));
      selector.value = word.substr(selector.name.size());
      if (selector.value.empty()) fail(fmt::format("'{}' is followed by nothing", selector.name));
      const std::string& code = rule_.code;
      if (!code.empty() && !(code.size() == 4 && code[0] == 'B' && digits(std::string_view(code).substr(1))))
        fail(fmt::format("'{}' is no code: code:B402", code));
      return;
    }
    fail(
        fmt::format("'{}' is not understood: a rule is code:B402, operation:GLOB, function:GLOB, 'until 2027-01-31' "
                    "and 'because REASON'",
                    word));
  }

  std::string_view rest_;
  SuppressionRule rule_;
};

}  // namespace

std::vector<SuppressionRule> parse_suppressions(std::string_view text) {
  std::vector<SuppressionRule> rules;
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::any_of(line.begin(), line.end(), is_control))
      throw SuppressionRuleError(number, "it has a control character: this is no text");
    line = trimmed(line);
    if (!line.empty() && line.front() != '#') rules.push_back(LineReader(number, line).rule());
  }
  return rules;
}

std::string until_of(const SuppressionRule& rule) {
  if (!rule.until) return {};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(rule.until->year()),
                     static_cast<unsigned>(rule.until->month()), static_cast<unsigned>(rule.until->day()));
}

std::string to_string(const SuppressionRule& rule) {
  std::string words;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) words += fmt::format("{}{}{}", words.empty() ? "" : " ", name, value);
  };
  add("code:", rule.code);
  add("operation:", rule.operation);
  add("function:", rule.function);
  add("until ", until_of(rule));
  return words;
}

bool glob_matches(std::string_view glob, std::string_view text) {
  // Where the last star stands, and how much of the text it has taken: only there is tried again.
  std::size_t at = 0, from = 0, star = std::string_view::npos, taken = 0;
  while (from < text.size()) {
    if (at < glob.size() && glob[at] == '*') {
      star = at++;
      taken = from;
    } else if (at < glob.size() && (glob[at] == '?' || glob[at] == text[from])) {
      ++at;
      ++from;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      from = ++taken;
    } else {
      return false;
    }
  }
  return std::all_of(glob.begin() + static_cast<std::ptrdiff_t>(at), glob.end(), [](char c) { return c == '*'; });
}

}  // namespace behalf::tool
