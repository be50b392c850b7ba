// TerminalRelay: between the terminal that the tool was called on and the one that a command has of its own.
#pragma once

#include <behalf/descriptor.h>
#include <poll.h>
#include <termios.h>

#include <optional>

namespace behalf::tool {

class TerminalRelay {
 public:
  // Where the descriptor is none, nothing is relayed. Else what is typed goes through as it is typed, until the end.
  explicit TerminalRelay(const Descriptor& of_command);
  ~TerminalRelay();
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;

  [[nodiscard]] bool is_there() const { return static_cast<bool>(of_command_); }

  // What to wait for; of no descriptor where there is nothing to.
  [[nodiscard]] pollfd from_user() const;
  [[nodiscard]] pollfd from_command() const;

  // From the user to the command, and back, as much as is there.
  void type();
  void show();
  // What the command has said before it ended.
  void show_the_rest();
  // The command's terminal becomes as large as the user's.
  void resize() const;

  // The user's terminal is as it was, for somebody else; and again as the command wants it.
  void rest() const;
  void go_on();

 private:
  const Descriptor& of_command_;
  std::optional<termios> before_;
  bool more_typed_ = true;
  bool more_shown_ = true;
};

}  // namespace behalf::tool
