// A desktop entry of an application: Desktop Entry Specification.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace behalf::detail {

struct DesktopEntry {
  std::string name;
  std::string exec;
  std::string program;      // the first word of exec; empty where a bus starts it
  std::string try_program;  // without it the application counts as not installed; empty where none is named
  bool hidden = false;      // it is to be taken for removed
};

// Nothing where it is none of an application.
std::optional<DesktopEntry> parse_desktop_entry(std::string_view text);

}  // namespace behalf::detail
