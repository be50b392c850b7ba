#include "run_as/terminal_relay.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace behalf::tool {
namespace {

// Reads once; false at the end, or where there is nobody left.
bool pass_on(int from, int to) {
  std::array<char, 4096> text;
  const ssize_t size = read(from, text.data(), text.size());
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  for (ssize_t done = 0; done < size;) {
    const ssize_t written = write(to, text.data() + done, static_cast<std::size_t>(size - done));
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) done += written;
  }
  return size > 0;
}

}  // namespace

TerminalRelay::TerminalRelay(const Descriptor& of_command) : of_command_(of_command) {
  go_on();
}

TerminalRelay::~TerminalRelay() {
  rest();
}

void TerminalRelay::rest() const {
  if (before_) tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
}

void TerminalRelay::go_on() {
  termios settings{};
  if (!of_command_ || tcgetattr(STDIN_FILENO, &settings) != 0) return;
  before_ = settings;
  resize();
  cfmakeraw(&settings);
  tcsetattr(STDIN_FILENO, TCSANOW, &settings);
}

pollfd TerminalRelay::from_user() const {
  return {of_command_ && more_typed_ ? STDIN_FILENO : -1, POLLIN, 0};
}

pollfd TerminalRelay::from_command() const {
  return {of_command_ && more_shown_ ? of_command_.get() : -1, POLLIN, 0};
}

void TerminalRelay::type() {
  more_typed_ = pass_on(STDIN_FILENO, of_command_.get());
  // What a terminal takes for the end of what is typed (termios(3), VEOF).
  constexpr char end = 4;
  if (!more_typed_ && write(of_command_.get(), &end, 1) < 0) more_shown_ = false;
}

void TerminalRelay::show() {
  more_shown_ = pass_on(of_command_.get(), STDOUT_FILENO);
}

void TerminalRelay::show_the_rest() {
  for (pollfd rest = from_command(); rest.fd >= 0 && poll(&rest, 1, 0) > 0; rest = from_command()) show();
}

void TerminalRelay::resize() const {
  winsize size{};
  if (of_command_ && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ioctl(of_command_.get(), TIOCSWINSZ, &size);
}

}  // namespace behalf::tool
