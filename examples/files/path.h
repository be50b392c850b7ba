// The path that a request names, and back.
#pragma once

#include <string>
#include <string_view>

// What a target names, relative to the root: "" is the root itself, "a/b" what is in it; a slash at the end asks for a
// folder. Percent signs are resolved once. That it stays beneath the root is the kernel's to see to (openat2(2)).
struct Path {
  std::string name;
  bool is_folder = false;
  std::string_view query;  // of the target

  // The folder that it is in, "." where that is the root; and its name there.
  [[nodiscard]] std::string parent() const;
  [[nodiscard]] std::string last() const;
};

// Throws behalf::http::Refusal where it is no path.
Path path_of(std::string_view target);

// As a part of a URL.
std::string encoded(std::string_view path);
