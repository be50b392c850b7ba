#include "judge/codes.h"

#include <algorithm>

namespace behalf::tool {
namespace {

// Looked up from the top: a line that names a kind stands before the one for its hop.
constexpr Code table[] = {
    {"B901", "", "crashed", "the operation crashes, hangs or exits",
     "run the operation by itself first; glibc aborts the process when set*id is called while threads differ in "
     "identity"},
    {"B702", "", "altered", "process-wide state is changed",
     "give the thread its own working directory and umask with unshare(CLONE_FS), pass limits and environment "
     "explicitly"},
    {"B701", "", "broadcast", "other threads' identity is changed",
     "never call glibc's set*id, setgroups or initgroups from a service: impersonate with behalf::Impersonation, which "
     "changes one thread"},
    {"B101", "thread", "", "a thread keeps the identity of its creator",
     "start threads with behalf::thread, or as the service (behalf::AsService) and impersonate inside"},
    {"B102", "queue", "", "a pool's thread works as whoever made it",
     "capture the token when work is submitted and wear it where it runs: behalf::bind, behalf::ThreadPool"},
    {"B103", "callback", "", "a library's helper thread calls back as whoever made it",
     "start the helper as the service, and wear the captured token inside the callback"},
    {"B104", "coroutine", "", "a coroutine is resumed as somebody else",
     "give the identity back before each suspension and wear it again at each resumption: behalf::task"},
    {"B105", "timer", "", "a timer's callback runs as whoever armed the first timer",
     "wear the captured token inside the callback, or use behalf::Timer"},
    {"B201", "async-io", "", "asynchronous input or output runs as somebody else",
     "put a personality on every io_uring request: behalf::uring::Ring"},
    {"B301", "child", "", "a child process is not the user's",
     "make all ids the user's in the child, for good, before exec: behalf::spawn, behalf run-as"},
    {"B401", "cache", "", "a cached answer reaches another user",
     "key what is kept by the whole token: behalf::per_identity"},
    {"B402", "environment", "", "the environment is the process's, not the user's",
     "ask for the user's own: behalf::known_folder, behalf::environment(token), getpwuid_r(geteuid())"},
    {"B403", "process-state", "", "process-wide state is used as if it were the user's",
     "use absolute paths or a directory descriptor opened for the user"},
    {"B404", "descriptor", "", "a descriptor carries the rights of whoever opened it",
     "keep descriptors by token: behalf::per_identity, behalf::bound"},
    {"B501", "connection", "", "the other end sees somebody else",
     "connect as the user, and keep connections by token: behalf::per_identity"},
    {"B502", "message", "", "a message is handled under the identity of its receiver",
     "carry the sender's token with the message: behalf::Mailbox"},
    {"B503", "rpc", "", "a remote call presents somebody else", "set a blanket on the proxy: behalf::Blanket"},
    {"B601", "real-id", "", "the real id is asked, and it is not the user's",
     "ask with the effective ids (faccessat AT_EACCESS, geteuid), or impersonate in the full posture"},
    {"B001", "", "", "the call itself runs as somebody else",
     "impersonate with all ids, groups and capabilities: behalf::Impersonation"},
};

}  // namespace

std::span<const Code> codes() {
  return table;
}

const Code& code_for(std::string_view hop, std::string_view kind) {
  const auto fits = [&](const Code& code) {
    return (code.kind.empty() || code.kind == kind) && (code.hop.empty() || code.hop == hop);
  };
  return *std::find_if(std::begin(table), std::end(table), fits);
}

}  // namespace behalf::tool
