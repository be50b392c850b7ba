#include "call/prototype.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <utility>

#include "call/token.h"

namespace behalf::tool {
namespace {

constexpr std::size_t most_arguments = 32;

struct Type {
  std::string_view name;
  Returned returned;
  unsigned bits;
};

// The types that are one word. Those of glib are spelled so in its manual.
constexpr Type words[] = {
    {"void", Returned::nothing, 0},       {"bool", Returned::natural, 8},      {"_Bool", Returned::natural, 8},
    {"int8_t", Returned::number, 8},      {"uint8_t", Returned::natural, 8},   {"int16_t", Returned::number, 16},
    {"uint16_t", Returned::natural, 16},  {"int32_t", Returned::number, 32},   {"uint32_t", Returned::natural, 32},
    {"int64_t", Returned::number, 64},    {"uint64_t", Returned::natural, 64}, {"size_t", Returned::natural, 64},
    {"ssize_t", Returned::number, 64},    {"ptrdiff_t", Returned::number, 64}, {"intptr_t", Returned::number, 64},
    {"uintptr_t", Returned::natural, 64}, {"intmax_t", Returned::number, 64},  {"uintmax_t", Returned::natural, 64},
    {"pid_t", Returned::number, 32},      {"uid_t", Returned::natural, 32},    {"gid_t", Returned::natural, 32},
    {"id_t", Returned::natural, 32},      {"mode_t", Returned::natural, 32},   {"off_t", Returned::number, 64},
    {"time_t", Returned::number, 64},     {"clock_t", Returned::number, 64},   {"dev_t", Returned::natural, 64},
    {"ino_t", Returned::natural, 64},     {"key_t", Returned::number, 32},     {"socklen_t", Returned::natural, 32},
    {"gboolean", Returned::number, 32},   {"gint", Returned::number, 32},      {"guint", Returned::natural, 32},
    {"glong", Returned::number, 64},      {"gulong", Returned::natural, 64},   {"gsize", Returned::natural, 64},
    {"gssize", Returned::number, 64},
};
constexpr std::string_view qualifiers[] = {"const", "volatile", "restrict", "__restrict", "extern"};
constexpr std::string_view builders[] = {"signed", "unsigned", "short", "long", "int", "char"};
constexpr std::string_view tags[] = {"struct", "union", "enum"};
constexpr std::string_view characters[] = {"gchar", "char8_t"};  // other names of char, where pointed to

template <typename List>
bool among(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

// The type before the name: its words without qualifiers, and how many stars follow them.
struct Spelled {
  std::vector<Token> words;
  std::size_t stars = 0;
  std::size_t column = 1;
};

// "unsigned long int" and its like.
Type built(const Spelled& spelled) {
  const auto count = [&](std::string_view word) {
    return std::count_if(spelled.words.begin(), spelled.words.end(), [&](const Token& t) { return t.text == word; });
  };
  const auto lengths = count("short") + count("long");
  const bool contradictory = count("signed") + count("unsigned") > 1 || count("int") > 1 || count("char") > 1 ||
                             count("short") > 1 || count("long") > 2 || (count("short") > 0 && count("long") > 0) ||
                             (count("char") > 0 && lengths + count("int") > 0);
  if (contradictory)
    throw PrototypeError(spelled.column, "these words make no type: write one of int, unsigned, long, size_t");
  // Plain char has a sign on x86-64 and none on ARM (psABIs); as what an operation returns it is seldom text.
  const bool has_sign = count("unsigned") == 0 && (count("char") == 0 || count("signed") > 0 || char(-1) < 0);
  const unsigned bits = count("char") > 0 ? 8U : count("short") > 0 ? 16U : count("long") > 0 ? 64U : 32U;
  return {"", has_sign ? Returned::number : Returned::natural, bits};
}

Type type_of(const Spelled& spelled) {
  if (spelled.words.empty())
    throw PrototypeError(spelled.column, "a type is missing: write for instance int, or char *");
  const bool all_builders = std::all_of(spelled.words.begin(), spelled.words.end(),
                                        [](const Token& token) { return among(builders, token.text); });
  const Token& first = spelled.words.front();
  const bool tagged = among(tags, first.text);
  if (!all_builders && spelled.words.size() != (tagged ? 2U : 1U))
    throw PrototypeError(
        spelled.words[tagged && spelled.words.size() > 2 ? 2 : std::min<std::size_t>(1, spelled.words.size() - 1)]
            .column,
        "too many words for a type: write TYPE NAME(ARGUMENTS), as in 'const char *getenv(\"HOME\")'");
  if (spelled.stars > 0) {
    const bool text =
        spelled.stars == 1 && ((all_builders && built(spelled).bits == 8) || among(characters, first.text));
    return {"", text ? Returned::text : Returned::pointer, 64};
  }
  if (all_builders) return built(spelled);
  if (first.text == "enum") return {"", Returned::number, 32};
  if (tagged || first.text == "float" || first.text == "double")
    throw PrototypeError(first.column, "a result of this type cannot be compared: void, integers and pointers can");
  const auto known =
      std::find_if(std::begin(words), std::end(words), [&](const Type& t) { return t.name == first.text; });
  if (known == std::end(words))
    throw PrototypeError(first.column, "'" + std::string(first.text) +
                                           "' is no type that is known here: write what it stands for, as int, "
                                           "unsigned, long, size_t or char *");
  return *known;
}

class Parser {
 public:
  explicit Parser(std::string_view written) : tokens_(tokens_of(written)) {}

  Prototype parse() {
    Prototype prototype;
    const Token name = head(prototype);
    prototype.name = name.text;
    if (at("(")) {
      next();
      arguments(prototype);
      if (!typed_ && !prototype.arguments.empty())
        throw PrototypeError(name.column, "what does it return? Write its type before the name, as in 'int " +
                                              prototype.name + "(...)'");
    }
    if (at(";")) next();
    if (peek().kind != Token::Kind::end)
      throw PrototypeError(peek().column, "nothing may follow here: quote each operation for itself");
    return prototype;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  Token next() { return tokens_[peek().kind == Token::Kind::end ? at_ : at_++]; }
  bool at(std::string_view punctuation) const {
    return peek().kind == Token::Kind::punctuation && peek().text == punctuation;
  }

  // All before the parenthesis: the type, and the name, which is its last word.
  Token head(Prototype& prototype) {
    Spelled spelled;
    spelled.column = peek().column;
    std::vector<std::size_t> stars_before;
    while (peek().kind == Token::Kind::word || at("*")) {
      const Token token = next();
      if (token.text == "*") {
        ++spelled.stars;
        typed_ = true;
      } else if (among(qualifiers, token.text)) {
        typed_ = true;
      } else {
        spelled.words.push_back(token);
        stars_before.push_back(spelled.stars);
      }
    }
    if (spelled.words.empty() || (peek().kind != Token::Kind::end && !at("(") && !at(";")))
      throw PrototypeError(peek().column,
                           unexpected(peek()) +
                               "; an operation is the name of an exported function, int NAME(void), or a "
                               "call written as C: 'int access(\"/etc/passwd\", 4)'");
    const Token name = spelled.words.back();
    spelled.words.pop_back();
    typed_ = typed_ || !spelled.words.empty();
    const bool ends_with_star = stars_before.back() < spelled.stars;
    const bool type_alone = among(builders, name.text) || name.text == "void" || ends_with_star;
    if (type_alone)
      throw PrototypeError(name.column, "the name of the function is missing: write TYPE NAME(ARGUMENTS)");
    stars_before.pop_back();
    if (!stars_before.empty() && stars_before.back() > 0)
      throw PrototypeError(name.column, "a star stands within the type: stars follow it, as in 'char *NAME(void)'");
    if (typed_) {
      const Type type = type_of(spelled);
      prototype.returned = type.returned;
      prototype.bits = type.bits;
    }
    return name;
  }

  static std::string unexpected(const Token& token) {
    return token.kind == Token::Kind::end ? "it ends too early" : "'" + std::string(token.text) + "' is out of place";
  }

  void arguments(Prototype& prototype) {
    if (peek().text == "void" && peek().kind == Token::Kind::word && tokens_[at_ + 1].text == ")") next();
    while (!at(")")) {
      if (at("...")) {
        const Token dots = next();
        if (prototype.fixed) throw PrototypeError(dots.column, "there can be one '...' only: take this one out");
        if (prototype.arguments.empty())
          throw PrototypeError(dots.column, "a variadic function has a fixed argument before the '...'");
        prototype.fixed = prototype.arguments.size();
      } else {
        if (prototype.arguments.size() == most_arguments)
          throw PrototypeError(peek().column, "more than 32 arguments: wrap the call in a function int NAME(void)");
        prototype.arguments.push_back(argument());
      }
      if (at(")")) break;
      if (!at(","))
        throw PrototypeError(peek().column, unexpected(peek()) + ": write a comma or a closing parenthesis");
      next();
      if (at(")")) throw PrototypeError(peek().column, "an argument is missing after the comma");
    }
    next();
  }

  Argument argument() {
    const Token token = next();
    switch (token.kind) {
      case Token::Kind::text: {
        std::string whole = token.value;
        while (peek().kind == Token::Kind::text) whole += next().value;  // "a" "b" is one literal
        return {Argument::Kind::text, 0, whole};
      }
      case Token::Kind::number:
        return {Argument::Kind::number, static_cast<long>(token.number), {}};
      case Token::Kind::word:
        if (token.text == "NULL" || token.text == "nullptr") return {};
        if (token.text == "true" || token.text == "false")
          return {Argument::Kind::number, token.text == "true" ? 1 : 0, {}};
        throw PrototypeError(token.column, "'" + std::string(token.text) +
                                               "' is no value: arguments are integers, strings in double quotes, NULL; "
                                               "write a constant as its number, and no types");
      case Token::Kind::punctuation:
        if ((token.text == "-" || token.text == "+") && peek().kind == Token::Kind::number) {
          const std::uint64_t magnitude = next().number;
          return {Argument::Kind::number, static_cast<long>(token.text == "-" ? 0 - magnitude : magnitude), {}};
        }
        [[fallthrough]];
      case Token::Kind::end:
        break;
    }
    throw PrototypeError(token.column, unexpected(token) + ": arguments are integers, strings in double quotes, NULL");
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  bool typed_ = false;
};

}  // namespace

Prototype parse_prototype(std::string_view written) {
  return Parser(written).parse();
}

std::string quoted(std::string_view text) {
  constexpr std::pair<char, char> named[] = {{'"', '"'},  {'\\', '\\'}, {'\n', 'n'}, {'\t', 't'}, {'\r', 'r'},
                                             {'\a', 'a'}, {'\b', 'b'},  {'\f', 'f'}, {'\v', 'v'}};
  std::string out = "\"";
  for (const char c : text) {
    const auto* const escape =
        std::find_if(std::begin(named), std::end(named), [&](auto pair) { return pair.first == c; });
    const auto byte = static_cast<unsigned char>(c);
    if (escape != std::end(named)) {
      out += {'\\', escape->second};
    } else if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', static_cast<char>('0' + byte / 64), static_cast<char>('0' + byte / 8 % 8),
              static_cast<char>('0' + byte % 8)};
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string to_string(const Prototype& prototype) {
  if (prototype.arguments.empty()) return prototype.name;
  std::string out = prototype.name + "(";
  for (std::size_t i = 0; i < prototype.arguments.size(); ++i) {
    const Argument& argument = prototype.arguments[i];
    if (i > 0) out += ", ";
    if (i > 0 && prototype.fixed == i) out += "..., ";
    out += argument.kind == Argument::Kind::null   ? "NULL"
           : argument.kind == Argument::Kind::text ? quoted(argument.text)
                                                   : std::to_string(argument.number);
  }
  return out + (prototype.fixed == prototype.arguments.size() ? ", ...)" : ")");
}

}  // namespace behalf::tool
