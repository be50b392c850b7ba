// The words, numbers, literals and signs of a call written as C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace behalf::tool {

struct Token {
  enum class Kind { word, number, text, punctuation, end };
  Kind kind = Kind::end;
  std::string_view text;     // as written
  std::size_t column = 1;    // where it begins
  std::uint64_t number = 0;  // of a number, or a character
  std::string value;         // of a string, its escapes read
};

// The tokens of `written`, which must outlive them; the last is the end. Throws PrototypeError.
std::vector<Token> tokens_of(std::string_view written);

}  // namespace behalf::tool
