#include "call/token.h"

#include <algorithm>
#include <utility>

#include "call/prototype.h"

namespace behalf::tool {
namespace {

// Of the C locale: what a letter is does not depend on where the tool runs.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
// 16 and more: no digit of any base.
unsigned digit(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  return 16;
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6), add(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12), add(0x80 | (point >> 6 & 0x3f)), add(0x80 | (point & 0x3f));
  } else {
    add(0xf0 | point >> 18), add(0x80 | (point >> 12 & 0x3f)), add(0x80 | (point >> 6 & 0x3f)),
        add(0x80 | (point & 0x3f));
  }
}

class Scanner {
 public:
  explicit Scanner(std::string_view written) : written_(written) {}

  std::vector<Token> scan() {
    std::vector<Token> tokens;
    for (;;) {
      while (at_ < written_.size() && is_space(written_[at_])) ++at_;
      Token token;
      const std::size_t begin = at_;
      token.column = begin + 1;
      if (at_ == written_.size()) {
        tokens.push_back(token);
        return tokens;
      }
      read(token);
      token.text = written_.substr(begin, at_ - begin);
      tokens.push_back(std::move(token));
    }
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < written_.size() ? written_[at_ + ahead] : '\0'; }
  [[noreturn]] void refuse(std::size_t at, const std::string& why) const { throw PrototypeError(at + 1, why); }

  void read(Token& token) {
    const char c = peek();
    if (begins_word(c)) {
      token.kind = Token::Kind::word;
      while (begins_word(peek()) || is_digit(peek())) ++at_;
    } else if (is_digit(c)) {
      token.kind = Token::Kind::number;
      token.number = number();
    } else if (c == '"') {
      token.kind = Token::Kind::text;
      token.value = literal('"');
    } else if (c == '\'') {
      token.kind = Token::Kind::number;
      const std::size_t begin = at_;
      const std::string one = literal('\'');
      if (one.size() != 1) refuse(begin, "a character is one byte between quotes: a string has double quotes");
      token.number = static_cast<std::uint64_t>(static_cast<std::int64_t>(one[0]));
    } else {
      token.kind = Token::Kind::punctuation;
      if (written_.substr(at_, 3) == "...")
        at_ += 3;
      else if (std::string_view("(),;*+-").find(c) != std::string_view::npos)
        ++at_;
      else
        refuse(at_, (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e
                         ? std::string("a byte that is no part of C")
                         : "'" + std::string(1, c) + "'") +
                        " cannot stand here: write NAME, or a call as C, TYPE NAME(ARGUMENTS)");
    }
  }

  // Decimal, 0x hexadecimal, 0 octal, with C's suffixes.
  std::uint64_t number() {
    const std::size_t begin = at_;
    unsigned base = 10;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
      base = 16;
      at_ += 2;
      if (digit(peek()) >= 16) refuse(begin, "hexadecimal digits are missing after 0x");
    } else if (peek() == '0') {
      base = 8;
    }
    std::uint64_t value = 0;
    for (unsigned next = 0; (next = digit(peek())) < std::max(base, 10U); ++at_) {
      if (next >= base) refuse(at_, "a number that begins with 0 is octal and has no digit 8 or 9: leave the 0 out");
      if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, next, &value))
        refuse(begin, "the number needs more than 64 bits");
    }
    while (peek() == 'u' || peek() == 'U' || peek() == 'l' || peek() == 'L') ++at_;
    if (peek() == '.' && written_.substr(at_, 3) != "...")
      refuse(begin, "floating-point arguments are not supported: wrap the call in a function int NAME(void)");
    if (begins_word(peek()) || is_digit(peek()))
      refuse(at_, "the number does not end here: separate arguments by commas");
    return value;
  }

  std::string literal(char quote) {
    const std::size_t begin = at_++;
    std::string value;
    while (peek() != quote) {
      if (at_ >= written_.size())
        refuse(begin,
               std::string("the ") + (quote == '"' ? "string" : "character") + " has no end: close it with " + quote);
      if (peek() == '\\')
        escape(value);
      else
        value += written_[at_++];
    }
    ++at_;
    return value;
  }

  void escape(std::string& value) {
    constexpr std::pair<char, char> named[] = {{'n', '\n'}, {'t', '\t'},  {'r', '\r'}, {'a', '\a'},
                                               {'b', '\b'}, {'f', '\f'},  {'v', '\v'}, {'\\', '\\'},
                                               {'"', '"'},  {'\'', '\''}, {'?', '?'},  {'e', '\x1b'}};
    const std::size_t begin = at_++;
    const char c = peek();
    const auto* const found =
        std::find_if(std::begin(named), std::end(named), [&](auto pair) { return pair.first == c; });
    if (found != std::end(named)) {
      value += found->second;
      ++at_;
    } else if (digit(c) < 8) {
      value += static_cast<char>(digits(begin, 8, 1, 3, 0xff));
    } else if (c == 'x') {
      ++at_;
      value += static_cast<char>(digits(begin, 16, 1, 64, 0xff));
    } else if (c == 'u' || c == 'U') {
      ++at_;
      const std::size_t length = c == 'u' ? 4 : 8;
      const std::uint32_t point = digits(begin, 16, length, length, 0x10ffff);
      if (point >= 0xd800 && point < 0xe000) refuse(begin, "half of a surrogate pair is no character");
      append_utf8(value, point);
    } else {
      refuse(begin, "no such escape: C has \\n \\t \\\\ \\\" \\0 \\x41 \\u00e9 and their like");
    }
  }

  std::uint32_t digits(std::size_t begin, unsigned base, std::size_t least, std::size_t most, std::uint32_t largest) {
    std::uint32_t value = 0;
    std::size_t count = 0;
    for (; count < most && digit(peek()) < base; ++count, ++at_) {
      value = value * base + digit(peek());
      if (value > largest) refuse(begin, "the escape stands for more than fits: a byte ends at \\377 or \\xff");
    }
    if (count < least) refuse(begin, "digits are missing in the escape");
    return value;
  }

  std::string_view written_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view written) {
  return Scanner(written).scan();
}

}  // namespace behalf::tool
