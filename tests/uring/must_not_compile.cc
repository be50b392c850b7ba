// Each section is compiled alone and must be refused, with words that tell why.
#include <fcntl.h>

#include "behalf/uring.h"

[[maybe_unused]] static behalf::task<> nothing() {
  co_return;
}

[[maybe_unused]] static behalf::task<> allowed(behalf::uring::Ring& ring) {
  ring.submit(behalf::uring::open("a", O_RDONLY), [](const behalf::uring::Result&) {});
  behalf::uring::Request kept = behalf::uring::open("a", O_RDONLY);
  (void)co_await ring.submit(behalf::as_service, std::move(kept));
}

#ifdef MUST_NOT_COMPILE_forgotten
void f(behalf::uring::Ring& ring) {
  ring.submit(behalf::uring::open("a", O_RDONLY));
}
#endif
#ifdef MUST_NOT_COMPILE_coroutine
void f(behalf::uring::Ring& ring) {
  ring.submit(behalf::uring::open("a", O_RDONLY), [](const behalf::uring::Result&) { return nothing(); });
}
#endif
#ifdef MUST_NOT_COMPILE_callback
void f(behalf::uring::Ring& ring) {
  ring.submit(behalf::uring::open("a", O_RDONLY).then(behalf::uring::close(behalf::uring::opened)),
              [](const behalf::uring::Result&) {});
}
#endif
