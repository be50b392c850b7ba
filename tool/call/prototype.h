// A call as people write it: `const char *g_get_home_dir(void)`, `int access("/srv/root-only.txt", 4)`, or only `NAME`.
//
// The type is what the function returns, in the usual spellings of C; the arguments are values, not types: integers,
// character and string literals, NULL, true and false. `...` stands between the fixed arguments of a variadic function
// and the others: `int printf("%d\n", ..., 5)`. NAME alone, or NAME(), is int NAME(void).
//
// The tool reads it to say what is wrong with it before anything runs, and the service on the stage to make the call:
// the same code in both, so it stands on the standard library alone.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace behalf::tool {

// What a function gives back, as far as a caller who only looks at it cares. Numbers in a word: the service tells it to
// the tracer.
enum class Returned : unsigned long {
  number,   // an integer with a sign
  natural,  // one without
  nothing,
  text,     // a pointer to char
  pointer,  // to anything else: whether it is NULL is all that can be compared
};

struct Argument {
  enum class Kind { number, text, null };
  Kind kind = Kind::null;
  long number = 0;
  std::string text;
};

struct Prototype {
  Returned returned = Returned::number;
  unsigned bits = 32;  // of a number
  std::string name;
  std::vector<Argument> arguments;
  std::optional<std::size_t> fixed;  // how many arguments come before the `...` of a variadic function
};

// What is wrong, where (a column, from 1), and what to write instead.
class PrototypeError : public std::runtime_error {
 public:
  PrototypeError(std::size_t column, const std::string& what) : std::runtime_error(what), column_(column) {}
  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

// Throws PrototypeError.
Prototype parse_prototype(std::string_view written);

// What a report calls it: NAME where there are no arguments, else NAME(ARGUMENTS).
std::string to_string(const Prototype& prototype);

// A string as a C literal, in double quotes; bytes from 0x80 on are left as they are.
std::string quoted(std::string_view text);

}  // namespace behalf::tool
