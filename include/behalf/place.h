// Place: where in the source a call stands. std::source_location, for compilers that have only its builtins.
//
//   void note(behalf::Place where = behalf::Place::here());  // the caller's file and line
//
#pragma once

namespace behalf {

struct Place {
  const char* file = "";
  unsigned line = 0;

  // As a default argument: the place of the call. Effects and errors: none. Thread-safe. Cost: none.
  static constexpr Place here(const char* in_file = __builtin_FILE(), unsigned in_line = __builtin_LINE()) noexcept {
    return {in_file, in_line};
  }
};

}  // namespace behalf
