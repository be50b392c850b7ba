#include "behalf/system.h"

#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "behalf/impersonation.h"
#include "identity/errors.h"
#include "identity/service.h"

namespace behalf {

namespace {

Token whom_the_thread_wears(const std::vector<std::string>& argv) {
  const std::string what = argv.empty() ? "a program" : argv.front();
  (void)detail::service_for("run " + what);
  if (std::optional<Token> token = worn()) return *std::move(token);
  throw Error(
      Error::Reason::not_the_owner,
      "behalf: run " + what +
          " as whom the thread wears: it wears nobody, and no program is run as the service by mistake. Wear a "
          "token (behalf::Impersonation), name one (behalf::spawn), or run the service's own by posix_spawn(3)");
}

SpawnOptions of_the_service() {
  SpawnOptions options;
  options.input = Stream::of(STDIN_FILENO);
  options.output = Stream::of(STDOUT_FILENO);
  options.error = Stream::of(STDERR_FILENO);
  return options;
}

SpawnOptions with_pipe(Popen::Way way) {
  SpawnOptions options = of_the_service();
  (way == Popen::Way::read ? options.output : options.input) = Stream::pipe();
  return options;
}

std::FILE* opened(Child& child, Popen::Way way) {
  Descriptor& end = way == Popen::Way::read ? child.output() : child.input();
  std::FILE* const stream = ::fdopen(end.get(), way == Popen::Way::read ? "r" : "w");
  if (stream == nullptr) throw std::system_error(errno, std::generic_category(), "behalf: popen: fdopen");
  (void)end.release();
  return stream;
}

}  // namespace

ExitStatus system(const std::vector<std::string>& argv) {
  return system(argv, of_the_service());
}

ExitStatus system(const std::vector<std::string>& argv, const SpawnOptions& options) {
  for (const Stream* stream : {&options.input, &options.output, &options.error}) {
    if (stream->kind() == Stream::Kind::pipe || options.terminal) {
      throw std::invalid_argument("behalf: system: nobody would read its pipe or terminal. Use behalf::spawn");
    }
  }
  return spawn(whom_the_thread_wears(argv), argv, options).wait();
}

Popen::Popen(const std::vector<std::string>& argv, Way way)
    : child_(spawn(whom_the_thread_wears(argv), argv, with_pipe(way))), stream_(opened(child_, way)) {}

ExitStatus Popen::close() {
  stream_.reset();
  return child_.wait();
}

}  // namespace behalf
